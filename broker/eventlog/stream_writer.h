// Folds one stream to its head, decides what waits against that state, and appends it as a group.
//
// The one path by which anything is written to a chained stream: a request is answered only once
// its records came back valid; where another writer came first it is decided again. While the log
// commits a group the next one is decided on top of it, and decided again should it not stand.
// Pausing after a loss and yielding to the winner are the log's.
//
// An event too large for one record is written as a run of them and folded as one, at the last. A
// writer that meets the open run of another waits for its end, a second after its last chunk at
// most: what it wrote between would end the run.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/fold.h"
#include "broker/eventlog/read_ahead.h"

namespace purser {

// Where a request's records came to stand.
struct WriteReceipt {
  StreamPosition first = 0;  // 0: nothing was written, the request was a read
  StreamPosition last = 0;
  absl::Time time;  // log time
};

// One turn of a request that decides several times.
class WriteTurn {
 public:
  using Write = std::function<absl::Status(std::vector<event::v1::Envelope>)>;

  // `fold` and `write` outlive it.
  WriteTurn(const Fold& fold, absl::Time now, const Write& write)
      : fold_(fold), now_(now), write_(write) {}

  // The log time that the next event will have.
  absl::Time at() const { return std::max(now_, fold_.head().time); }
  // Of the last record so far; an event's version is that of its own last one.
  StreamPosition last() const { return fold_.head().position; }

  // Takes a decision's events into the fold, so that the next decision sees them.
  absl::Status Append(std::vector<event::v1::Envelope> events) {
    status_ = write_(std::move(events));
    return status_;
  }
  // Of the last Append().
  const absl::Status& status() const { return status_; }

 private:
  const Fold& fold_;
  const absl::Time now_;
  const Write& write_;
  absl::Status status_;
};

struct WriteRequest {
  // Decides against the fold as it stands: the events to write, none, or a refusal. Runs on the
  // driving thread inside the fold's transaction, again after each lost race, its own or that of
  // what it was decided on. `at` is the log time that its first record will have. Each event has an
  // id of its own: the same bytes of two writers would be one record, and both would be told that
  // it is theirs.
  std::function<absl::StatusOr<std::vector<event::v1::Envelope>>(absl::Time at)> decide;
  // In place of `decide`: several decisions in order, which nobody else's come between, each of
  // which may see what those before it appended. An error, where Append() gave one, ends the turn.
  std::function<absl::Status(WriteTurn*)> decide_in_turn = nullptr;
  // Told, after a turn of which the first `records` stand and the rest does not, before the next
  // turn or an error ends it: the next turn goes on behind those.
  std::function<void(size_t records)> part_stands = nullptr;
  // Called once, on the driving thread; not at all where the writer is destroyed first.
  // A refusal as `decide` gave it; Unavailable: the log is out of reach, takes no writes any more
  // (damaged, moved), or did not settle it in time, and it may or may not stand; ResourceExhausted:
  // the disk is full, nothing was written; another code: what was decided cannot be folded.
  std::function<void(const absl::StatusOr<WriteReceipt>&)> done;
  // On Clock::SinceBoot().
  absl::Duration deadline;
  // True: `done` may come before the fold is committed, for who reads nothing from the read model;
  // a read that asks for the log's end waits for it. False: folded() has reached its records.
  bool done_when_valid = false;
};

// Driven by one thread; Submit(), WaitFolded(), WhenAt(), NewRecords() and folded() are for any.
class StreamWriter {
 public:
  // Runs a closure on the driving thread.
  using Post = std::function<void(std::function<void()>)>;

  // `log`, `fold` and `clock` outlive it; the stream is opened before the first RunOnce(). `post`
  // may run its closure at once where the log's RunOnce() is called on the driving thread. `wake`
  // makes the driving thread call RunOnce().
  StreamWriter(EventLog* log, StreamId stream, Fold* fold, const Clock* clock, Post post,
               std::function<void()> wake);
  // On the driving thread. What is not settled is dropped unanswered, and the fold is rolled back.
  ~StreamWriter();
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  void Submit(WriteRequest request);

  // Calls `done` on the driving thread once the fold has reached `position`; DeadlineExceeded at
  // `deadline` (SinceBoot).
  void WaitFolded(StreamPosition position, absl::Duration deadline,
                  std::function<void(absl::Status)> done);

  // Calls `done` on the driving thread while the committed fold is at `position` exactly: what is
  // read of the read model then is of that position, on every node the same. OutOfRange where it is
  // behind that already; DeadlineExceeded at `deadline` (SinceBoot).
  void WhenAt(StreamPosition position, absl::Duration deadline,
              std::function<void(absl::Status)> done);

  // The log has new valid records of the stream.
  void NewRecords();

  // Does what can be done now; true if anything was.
  bool RunOnce();

  // SinceBoot of the next thing that is due by itself. The driving thread's.
  absl::Duration NextDue() const;

  // Up to where the fold has been committed.
  StreamPosition folded() const { return folded_.load(std::memory_order_acquire); }

  // OK, or why nothing can be folded or written any more.
  absl::Status health() const;

