#include "broker/eventlog/stream_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

// A group is one commit: enough to share an fsync among all who wait, small enough to answer soon.
constexpr size_t kMaxGroup = 512;
constexpr size_t kMaxGroupBytes = 4u << 20;
constexpr size_t kFoldBatch = 1000;
constexpr size_t kFoldBatchBytes = 8u << 20;
constexpr absl::Duration kClockTolerance = absl::Seconds(60);
constexpr absl::Duration kCatchUpDeadline = absl::Seconds(2);

}  // namespace

StreamWriter::StreamWriter(EventLog* log, StreamId stream, Fold* fold, const Clock* clock,
                           Post post, std::function<void()> wake)
    : log_(log),
      stream_(std::move(stream)),
      fold_(fold),
      clock_(clock),
      post_(std::move(post)),
      wake_(std::move(wake)) {
  folded_.store(fold_->head().position);
}

void StreamWriter::Submit(WriteRequest request) {
  {
    MutexLock lock(&mutex_);
    submitted_.push_back(std::move(request));
    if (submitted_.size() > 1) return;  // The first one woke the driver.
  }
  wake_();
}

void StreamWriter::WaitFolded(StreamPosition position, absl::Duration deadline,
                              std::function<void(absl::Status)> done) {
  {
    MutexLock lock(&mutex_);
    new_waiters_.push_back({position, deadline, std::move(done)});
  }
  wake_();
}

void StreamWriter::NewRecords() {
  new_records_.store(true, std::memory_order_release);
  wake_();
}

absl::Status StreamWriter::health() const {
  {
    MutexLock lock(&mutex_);
    if (!health_.ok()) return health_;
  }
  return log_->Health(stream_);
}

bool StreamWriter::RunOnce() {
  bool worked = TakeSubmitted();
  worked |= FoldNew();
  worked |= AnswerSettled();
  worked |= WakeWaiters();
  worked |= ExpireWaiting();
  worked |= StartGroup();
  return worked;
}

bool StreamWriter::TakeSubmitted() {
  std::vector<WriteRequest> submitted;
  std::vector<Waiter> waiters;
  {
    MutexLock lock(&mutex_);
    submitted.swap(submitted_);
    waiters.swap(new_waiters_);
  }
  for (WriteRequest& request : submitted) queue_.push_back({std::move(request)});
  for (Waiter& waiter : waiters) waiters_.push_back(std::move(waiter));
  return !submitted.empty() || !waiters.empty();
}

bool StreamWriter::FoldNew() {
  // The open group's transaction holds the fold; what came meanwhile waits for its end.
  if (appending_ || !new_records_.exchange(false, std::memory_order_acq_rel)) return false;
  bool worked = false;
  while (true) {
    auto batch = log_->Read(stream_, fold_->head().position, kFoldBatch, kFoldBatchBytes);
    const absl::Status status = batch.ok() ? FoldBatch(*batch) : batch.status();
    if (!status.ok()) {
      new_records_.store(true);
      if (!IsRetryable(status)) Break(status);
      return worked;
    }
    if (batch->empty()) return worked;
    worked = true;
  }
}

