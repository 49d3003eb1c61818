// Follows one stream of a log with several writers from this node's own place: opens it, reads it
// on, answers "read to its end as of now", and notices when it falls silent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/record_store.h"

namespace purser {

// How long a log with several writers waits for what.
struct ArbitrationTimes {
  // Append(), Open(): the log is out of reach where nothing is known after this.
  absl::Duration answer_within = absl::Seconds(10);
  // A record without a report is in doubt after this; above the transport's own time-out.
  absl::Duration report_within = absl::Seconds(35);
  // The end of a stream is asked with this deadline; a later answer is dropped.
  absl::Duration end_within = absl::Seconds(1);
  // A stream without news is asked for its watermarks after this.
  absl::Duration quiet_after = absl::Seconds(5);
  // Between two attempts at what failed (opening, a barrier).
  absl::Duration retry_after = absl::Milliseconds(200);
  // At most one check of the head in this time.
  absl::Duration check_every = absl::Seconds(1);
  // An open stream's settings, and that it is still the one that was read, are looked at this
  // often.
  absl::Duration look_every = absl::Seconds(10);
};

// What the streams of one log share; all of it outlives them.
struct StreamContext {
  RecordTransport* transport;
  const Clock* clock;
  IdSource* ids;
  absl::BitGenRef random;
  ArbitrationTimes times;
  bool creates;  // a topic that is not there
  // Completions to run once what was read is in the local table.
  std::vector<std::function<void()>>* completions;
  // One stream is looked at at a time: no other before this (since boot).
  absl::Duration* look_not_before;
};

// Where a stream was read to, as it is kept in the local table.
struct StreamPlace {
  int64_t next_offset = 0;
  int64_t head_offset = -1;  // of the last valid record

  std::string ToMeta() const;
  static StreamPlace FromMeta(const std::string& value);
};

// Driven by its log's thread. Moments are times since boot.
class StreamReader {
 public:
  StreamReader(const StreamId& stream, StreamContext context);
  virtual ~StreamReader() = default;
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  void Open(HeadDone done);
  void CatchUp(absl::Duration deadline, HeadDone done);
  virtual void Append(const Head& expected_head, std::vector<Record> records, AppendDone done) = 0;

  // Does what is due.
  virtual void Tick(absl::Duration now);
  // When Tick() is to be called next.
  virtual absl::Duration next_due() const;

  const StreamId& stream() const { return stream_; }
  const Head& head() const { return head_; }
  const absl::Status& health() const { return health_; }
  StreamTrouble trouble() const { return trouble_; }

  // What was fetched since it was opened, of what there was to fetch.
  uint64_t fetched() const { return std::min(to_fetch(), Fetched(place_.next_offset)); }
  uint64_t to_fetch() const { return Fetched(open_target_); }

  // What was read and is not in the local table yet; the views last until Saved().
  void CollectUnsaved(RecordBatch* batch) const;
  bool has_unsaved() const { return !unsaved_.empty() || moved_on_; }
  // True if there was a record among it.
  bool Saved();
  // Stops the stream for good: completions get `why`.
  virtual void Break(StreamTrouble trouble, absl::Status why);

 protected:
  // Before reading starts, and whenever the place became doubtful: the subclass checks it and calls
  // PlaceIsGood().
  virtual void CheckPlace() = 0;
  // A record was read; `offset` is never below the place's next one.
  virtual void OnRecord(int64_t offset, std::string bytes) = 0;
  // What can be read as reading starts: the place is moved into it, or the stream broken.
  virtual void FitInto(const Watermarks& watermarks) = 0;
  // Nothing is at the place, though something was.
  virtual void PlaceIsDoubtful() = 0;
  // What can be read now, as the log says.
  virtual void OnWatermarks(const Watermarks&) {}
  // The topic's settings would lose records. Reading goes on.
  virtual void OnSettings(absl::Status prepared) = 0;
  // May the topic be created where it is absent?
  virtual bool may_create() const = 0;

  // Continues opening, or reads again from the place's next offset.
  void PlaceIsGood();
  // Asks what is there, then reads on; FitInto() may move the place between.
  void AskForPlace();
  void RetryOpening();
  absl::Status WhyNotOpen() const;
  // Keeps a valid record for the local table; the head has moved onto it.
  void Keep(std::string bytes);
  void MoveTo(int64_t next_offset);
  void FinishCatchUps();
  void Complete(std::function<void()> completion);
  bool reading() const { return phase_ == Phase::kReading || phase_ == Phase::kOpen; }
  bool is_open() const { return phase_ == Phase::kOpen; }
  // Broken: nothing is read or written any more (a moved stream is still read).
  bool broken() const { return broken_; }
  absl::Duration Now() const { return context_.clock->SinceBoot(); }

  const StreamId stream_;
  StreamContext context_;
  Head head_;
  StreamPlace place_;
  absl::Status health_;
  StreamTrouble trouble_ = StreamTrouble::kNone;

 private:
  enum class Phase { kClosed, kPreparing, kChecking, kAsking, kReading, kOpen };
  struct Opening {
    absl::Duration deadline;
    HeadDone done;
  };
  struct CatchingUp {
    absl::Duration deadline;
    HeadDone done;
    int64_t target = -1;
  };

  uint64_t Fetched(int64_t offset) const {
    return offset > opened_at_ ? static_cast<uint64_t>(offset - opened_at_) : 0;
  }
  void StartOpening();
  void StartReading(const Watermarks& watermarks);
  void OnFetched(uint64_t fetch, absl::StatusOr<std::vector<CarriedRecord>> records);
  void Ask();
  void OnEnd(absl::StatusOr<Watermarks> watermarks);
  bool IsStuck(const Watermarks& watermarks);
  void AnswerAsked(const absl::Status& status);
  void FinishOpening();
  void ExpireCatchUps(std::vector<CatchingUp>* waiting, absl::Duration now);

  Phase phase_ = Phase::kClosed;
  std::vector<Opening> openings_;
  absl::Status not_prepared_;  // why, when it was last tried
  absl::Duration retry_at_ = absl::InfiniteDuration();
  int64_t opened_at_ = 0;    // the place, as reading began
  int64_t open_target_ = 0;  // the end as of then
  uint64_t fetch_ = 0;

  std::vector<CatchingUp> waiting_;  // for the next ask
  std::vector<CatchingUp> asked_;    // for the answer of the one under way
  std::vector<CatchingUp> reading_;  // for the records up to their target
  uint64_t ask_ = 0;
  int64_t asked_at_ = 0;  // the place when it was asked
  absl::Duration ask_deadline_ = absl::InfiniteDuration();
  absl::Duration last_news_;
  absl::Duration behind_since_ = absl::InfiniteDuration();

  std::vector<StoredRecord> unsaved_;
  bool moved_on_ = false;
  bool broken_ = false;
};

}  // namespace purser