 private:
  struct Pending {
    WriteRequest request;
    absl::Status refusal = {};  // or OK: it wrote nothing, or its records are in the group
    size_t first = 0;           // of its records in the group
    size_t count = 0;
    absl::Time time = {};
    StreamPosition decided_at = 0;  // what a refusal rests on
    // Where the log ended at a time after the request came; a refusal at or behind it stands.
    std::optional<StreamPosition> known_end = std::nullopt;
  };
  // Requests that were decided together, to be one append.
  struct Group {
    Head base;                     // what it was decided on
    std::vector<Record> records;   // until they are sent
    size_t count = 0;              // of the records
    size_t bytes = 0;              // of the records
    std::vector<Pending> written;  // wrote the records
    std::vector<Pending> refused;  // decided to write nothing; settled after the records

    bool empty() const { return written.empty() && refused.empty(); }
    StreamPosition end() const { return base.position + count; }
  };
  struct Settled {
    Pending pending;
    WriteReceipt receipt;
  };
  struct Waiter {
    StreamPosition position;
    absl::Duration deadline;
    std::function<void(absl::Status)> done;
    bool exact = false;  // nothing is committed behind `position` before it is told
  };

  // What may be valid and not yet committed in the fold: a commit costs about as much for many
  // groups as for one, and a crash folds them again from the log.
  static constexpr int kMaxUnkeptGroups = 16;

  // stream_writer.cc: requests, decided in groups, and what the log made of those.
  bool TakeSubmitted();
  void Enqueue(Pending pending, bool at_front);
  void EnqueueAgain(std::vector<Pending>* pendings);
  void EnqueueAgain(Group* group);
  bool StartGroup();
  bool MayDecideAhead() const;
  bool MeetsOpenRun() const;
  void Decide(Group* group);
  // Decides one request and applies its records to the open fold; false where the group was undone.
  bool DecideOne(Pending pending, Group* group);
  static absl::Status DecideIn(const WriteRequest& request, WriteTurn* turn);
  absl::Status ChainAndApply(std::vector<event::v1::Envelope> events, absl::Time now, Group* group);
  absl::Status ChainAndApplyOne(event::v1::Envelope record, std::string whole, absl::Time now,
                                Group* group);
  bool IsFull(const Group& group) const;
  void Send(Group group);
  void OnAppended(const AppendResult& result);
  void OnGroupValid(Group group);
  void OnGroupLost(Group group, const AppendResult& result);
  void WatchClock();
  void Break(const absl::Status& why);

  // stream_writer_fold.cc: records of others, and the fold's transaction.
  bool FoldNew();
  bool IsNews();
  absl::Status FoldBatch(const std::vector<StoredRecord>& batch);
  void NoteOpenRun(const StoredRecord& last);
  absl::Status FoldRecord(const StoredRecord& stored);
  bool KeepFold();
  bool IsAwaited() const;
  bool CommitFold();
  bool AtStop() const;
  bool PassesStop() const;
  void CutAtStop(std::vector<StoredRecord>* batch) const;
  void RollbackFold();

  // stream_writer_answers.cc: when a request, or who waits for a position, is told what.
  void Settle(Pending pending, const Head& base);
  void SettleRefusals(std::vector<Pending> refused, StreamPosition decided_at);
  void OnCaughtUp(std::vector<Pending>* refusals, const absl::StatusOr<Head>& head);
  static void AnswerRefusal(const Pending& pending);
  bool AnswerSettled();
  bool WakeWaiters();
  bool ExpireWaiting();
  static absl::Status NotTaken(const absl::Status& why);
  void FailAll(const absl::Status& why);

  EventLog* const log_;
  const StreamId stream_;
  Fold* const fold_;
  const Clock* const clock_;
  const Post post_;
  const std::function<void()> wake_;

  std::atomic<StreamPosition> folded_{0};
  std::atomic<bool> new_records_{true};

  mutable Mutex mutex_;
  std::vector<WriteRequest> submitted_ ABSL_GUARDED_BY(mutex_);
  std::vector<Waiter> new_waiters_ ABSL_GUARDED_BY(mutex_);
  absl::Status health_ ABSL_GUARDED_BY(mutex_);

  // The driving thread's own.
  ReadAhead history_;
  std::deque<Pending> queue_;
  std::optional<Group> appending_;  // the log has its records
  Group next_;                      // decided on top of that one
  // So many requests are each decided alone: together they were too large for the log.
  size_t alone_ = 0;
  bool fold_open_ = false;
  int unkept_groups_ = 0;        // valid ones in the fold's open transaction
  std::deque<Settled> settled_;  // valid, to be answered once the fold is committed
  std::vector<Waiter> waiters_;
  absl::Duration fold_again_at_ = absl::ZeroDuration();
  absl::Duration run_ends_by_ = absl::ZeroDuration();      // an open run's, that the fold has met
  absl::Duration next_expiry_ = absl::InfiniteDuration();  // no request expires before it
  absl::Duration clock_offset_ = absl::ZeroDuration();
  bool clock_seen_ = false;
  bool behind_log_ = false;
  // Dies with the writer; what the log still holds of it then does nothing.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace purser
