#include "broker/eventlog/read_ahead.h"

#include <utility>

namespace purser {
namespace {

constexpr size_t kBatch = 1000;
constexpr size_t kBatchBytes = 8u << 20;

}  // namespace

absl::StatusOr<std::vector<StoredRecord>> ReadAhead::Read(StreamPosition after) {
  Batch batch = absl::UnavailableError("not read yet");
  if (next_.valid()) {
    Batch next = next_.get();
    if (next_after_ == after && next.ok() && !next->empty()) batch = std::move(next);
  }
  // What failed ahead of time, or found nothing yet, has not been asked for until now.
  if (!batch.ok()) batch = log_->Read(stream_, after, kBatch, kBatchBytes);
  if (batch.ok() && !batch->empty()) StartNext(batch->back().position);
  return batch;
}

void ReadAhead::StartNext(StreamPosition after) {
  const absl::StatusOr<Head> known = log_->KnownHead(stream_);
  if (!known.ok() || known->position < after + kBatch) return;
  next_after_ = after;
  next_ = std::async(std::launch::async,
                     [this, after] { return log_->Read(stream_, after, kBatch, kBatchBytes); });
}

}  // namespace purser
