#include "broker/eventlog/whole_event.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/events/payload_run.h"

namespace purser {

absl::StatusOr<event::v1::Envelope> WholeEvent(const EventLog& log, const StreamId& stream,
                                               StreamPosition position,
                                               event::v1::Envelope envelope) {
  if (!EndsRun(envelope)) return envelope;
  std::vector<event::v1::Envelope> chunks;
  const StreamPosition before = envelope.run().index();
  if (before >= position) return JoinPayload(chunks, &envelope);
  for (StreamPosition at = position - before; at < position; ++at) {
    ASSIGN_OR_RETURN(const auto records, log.Read(stream, at - 1, 1, 1));
    if (records.empty()) break;
    ASSIGN_OR_RETURN(chunks.emplace_back(), DecodeRecord(records.front().bytes));
  }
  RETURN_IF_ERROR(JoinPayload(chunks, &envelope));
  return envelope;
}

absl::StatusOr<event::v1::Envelope> ReadEvent(const EventLog& log, const StreamId& stream,
                                              StreamPosition position) {
  ASSIGN_OR_RETURN(const auto records, log.Read(stream, position - 1, 1, 1));
  if (records.empty()) {
    return absl::NotFoundError(
        absl::StrCat("stream ", stream.ToString(), " has no record ", position));
  }
  ASSIGN_OR_RETURN(event::v1::Envelope envelope, DecodeRecord(records.front().bytes));
  return WholeEvent(log, stream, position, std::move(envelope));
}

}  // namespace purser
