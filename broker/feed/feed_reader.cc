#include "broker/feed/feed_reader.h"

#include <utility>

#include "broker/base/status.h"

namespace purser::feed {
namespace {

constexpr size_t kRecordsInRead = 256;
// What one call goes through at most, however little of it is wanted: some 100 ms.
constexpr size_t kRecordsInCall = 10'000;
constexpr size_t kBytesInBatch = 1u << 20;
// Who acknowledges so many and leaves out one gets some of them again.
constexpr size_t kMaxBeyond = 100'000;

}  // namespace

void FeedReader::MoveTo(StreamPosition place) {
  place_ = place;
  beyond_.clear();
}

void FeedReader::Advance(StreamPosition place) {
  if (place <= place_) return;
  place_ = place;
  beyond_.erase(beyond_.begin(), beyond_.upper_bound(place));
}

void FeedReader::Settle(StreamPosition position, const Batch& batch) {
  if (batch.events.empty()) Advance(position);
}

absl::StatusOr<bool> FeedReader::Take(const PlacedEnvelope& record, size_t max, size_t* bytes,
                                      Batch* batch) {
  if (beyond_.count(record.position) > 0) {
    Settle(record.position, *batch);
    return true;
  }
  ASSIGN_OR_RETURN(std::optional<SecurityEvent> event,
                   SecurityEventOf(record.envelope, record.position, settings_,
                                   [this](absl::string_view id, StreamPosition position) {
                                     return source_->WasActive(id, position);
                                   }));
  if (!event.has_value()) {
    Settle(record.position, *batch);
    return true;
  }
  if (batch->events.size() >= max || *bytes >= kBytesInBatch) return false;
  *bytes += event->claims.size();
  batch->events.push_back(*std::move(event));
  return true;
}

absl::StatusOr<FeedReader::Batch> FeedReader::Next(size_t max) {
  Batch batch;
  size_t bytes = 0, seen = 0;
  StreamPosition after = place_;
  while (after < source_->End()) {
    if (seen >= kRecordsInCall) {
      batch.more = true;
      break;
    }
    ASSIGN_OR_RETURN(const std::vector<PlacedEnvelope> records,
                     source_->Read(after, kRecordsInRead));
    if (records.empty()) break;
    for (const PlacedEnvelope& record : records) {
      ASSIGN_OR_RETURN(const bool taken, Take(record, max, &bytes, &batch));
      if (!taken) {
        batch.more = true;
        return batch;
      }
    }
    seen += records.size();
    after = records.back().position;
  }
  return batch;
}

absl::StatusOr<bool> FeedReader::Acknowledge(absl::string_view jti) {
  const std::optional<StreamPosition> position = PositionIn(jti);
  if (!position.has_value() || *position <= place_ || *position > source_->End() ||
      beyond_.size() >= kMaxBeyond || beyond_.count(*position) > 0) {
    return false;
  }
  ASSIGN_OR_RETURN(const std::vector<PlacedEnvelope> records, source_->Read(*position - 1, 1));
  if (records.empty() || records.front().position != *position) return false;
  if (JtiOf(*position, records.front().envelope.event_id()) != jti) return false;
  if (*position == place_ + 1) {
    Advance(*position);
  } else {
    beyond_.insert(*position);
  }
  return true;
}

}  // namespace purser::feed
