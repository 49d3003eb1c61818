// One chained stream as one of its writers sees it. The rule: a record is valid if its prev equals
// the head, else it is inert; so whoever's record comes first on a head has it.
//
// - An append is sent and then read back, or known by its report where that follows the last record
//   read without a gap. Valid ones are committed; if another's came first, the rest is Aborted.
// - In doubt (an error, a report without an offset, no report): a barrier is put on the head, and
//   the next on the new head should it lose, until what was in doubt is valid or never will be.
// - After a loss it pauses a random share of the last commit's time; having read another's inert
//   record since its own last group it yields to that one for three times as long.
// - It reads the record at its head again, and compares, whenever the log may have been truncated,
//   restored or recreated under it; and now and then an older one, as its own next record would
//   stand on a topic that was recreated and is as long.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/eventlog/arbitrated/recent_selves.h"
#include "broker/eventlog/arbitrated/stream_reader.h"

namespace purser {

// What a stream has met since this node opened it.
struct StreamCounts {
  uint64_t inert = 0;    // lost races
  uint64_t foreign = 0;  // without our magic
  uint64_t gaps = 0;     // offsets that nobody wrote
  uint64_t barriers = 0;
  uint64_t losses = 0;  // groups of ours that another came before
  uint64_t checks = 0;  // of the head
  uint64_t too_large = 0;
};

class ChainedStream : public StreamReader {
 public:
  // `last`: the last valid record kept here, unless none is.
  ChainedStream(const StreamId& stream, StreamContext context,
                const std::optional<StoredRecord>& last, StreamPlace place);

  // As EventLog::Append().
  void Append(const Head& expected_head, std::vector<Record> records, AppendDone done) override;

  void Tick(absl::Duration now) override;
  absl::Duration next_due() const override;
  void Break(StreamTrouble trouble, absl::Status why) override;

  const StreamCounts& counts() const { return counts_; }

 protected:
  void CheckPlace() override;
  void OnRecord(int64_t offset, std::string bytes) override;
  void FitInto(const Watermarks& watermarks) override;
  void PlaceIsDoubtful() override;
  void OnWatermarks(const Watermarks& watermarks) override;
  void OnSettings(absl::Status prepared) override;
  bool may_create() const override { return head_.position == 0; }

 private:
  // An append that has not been sent.
  struct Waiting {
    Head expected_head;
    std::vector<Record> records;
    AppendDone done;
    absl::Duration since;
  };
  // An append that was sent and is not settled.
  struct Group {
    std::vector<Record> records;
    AppendDone done;  // null once answered "out of reach"
    size_t valid = 0;
    uint64_t token = 0;
    absl::Duration sent_at;
    bool in_doubt = false;
    bool too_large = false;  // one of them; it is not written
  };
  // A valid record, and where it was read.
  struct Anchor {
    int64_t offset = -1;
    StreamPosition position = 0;
    Sha256Hash self;
  };
  struct Barrier {
    Record record;
    uint64_t token = 0;
    absl::Duration sent_at;
    bool failed = false;
  };
  // What is to be done once the head was found where it should be.
  enum class AfterCheck { kNothing, kReadAgain };

  void RefuseAppend(absl::Status why, AppendDone done);
  absl::Status CheckAppend(const Head& expected_head, const std::vector<Record>& records) const;
  void TrySend();
  void Send(Waiting waiting);
  void OnReport(uint64_t token, size_t index, const ProduceReport& report);
  void OnGroupReport(size_t index, const ProduceReport& report);
  void NoteTooLarge();
  void OnBarrierReport(const ProduceReport& report);
  bool MayFollow(int64_t offset, const Record& record);

  void OnValid(int64_t offset, std::string bytes, const event::v1::Envelope& envelope);
  void OnInert(const Record& record);
  void OnForeign(int64_t offset);
  void SetMoved();
  void Advance(const Sha256Hash& self);
  void Settle(absl::Status status);
  void AnswerGroup(absl::Status status);
  void MaybeBarrier();

  void RequestCheck(AfterCheck after);
  void StartCheck();
  void OnChecked(const Anchor& head, const absl::StatusOr<CarriedRecord>& found);
  bool StillThere(const Anchor& anchor, const absl::StatusOr<CarriedRecord>& found);
  Anchor HeadAnchor() const { return {place_.head_offset, head_.position, head_.self}; }

  void Look();
  void OnLooked(const absl::Status& prepared);
  void EndLook();
  void WatchClock();

  std::optional<Waiting> waiting_;
  std::optional<Group> group_;
  std::optional<Barrier> barrier_;
  absl::Duration barrier_due_ = -absl::InfiniteDuration();
  uint64_t next_token_ = 1;

  absl::Duration last_commit_ = absl::Milliseconds(5);  // how long it took
  absl::Duration paused_until_ = -absl::InfiniteDuration();
  absl::Duration yields_until_ = -absl::InfiniteDuration();

  RecentSelves selves_;
  StreamCounts counts_;

  bool checking_ = false;
  bool check_wanted_ = false;
  AfterCheck after_check_ = AfterCheck::kNothing;
  absl::Duration last_check_ = -absl::InfiniteDuration();

  absl::Duration look_at_;
  Anchor anchor_;  // found there when it was last looked at

  bool behind_clock_ = false;
  absl::Duration told_too_large_ = -absl::InfiniteDuration();
};

}  // namespace purser