absl::Status StreamWriter::FoldBatch(const std::vector<StoredRecord>& batch) {
  if (batch.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(fold_->Begin());
  for (const StoredRecord& stored : batch) {
    const Record record{stored.bytes};
    auto envelope = DecodeRecord(record.bytes);
    absl::Status status = envelope.status();
    if (status.ok() && record.prev() != fold_->head().self) {
      status =
          absl::DataLossError(absl::StrCat(stream_.ToString(), " at position ", stored.position,
                                           " does not chain on what was folded; rebuild the "
                                           "read model or restore the log"));
    }
    if (status.ok()) status = fold_->Apply(record, *envelope);
    if (!status.ok()) {
      fold_->Rollback();
      return Annotate(status,
                      absl::StrCat("fold ", stream_.ToString(), " at position ", stored.position));
    }
  }
  RETURN_IF_ERROR(fold_->Commit());
  folded_.store(fold_->head().position, std::memory_order_release);
  return absl::OkStatus();
}

bool StreamWriter::StartGroup() {
  if (appending_ || catching_up_ || queue_.empty()) return false;
  if (clock_->SinceBoot() < not_before_) return false;
  const absl::Status health = this->health();
  if (!health.ok()) {
    FailAll(health);
    return true;
  }
  if (new_records_.load(std::memory_order_acquire)) return true;  // Fold them first.
  WatchClock();
  DecideGroup();
  if (records_.empty()) {
    fold_->Rollback();
    SettleRefusals();
    return true;
  }
  appending_ = true;
  append_began_ = clock_->SinceBoot();
  log_->Append(stream_, base_, std::move(records_), [this](const AppendResult& result) {
    post_([this, result] { OnAppended(result); });
  });
  records_.clear();
  return true;
}

void StreamWriter::DecideGroup() {
  base_ = fold_->head();
  Head head = base_;
  if (const absl::Status begun = fold_->Begin(); !begun.ok()) {
    FailAll(begun);
    return;
  }
  size_t bytes = 0;
  for (size_t n = 0; n < kMaxGroup && !queue_.empty() && bytes < kMaxGroupBytes; ++n) {
    Pending pending = std::move(queue_.front());
    queue_.pop_front();
    const size_t before = records_.size();
    if (!DecideOne(std::move(pending), &head)) return;
    for (size_t i = before; i < records_.size(); ++i) bytes += records_[i].bytes.size();
  }
}

bool StreamWriter::DecideOne(Pending pending, Head* head) {
  const absl::Time now = clock_->Now();
  pending.time = std::max(now, head->time);
  auto envelopes = pending.request.decide(pending.time, head->position + 1);
  if (!envelopes.ok() || envelopes->empty()) {
    pending.refusal = envelopes.status();
    refusals_.push_back(std::move(pending));
    return true;
  }
  pending.first = records_.size();
  pending.count = envelopes->size();
  for (event::v1::Envelope& envelope : *envelopes) {
    Record record = ChainRecord(stream_, std::move(envelope), now, head);
    auto chained = DecodeRecord(record.bytes);
    const absl::Status applied = chained.ok() ? fold_->Apply(record, *chained) : chained.status();
    records_.push_back(std::move(record));
    if (applied.ok()) continue;
    // What cannot be folded must never be written; the others are decided again without it.
    LogError("a decision could not be folded",
             {{"stream", stream_.ToString()}, {"code", absl::StatusCodeToString(applied.code())}});
    pending.request.done(applied);
    UndoGroup();
    return false;
  }
  group_.push_back(std::move(pending));
  return true;
}

// Back to before the group: nothing of it is kept, all of it waits again.
void StreamWriter::UndoGroup() {
  fold_->Rollback();
  records_.clear();
  for (std::vector<Pending>* list : {&refusals_, &group_}) {
    for (auto pending = list->rbegin(); pending != list->rend(); ++pending) {
      pending->refusal = absl::OkStatus();
      queue_.push_front(std::move(*pending));
    }
    list->clear();
  }
}

void StreamWriter::OnAppended(const AppendResult& result) {
  appending_ = false;
  last_commit_ = clock_->SinceBoot() - append_began_;
  const bool all = result.status.ok();
  all ? OnGroupValid() : OnGroupLost(result);
  AnswerSettled();
  SettleRefusals();
  wake_();
}

void StreamWriter::OnGroupValid() {
  for (Pending& pending : group_) {
    const StreamPosition first = base_.position + 1 + pending.first;
    const absl::Time time = pending.time;
    const StreamPosition last = first + pending.count - 1;
    settled_.push_back({std::move(pending), {first, last, time}});
  }
  group_.clear();
  if (const absl::Status kept = fold_->Commit(); !kept.ok()) {
    // The records stand; the fold takes them from the log as soon as it can.
    LogWarning("the read model could not keep a group", {{"stream", stream_.ToString()}});
    new_records_.store(true);
    return;
  }
  folded_.store(fold_->head().position, std::memory_order_release);
}

void StreamWriter::OnGroupLost(const AppendResult& result) {
  fold_->Rollback();
  new_records_.store(true);
  std::deque<Pending> again;
  const bool raced = result.status.code() == absl::StatusCode::kAborted;
  for (Pending& pending : group_) {
    if (pending.first + pending.count <= result.valid) {
      const StreamPosition first = base_.position + 1 + pending.first;
      const absl::Time time = pending.time;
      const StreamPosition last = first + pending.count - 1;
      settled_.push_back({std::move(pending), {first, last, time}});
    } else if (raced && clock_->SinceBoot() < pending.request.deadline) {
      pending.refusal = absl::OkStatus();
      again.push_back(std::move(pending));
    } else {
      pending.request.done(raced ? absl::UnavailableError("other writers came first for too long")
                                 : result.status);
    }
  }
  group_.clear();
  // What was refused on records that do not stand is decided again with the rest.
  for (Pending& pending : refusals_) again.push_back(std::move(pending));
  refusals_.clear();
  queue_.insert(queue_.begin(), std::make_move_iterator(again.begin()),
                std::make_move_iterator(again.end()));
  if (raced) PauseAfterLoss();
  FoldNew();
}

void StreamWriter::PauseAfterLoss() {
  not_before_ = clock_->SinceBoot() + last_commit_ * absl::Uniform(random_, 0.0, 1.0);
}

// A refusal is a read: it stands only if the fold is the log's end as of now.
void StreamWriter::SettleRefusals() {
  if (refusals_.empty() || catching_up_) return;
  catching_up_ = true;
  log_->CatchUp(stream_, kCatchUpDeadline, [this](absl::StatusOr<Head> head) {
    post_([this, head = std::move(head)] { OnCaughtUp(head); });
  });
}

void StreamWriter::OnCaughtUp(const absl::StatusOr<Head>& head) {
  catching_up_ = false;
  std::vector<Pending> refusals = std::move(refusals_);
  refusals_.clear();
  if (!head.ok()) {
    for (Pending& pending : refusals) {
      pending.request.done(absl::UnavailableError(
          absl::StrCat("the log's end could not be reached: ", head.status().message())));
    }
    return;
  }
  if (*head == fold_->head()) {
    for (Pending& pending : refusals) {
      pending.refusal.ok() ? pending.request.done(WriteReceipt{0, 0, pending.time})
                           : pending.request.done(pending.refusal);
    }
    return;
  }
  new_records_.store(true);
  for (auto pending = refusals.rbegin(); pending != refusals.rend(); ++pending) {
    pending->refusal = absl::OkStatus();
    queue_.push_front(std::move(*pending));
  }
  wake_();
}

bool StreamWriter::AnswerSettled() {
  bool worked = false;
  while (!settled_.empty() && settled_.front().receipt.last <= fold_->head().position &&
         settled_.front().receipt.last <= folded()) {
    Settled settled = std::move(settled_.front());
    settled_.pop_front();
    settled.pending.request.done(settled.receipt);
    worked = true;
  }
  return worked;
}

bool StreamWriter::WakeWaiters() {
  if (waiters_.empty()) return false;
  const StreamPosition folded = this->folded();
  const absl::Duration now = clock_->SinceBoot();
  std::vector<Waiter> ready;
  const auto stay = std::partition(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) {
    return waiter.position > folded && now < waiter.deadline;
  });
  ready.assign(std::make_move_iterator(stay), std::make_move_iterator(waiters_.end()));
  waiters_.erase(stay, waiters_.end());
  for (Waiter& waiter : ready) {
    waiter.done(waiter.position <= folded
                    ? absl::OkStatus()
                    : absl::DeadlineExceededError("the read model did not reach the log's end"));
  }
  return !ready.empty();
}

