// Folds one stream to its head, decides what waits against that state, and appends it as a group.
//
// The one path by which anything is written to a chained stream: a request is answered only once
// its records came back valid and are folded; where another writer came first it is decided again.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/fold.h"

namespace purser {

// Where a request's records came to stand.
struct WriteReceipt {
  StreamPosition first = 0;  // 0: nothing was written, the request was a read
  StreamPosition last = 0;
  absl::Time time;  // log time
};

struct WriteRequest {
  // Decides against the fold as it stands: the records to write, none, or a refusal. Runs on the
  // driving thread inside the fold's transaction, again after each lost race. `at` is the log time
  // that its first record will have, `next` its position.
  std::function<absl::StatusOr<std::vector<event::v1::Envelope>>(absl::Time at,
                                                                 StreamPosition next)>
      decide;
  // Called once, on the driving thread; not at all where the writer is destroyed first.
  // A refusal as `decide` gave it; Unavailable: the log is out of reach or did not settle it in
  // time, and it may or may not stand; ResourceExhausted: the disk is full, nothing was written.
  std::function<void(const absl::StatusOr<WriteReceipt>&)> done;
  // On Clock::SinceBoot().
  absl::Duration deadline;
};

// Driven by one thread; Submit(), WaitFolded(), NewRecords() and folded() are for any.
class StreamWriter {
 public:
  // Runs a closure on the driving thread.
  using Post = std::function<void(std::function<void()>)>;

  // `log`, `fold` and `clock` outlive it; `post` may run its closure at once where the log's
  // RunOnce() is called on the driving thread. `wake` makes the driving thread call RunOnce().
  StreamWriter(EventLog* log, StreamId stream, Fold* fold, const Clock* clock, Post post,
               std::function<void()> wake);

  void Submit(WriteRequest request);

  // Calls `done` on the driving thread once the fold has reached `position`; DeadlineExceeded at
  // `deadline` (SinceBoot).
  void WaitFolded(StreamPosition position, absl::Duration deadline,
                  std::function<void(absl::Status)> done);

  // The log has new valid records of the stream.
  void NewRecords();

  // Does what can be done now; true if anything was.
  bool RunOnce();

  // Up to where the fold has been committed.
  StreamPosition folded() const { return folded_.load(std::memory_order_acquire); }

  // OK, or why nothing can be folded or written any more.
  absl::Status health() const;

 private:
  struct Pending {
    WriteRequest request;
    absl::Status refusal;  // or OK: it wrote nothing, or its records are in the group
    size_t first = 0;      // of its records in the group
    size_t count = 0;
    absl::Time time;
  };
  struct Settled {
    Pending pending;
    WriteReceipt receipt;
  };
  struct Waiter {
    StreamPosition position;
    absl::Duration deadline;
    std::function<void(absl::Status)> done;
  };

  bool TakeSubmitted();
  bool FoldNew();
  absl::Status FoldBatch(const std::vector<StoredRecord>& batch);
  bool StartGroup();
  void DecideGroup();
  // Decides one request and applies its records to the open fold; false where the group was undone.
  bool DecideOne(Pending pending, Head* head);
  void UndoGroup();
  void OnAppended(const AppendResult& result);
  void OnGroupValid();
  void OnGroupLost(const AppendResult& result);
  void SettleRefusals();
  void OnCaughtUp(const absl::StatusOr<Head>& head);
  bool AnswerSettled();
  bool ExpireWaiting();
  bool WakeWaiters();
  void PauseAfterLoss();
  void WatchClock();
  void Break(const absl::Status& why);
  void FailAll(const absl::Status& why);

  EventLog* const log_;
  const StreamId stream_;
  Fold* const fold_;
  const Clock* const clock_;
  const Post post_;
  const std::function<void()> wake_;
  absl::BitGen random_;

  std::atomic<StreamPosition> folded_{0};
  std::atomic<bool> new_records_{true};

  mutable Mutex mutex_;
  std::vector<WriteRequest> submitted_ ABSL_GUARDED_BY(mutex_);
  std::vector<Waiter> new_waiters_ ABSL_GUARDED_BY(mutex_);
  absl::Status health_ ABSL_GUARDED_BY(mutex_);

  // The driving thread's own.
  std::deque<Pending> queue_;
  std::vector<Pending> group_;     // wrote records that are being appended
  std::vector<Pending> refusals_;  // decided to write nothing; settled after the group
  std::vector<Record> records_;
  std::deque<Settled> settled_;  // valid, not yet folded
  std::vector<Waiter> waiters_;
  Head base_;  // what the group was decided on
  bool appending_ = false;
  bool catching_up_ = false;
  absl::Duration not_before_ = absl::ZeroDuration();
  absl::Duration append_began_;
  absl::Duration last_commit_ = absl::Milliseconds(1);
  absl::Duration clock_offset_ = absl::ZeroDuration();
  bool clock_seen_ = false;
};

}  // namespace purser
