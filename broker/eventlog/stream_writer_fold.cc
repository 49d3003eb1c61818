#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/eventlog/whole_event.h"
#include "broker/events/payload_run.h"

namespace purser {
namespace {

constexpr absl::Duration kFoldAgainAfter = absl::Milliseconds(100);
// A run is appended at once: whoever has not ended it by then is gone, or its append was cut.
constexpr absl::Duration kOpenRun = absl::Seconds(1);

}  // namespace

// One batch a call, so that a long history keeps nobody else on this thread waiting.
bool StreamWriter::FoldNew() {
  if (clock_->SinceBoot() < fold_again_at_ || AtStop() || !IsNews()) return false;
  if (fold_open_ && !CommitFold()) return true;
  {
    MutexLock lock(&mutex_);
    if (!health_.ok()) return false;
  }
  auto batch = history_.Read(fold_->head().position);
  if (batch.ok()) CutAtStop(&*batch);
  const absl::Status status = batch.ok() ? FoldBatch(*batch) : batch.status();
  if (status.ok()) {
    if (batch->empty()) return false;
    new_records_.store(true, std::memory_order_release);  // There may be more.
    return true;
  }
  if (!IsRetryable(status)) {
    Break(status);
    return true;
  }
  new_records_.store(true, std::memory_order_release);
  fold_again_at_ = clock_->SinceBoot() + kFoldAgainAfter;
  return false;
}

// Whether there may be records to fold, and the fold is free to take them.
bool StreamWriter::IsNews() {
  if (!new_records_.exchange(false, std::memory_order_acq_rel)) return false;
  if (!fold_open_ && !appending_.has_value()) return true;
  // Most news is of our own records, which the fold holds.
  const StreamPosition ours = appending_ ? appending_->end() : fold_->head().position;
  const absl::StatusOr<Head> known = log_->KnownHead(stream_);
  if (known.ok() && known->position <= ours && fold_->head().position >= ours) return false;
  if (!appending_.has_value()) return true;
  // The open group holds the fold; what came meanwhile waits for its end.
  new_records_.store(true, std::memory_order_release);
  return false;
}

absl::Status StreamWriter::FoldBatch(const std::vector<StoredRecord>& batch) {
  if (batch.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(fold_->Begin());
  for (const StoredRecord& stored : batch) {
    if (const absl::Status folded = FoldRecord(stored); !folded.ok()) {
      fold_->Rollback();
      return Annotate(folded,
                      absl::StrCat("fold ", stream_.ToString(), " at position ", stored.position));
    }
  }
  RETURN_IF_ERROR(fold_->Commit());
  folded_.store(fold_->head().position, std::memory_order_release);
  NoteOpenRun(batch.back());
  return absl::OkStatus();
}

// Chunks whose end has not come: whoever writes them may be about to.
void StreamWriter::NoteOpenRun(const StoredRecord& last) {
  const auto envelope = DecodeRecord(last.bytes);
  const bool open = envelope.ok() && envelope->kind() == event::v1::CHUNK;
  run_ends_by_ = open ? clock_->SinceBoot() + kOpenRun : absl::ZeroDuration();
}

absl::Status StreamWriter::FoldRecord(const StoredRecord& stored) {
  const Record record{stored.bytes};
  if (record.prev() != fold_->head().self) {
    return absl::DataLossError(
        "it does not chain on what was folded; rebuild the read model or restore the log");
  }
  ASSIGN_OR_RETURN(event::v1::Envelope envelope, DecodeRecord(record.bytes));
  if (EndsRun(envelope)) {
    ASSIGN_OR_RETURN(envelope, WholeEvent(*log_, stream_, stored.position, std::move(envelope)));
  }
  return fold_->Apply(record, envelope);
}

// Commits the fold when it is due and nothing unsettled is in it.
bool StreamWriter::KeepFold() {
  if (!fold_open_ || appending_.has_value() || !next_.empty() || AtStop()) return false;
  const bool due =
      unkept_groups_ == 0 || unkept_groups_ >= kMaxUnkeptGroups || queue_.empty() || IsAwaited();
  return due && CommitFold();
}

// Whether somebody waits for the fold to be committed up to where it is.
bool StreamWriter::IsAwaited() const {
  if (!settled_.empty()) return true;
  const StreamPosition end = fold_->head().position;
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [end](const Waiter& waiter) { return waiter.position <= end; });
}

bool StreamWriter::CommitFold() {
  if (unkept_groups_ == 0 || PassesStop()) {
    RollbackFold();  // Nothing was applied; or what was comes back from the log, in two parts.
    return true;
  }
  if (const absl::Status kept = fold_->Commit(); !kept.ok()) {
    // The records stand; the fold takes them from the log as soon as it can.
    LogWarning("the read model could not keep what was written",
               {{"stream", stream_.ToString()}, {"code", absl::StatusCodeToString(kept.code())}});
    RollbackFold();
    return false;
  }
  fold_open_ = false;
  unkept_groups_ = 0;
  folded_.store(fold_->head().position, std::memory_order_release);
  return true;
}

// Somebody is to be told of where the fold is before it goes on.
bool StreamWriter::AtStop() const {
  return std::any_of(waiters_.begin(), waiters_.end(), [folded = folded()](const Waiter& waiter) {
    return waiter.exact && waiter.position <= folded;
  });
}

// Whether a commit of the open fold would pass where somebody wants it to be.
bool StreamWriter::PassesStop() const {
  const StreamPosition end = fold_->head().position;
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [end](const Waiter& waiter) { return waiter.exact && waiter.position < end; });
}

void StreamWriter::CutAtStop(std::vector<StoredRecord>* batch) const {
  for (const Waiter& waiter : waiters_) {
    while (waiter.exact && !batch->empty() && batch->back().position > waiter.position) {
      batch->pop_back();
    }
  }
}

// To the last commit; what was valid in it comes back from the log.
void StreamWriter::RollbackFold() {
  if (!fold_open_) return;
  fold_->Rollback();
  fold_open_ = false;
  if (std::exchange(unkept_groups_, 0) > 0) new_records_.store(true, std::memory_order_release);
}

}  // namespace purser