// Requests that waited too long to be decided at all, and valid ones that could not be folded.
bool StreamWriter::ExpireWaiting() {
  const absl::Duration now = clock_->SinceBoot();
  bool worked = false;
  while (!queue_.empty() && queue_.front().request.deadline <= now) {
    Pending pending = std::move(queue_.front());
    queue_.pop_front();
    pending.request.done(absl::UnavailableError("the log did not take the request in time"));
    worked = true;
  }
  while (!settled_.empty() && settled_.front().pending.request.deadline <= now) {
    Settled settled = std::move(settled_.front());
    settled_.pop_front();
    settled.pending.request.done(
        absl::UnavailableError("written, but the read model cannot keep it yet"));
    worked = true;
  }
  return worked;
}

void StreamWriter::WatchClock() {
  const absl::Duration offset = (clock_->Now() - absl::UnixEpoch()) - clock_->SinceBoot();
  const absl::Duration leap = offset - clock_offset_;
  if (clock_seen_ && absl::AbsDuration(leap) >= kClockTolerance) {
    LogError("this machine's clock leapt",
             {{"stream", stream_.ToString()}, {"by", absl::FormatDuration(leap)}});
  }
  if (!clock_seen_ || absl::AbsDuration(leap) >= kClockTolerance) clock_offset_ = offset;
  const absl::Duration behind = fold_->head().time - clock_->Now();
  if (behind > kClockTolerance && (!clock_seen_ || leap != absl::ZeroDuration())) {
    LogError("this machine's clock is behind the log's time",
             {{"stream", stream_.ToString()}, {"by", absl::FormatDuration(behind)}});
  }
  clock_seen_ = true;
}

void StreamWriter::Break(const absl::Status& why) {
  LogError("folding and writing stopped",
           {{"stream", stream_.ToString()}, {"status", why.ToString()}});
  {
    MutexLock lock(&mutex_);
    health_ = why;
  }
  FailAll(why);
}

void StreamWriter::FailAll(const absl::Status& why) {
  std::deque<Pending> all = std::move(queue_);
  queue_.clear();
  for (std::vector<Pending>* list : {&group_, &refusals_}) {
    for (Pending& pending : *list) all.push_back(std::move(pending));
    list->clear();
  }
  for (Pending& pending : all) pending.request.done(why);
}

}  // namespace purser
