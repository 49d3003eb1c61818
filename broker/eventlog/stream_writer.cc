#include "broker/eventlog/stream_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/events/payload_run.h"

namespace purser {
namespace {

// A group is one commit: enough to share an fsync among all who wait, small enough to answer soon.
constexpr size_t kMaxGroup = 512;
constexpr size_t kMaxGroupBytes = 4u << 20;
constexpr absl::Duration kClockTolerance = absl::Seconds(60);

}  // namespace

bool StreamWriter::IsFull(const Group& group) const {
  if (alone_ > 0 && !group.written.empty()) return true;
  return group.written.size() + group.refused.size() >= kMaxGroup || group.bytes >= kMaxGroupBytes;
}

StreamWriter::StreamWriter(EventLog* log, StreamId stream, Fold* fold, const Clock* clock,
                           Post post, std::function<void()> wake)
    : log_(log),
      stream_(std::move(stream)),
      fold_(fold),
      clock_(clock),
      post_(std::move(post)),
      wake_(std::move(wake)),
      history_(log_, stream_) {
  folded_.store(fold_->head().position);
}

StreamWriter::~StreamWriter() { RollbackFold(); }

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

void StreamWriter::WhenAt(StreamPosition position, absl::Duration deadline,
                          std::function<void(absl::Status)> done) {
  {
    MutexLock lock(&mutex_);
    new_waiters_.push_back({position, deadline, std::move(done), /*exact=*/true});
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
  worked |= KeepFold();
  worked |= AnswerSettled();
  worked |= WakeWaiters();
  worked |= ExpireWaiting();
  worked |= StartGroup();
  return worked;
}

absl::Duration StreamWriter::NextDue() const {
  absl::Duration due = next_expiry_;
  for (const Waiter& waiter : waiters_) due = std::min(due, waiter.deadline);
  if (!queue_.empty() && MeetsOpenRun()) due = std::min(due, run_ends_by_);
  const bool folds = new_records_.load(std::memory_order_acquire) && !appending_.has_value();
  return folds ? std::min(due, fold_again_at_) : due;
}

bool StreamWriter::TakeSubmitted() {
  std::vector<WriteRequest> submitted;
  std::vector<Waiter> waiters;
  {
    MutexLock lock(&mutex_);
    submitted.swap(submitted_);
    waiters.swap(new_waiters_);
  }
  for (WriteRequest& request : submitted) Enqueue({std::move(request)}, /*at_front=*/false);
  for (Waiter& waiter : waiters) waiters_.push_back(std::move(waiter));
  return !submitted.empty() || !waiters.empty();
}

void StreamWriter::Enqueue(Pending pending, bool at_front) {
  next_expiry_ = std::min(next_expiry_, pending.request.deadline);
  at_front ? queue_.push_front(std::move(pending)) : queue_.push_back(std::move(pending));
}

// To be decided once more, before those that came later.
void StreamWriter::EnqueueAgain(std::vector<Pending>* pendings) {
  for (auto pending = pendings->rbegin(); pending != pendings->rend(); ++pending) {
    pending->refusal = absl::OkStatus();
    Enqueue(std::move(*pending), /*at_front=*/true);
  }
  pendings->clear();
}

void StreamWriter::EnqueueAgain(Group* group) {
  EnqueueAgain(&group->refused);
  EnqueueAgain(&group->written);
  *group = Group();
}

bool StreamWriter::StartGroup() {
  if (queue_.empty()) return false;
  if (appending_.has_value() && !MayDecideAhead()) return false;
  const absl::Status health = this->health();
  if (!health.ok()) {
    if (appending_.has_value()) return false;  // It fails in its turn.
    FailAll(health);
    return true;
  }
  if (new_records_.load(std::memory_order_acquire)) {
    return !appending_.has_value() && clock_->SinceBoot() >= fold_again_at_;  // Fold them first.
  }
  if (MeetsOpenRun()) return false;
  WatchClock();
  Decide(&next_);
  if (!appending_.has_value()) Send(std::exchange(next_, {}));
  return true;
}

bool StreamWriter::MeetsOpenRun() const { return clock_->SinceBoot() < run_ends_by_; }

// Nobody may be waiting for the fold to be committed: what is decided on top holds that up.
bool StreamWriter::MayDecideAhead() const {
  if (!fold_open_ || fold_->head().position < appending_->end()) return false;
  if (unkept_groups_ >= kMaxUnkeptGroups || IsFull(next_) || IsAwaited()) return false;
  return std::all_of(appending_->written.begin(), appending_->written.end(),
                     [](const Pending& pending) { return pending.request.done_when_valid; });
}

void StreamWriter::Decide(Group* group) {
  if (!fold_open_) {
    if (const absl::Status begun = fold_->Begin(); !begun.ok()) return FailAll(begun);
    fold_open_ = true;
  }
  if (group->empty()) group->base = fold_->head();
  while (!queue_.empty() && !IsFull(*group)) {
    Pending pending = std::move(queue_.front());
    queue_.pop_front();
    if (!DecideOne(std::move(pending), group)) return;
  }
}

bool StreamWriter::DecideOne(Pending pending, Group* group) {
  // Whole microseconds, as folds keep them: log time never goes back, across restarts neither.
  const absl::Time now = absl::FromUnixMicros(absl::ToUnixMicros(clock_->Now()));
  const WriteTurn::Write write = [&](std::vector<event::v1::Envelope> events) {
    return ChainAndApply(std::move(events), now, group);
  };
  WriteTurn turn(*fold_, now, write);
  pending.time = turn.at();
  pending.first = group->records.size();
  pending.refusal = DecideIn(pending.request, &turn);
  pending.count = group->records.size() - pending.first;
  const absl::Status& applied = turn.status();
  if (applied.ok()) {
    (pending.count == 0 ? group->refused : group->written).push_back(std::move(pending));
    return true;
  }
  // What cannot be folded must never be written; the others are decided again without it.
  RollbackFold();
  EnqueueAgain(group);
  if (IsRetryable(applied)) {
    Enqueue(std::move(pending), /*at_front=*/true);
    FailAll(applied);
  } else {
    LogError("a decision could not be folded",
             {{"stream", stream_.ToString()}, {"code", absl::StatusCodeToString(applied.code())}});
    pending.request.done(applied);
  }
  return false;
}

absl::Status StreamWriter::DecideIn(const WriteRequest& request, WriteTurn* turn) {
  if (request.decide_in_turn) return request.decide_in_turn(turn);
  ASSIGN_OR_RETURN(std::vector<event::v1::Envelope> events, request.decide(turn->at()));
  return turn->Append(std::move(events));
}

absl::Status StreamWriter::ChainAndApply(std::vector<event::v1::Envelope> events, absl::Time now,
                                         Group* group) {
  for (event::v1::Envelope& event : events) {
    std::string whole;
    for (event::v1::Envelope& chunk : CutPayload(&event, &whole)) {
      RETURN_IF_ERROR(ChainAndApplyOne(std::move(chunk), "", now, group));
    }
    RETURN_IF_ERROR(ChainAndApplyOne(std::move(event), std::move(whole), now, group));
  }
  return absl::OkStatus();
}

// `whole`: the payload that a run ends with, which is folded in place of its last piece.
absl::Status StreamWriter::ChainAndApplyOne(event::v1::Envelope record, std::string whole,
                                            absl::Time now, Group* group) {
  Head head = fold_->head();
  group->records.push_back(ChainRecord(stream_, std::move(record), now, &head));
  const Record& chained = group->records.back();
  ++group->count;
  group->bytes += chained.bytes.size();
  ASSIGN_OR_RETURN(event::v1::Envelope envelope, DecodeRecord(chained.bytes));
  if (EndsRun(envelope)) envelope.set_payload(std::move(whole));
  return fold_->Apply(chained, envelope);
}

void StreamWriter::Send(Group group) {
  if (group.records.empty()) {
    SettleRefusals(std::move(group.refused), group.base.position);
    return;
  }
  std::vector<Record> records = std::exchange(group.records, {});
  const Head base = group.base;
  appending_ = std::move(group);
  log_->Append(stream_, base, std::move(records),
               [this, post = post_, alive = std::weak_ptr<bool>(alive_)](const AppendResult& done) {
                 post([this, alive, done] {
                   if (!alive.expired()) OnAppended(done);
                 });
               });
}

void StreamWriter::OnAppended(const AppendResult& result) {
  Group group = *std::exchange(appending_, std::nullopt);
  if (alone_ > 0) --alone_;
  if (result.status.ok()) {
    OnGroupValid(std::move(group));
  } else {
    OnGroupLost(std::move(group), result);
  }
  AnswerSettled();
  wake_();
}

void StreamWriter::OnGroupValid(Group group) {
  if (fold_open_ && fold_->head().position >= group.end()) {
    ++unkept_groups_;
  } else {
    // Undone by what was decided on top of it: it comes back from the log.
    new_records_.store(true, std::memory_order_release);
  }
  if (!next_.empty()) Send(std::exchange(next_, {}));
  for (Pending& pending : group.written) Settle(std::move(pending), group.base);
  KeepFold();
  SettleRefusals(std::move(group.refused), group.end());
}

void StreamWriter::OnGroupLost(Group group, const AppendResult& result) {
  RollbackFold();
  new_records_.store(true, std::memory_order_release);
  const bool raced = absl::IsAborted(result.status);
  // Which of them it was shows when each is sent by itself.
  const bool too_large = absl::IsInvalidArgument(result.status) && group.written.size() > 1;
  if (too_large) alone_ = group.written.size();
  // What was refused or decided on records that do not stand is decided again with the rest.
  EnqueueAgain(&next_);
  EnqueueAgain(&group.refused);
  std::vector<Pending> again;
  for (Pending& pending : group.written) {
    if (pending.first + pending.count <= result.valid) {
      Settle(std::move(pending), group.base);
      continue;
    }
    if (pending.request.part_stands && pending.first < result.valid) {
      pending.request.part_stands(result.valid - pending.first);
    }
    if (raced || too_large) {
      again.push_back(std::move(pending));
    } else {
      pending.request.done(NotTaken(result.status));
    }
  }
  EnqueueAgain(&again);
  FoldNew();
}

void StreamWriter::WatchClock() {
  const absl::Duration offset = (clock_->Now() - absl::UnixEpoch()) - clock_->SinceBoot();
  const absl::Duration leap = offset - std::exchange(clock_offset_, offset);
  if (std::exchange(clock_seen_, true) && absl::AbsDuration(leap) >= kClockTolerance) {
    LogError("this machine's clock leapt",
             {{"stream", stream_.ToString()}, {"by", absl::FormatDuration(leap)}});
  }
  const absl::Duration behind = fold_->head().time - clock_->Now();
  const bool far = behind > kClockTolerance;
  if (far && !behind_log_) {
    LogError("this machine's clock is behind the log's time",
             {{"stream", stream_.ToString()}, {"by", absl::FormatDuration(behind)}});
  }
  behind_log_ = far;
}

void StreamWriter::Break(const absl::Status& why) {
  LogError("folding and writing stopped",
           {{"stream", stream_.ToString()}, {"status", why.ToString()}});
  {
    MutexLock lock(&mutex_);
    health_ = why;
  }
  FailAll(why);
  for (const Settled& settled : std::exchange(settled_, {})) {
    settled.pending.request.done(
        absl::UnavailableError("written, but the read model cannot keep it"));
  }
}

}  // namespace purser
