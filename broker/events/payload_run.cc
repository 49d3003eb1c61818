#include "broker/events/payload_run.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"

namespace purser {

using event::v1::Envelope;

namespace {

std::atomic<size_t> max_piece_bytes = kMaxPieceBytes;

}  // namespace

void SetMaxPieceBytesForTest(size_t bytes) { max_piece_bytes = bytes; }

std::vector<Envelope> CutPayload(Envelope* event, std::string* whole) {
  std::vector<Envelope> chunks;
  const size_t most = max_piece_bytes;
  if (event->payload().size() <= most) return chunks;
  *whole = std::move(*event->mutable_payload());
  const size_t count = (whole->size() + most - 1) / most;
  for (size_t index = 0; index < count; ++index) {
    const bool last = index + 1 == count;
    Envelope* record = last ? event : &chunks.emplace_back();
    record->set_payload(whole->substr(index * most, most));
    event::v1::Run* run = record->mutable_run();
    run->set_id(event->event_id());
    run->set_index(static_cast<uint32_t>(index));
    run->set_count(static_cast<uint32_t>(count));
    if (!last) record->set_kind(event::v1::CHUNK);
  }
  return chunks;
}

bool EndsRun(const Envelope& envelope) {
  return envelope.has_run() && envelope.kind() != event::v1::CHUNK;
}

absl::Status JoinPayload(const std::vector<Envelope>& chunks, Envelope* last) {
  const event::v1::Run& run = last->run();
  std::string whole;
  bool fits = run.index() + 1 == run.count() && chunks.size() == run.index();
  for (size_t index = 0; fits && index < chunks.size(); ++index) {
    const Envelope& chunk = chunks[index];
    fits = chunk.kind() == event::v1::CHUNK && chunk.run().id() == run.id() &&
           chunk.run().index() == index;
    whole += chunk.payload();
  }
  if (!fits) {
    return absl::DataLossError(
        absl::StrCat("event ", last->event_id(), " is the end of a run that is not before it"));
  }
  whole += last->payload();
  last->set_payload(std::move(whole));
  return absl::OkStatus();
}

}  // namespace purser
