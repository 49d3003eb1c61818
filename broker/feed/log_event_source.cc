#include "broker/feed/log_event_source.h"

#include <optional>
#include <utility>

#include "broker/base/status.h"
#include "broker/eventlog/whole_event.h"

namespace purser::feed {
namespace {

constexpr size_t kBytesInRead = 1u << 20;

}  // namespace

absl::StatusOr<std::vector<PlacedEnvelope>> LogEventSource::Read(StreamPosition after,
                                                                 size_t max) const {
  ASSIGN_OR_RETURN(const std::vector<StoredRecord> records,
                   log_->Read(stream_, after, max, kBytesInRead));
  std::vector<PlacedEnvelope> read;
  for (const StoredRecord& record : records) {
    if (record.position > End()) break;
    ASSIGN_OR_RETURN(event::v1::Envelope envelope, DecodeRecord(record.bytes));
    ASSIGN_OR_RETURN(envelope, WholeEvent(*log_, stream_, record.position, std::move(envelope)));
    read.push_back({record.position, std::move(envelope)});
  }
  return read;
}

// The latest record before it that says so; there is one, if only the create.
absl::StatusOr<bool> LogEventSource::WasActive(absl::string_view id,
                                               StreamPosition position) const {
  ASSIGN_OR_RETURN(const auto reader, readers_->Take());
  ASSIGN_OR_RETURN(const std::vector<StreamPosition> touched, reader->Timeline(id));
  for (auto it = touched.rbegin(); it != touched.rend(); ++it) {
    if (*it >= position) continue;
    ASSIGN_OR_RETURN(const std::vector<PlacedEnvelope> records, Read(*it - 1, 1));
    if (records.empty()) continue;
    const event::v1::Envelope& envelope = records.front().envelope;
    if (envelope.resource_id() != id) continue;  // It touched the user, and is of another resource.
    ASSIGN_OR_RETURN(const std::optional<bool> active, ActiveIn(envelope));
    if (active.has_value()) return *active;
  }
  return true;
}

}  // namespace purser::feed
