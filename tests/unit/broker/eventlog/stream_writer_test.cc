// Folding, deciding, appending and answering, on a log with several writers.
#include "broker/eventlog/stream_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/log.h"
#include "broker/eventlog/memory/memory_event_log.h"
#include "tests/support/temp_dir.h"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

const StreamId kStream = StreamId::Directory("d1");

// Names that are taken: "ada" takes one, "-ada" lets it go.
class NamesFold : public Fold {
 public:
  const Head& head() const override { return draft_.head; }
  absl::Status Begin() override { return begin_status; }
  absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) override {
    if (!poison.empty() && envelope.payload() == poison) return poison_status;
    absl::string_view name = envelope.payload();
    if (absl::ConsumePrefix(&name, "-")) {
      draft_.names.erase(std::string(name));
    } else {
      draft_.names.insert(std::string(name));
    }
    draft_.head = AdvancedHead(draft_.head, record, envelope);
    return absl::OkStatus();
  }
  absl::Status Commit() override {
    if (!commit_status.ok()) {
      Rollback();
      return commit_status;
    }
    committed_ = draft_;
    return absl::OkStatus();
  }
  void Rollback() override { draft_ = committed_; }

  bool Taken(const std::string& name) const { return draft_.names.count(name) > 0; }
  const std::set<std::string>& committed() const { return committed_.names; }

  absl::Status begin_status;
  absl::Status commit_status;
  absl::Status poison_status = absl::DataLossError("cannot be folded");
  std::string poison;

 private:
  struct State {
    Head head = EmptyHead(kStream);
    std::set<std::string> names;
  };
  State committed_;
  State draft_;
};

// A node's log, whose appends a test can hold up, cut short and fail.
class HookedLog : public EventLog {
 public:
  explicit HookedLog(EventLog* inner) : inner_(inner) {}

  void Open(const StreamId& stream, HeadDone done) override {
    inner_->Open(stream, std::move(done));
  }
  void Append(const StreamId& stream, const Head& expected_head, std::vector<Record> records,
              AppendDone done) override {
    ++appends;
    if (hold) {
      held = [this, stream, expected_head, records, done] {
        inner_->Append(stream, expected_head, records, done);
      };
      held_done = done;
    } else if (answer.has_value()) {
      const AppendResult result = *answer;
      if (result.valid == 0) return done(result);
      records.resize(result.valid);
      inner_->Append(stream, expected_head, std::move(records),
                     [done, result](const AppendResult&) { done(result); });
    } else {
      inner_->Append(stream, expected_head, std::move(records), std::move(done));
    }
  }
  void AppendUnchained(const StreamId&, std::string) override {}
  uint64_t unchained_dropped() const override { return 0; }
  void CatchUp(const StreamId& stream, absl::Duration deadline, HeadDone done) override {
    if (before_catch_up) before_catch_up();
    inner_->CatchUp(stream, deadline, std::move(done));
  }
  absl::StatusOr<Head> KnownHead(const StreamId& stream) const override {
    return inner_->KnownHead(stream);
  }
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t max_records,
                                                 size_t max_bytes) const override {
    return inner_->Read(stream, after, max_records, max_bytes);
  }
  absl::Status Health(const StreamId& stream) const override {
    return health.ok() ? inner_->Health(stream) : health;
  }
  void SetListener(std::function<void(const StreamId&)> listener) override {
    inner_->SetListener(std::move(listener));
  }
  bool RunOnce(absl::Duration max_wait) override { return inner_->RunOnce(max_wait); }
  void Wake() override { inner_->Wake(); }

  int appends = 0;
  bool hold = false;
  std::function<void()> held;  // sends the append that was held
  AppendDone held_done;
  std::optional<AppendResult> answer;  // `valid` records are appended, and this is told
  std::function<void()> before_catch_up;
  absl::Status health;

 private:
  EventLog* const inner_;
};

struct Node {
  MemoryNode memory;
  std::unique_ptr<HookedLog> log;
  NamesFold fold;
  std::unique_ptr<StreamWriter> writer;
};

struct Outcome {
  std::optional<absl::StatusOr<WriteReceipt>> result;
  int decisions = 0;
  int answers = 0;

  bool answered() const { return result.has_value(); }
  bool ok() const { return answered() && result->ok(); }
  absl::StatusCode code() const {
    return answered() ? result->status().code() : absl::StatusCode::kUnknown;
  }
};
using OutcomePtr = std::shared_ptr<Outcome>;

class StreamWriterTest : public testing::Test {
 protected:
  StreamWriterTest() {
    Start(0);
    Start(1);
    Settle();
  }
  ~StreamWriterTest() override {
    for (Node& node : nodes_) node.writer.reset();
    for (Node& node : nodes_) node.memory.log.reset();
  }

  void Start(size_t n) {
    Node& node = nodes_[n];
    auto opened =
        OpenMemoryEventLog(&cluster_, dir_ / absl::StrCat("n", n, ".db"), clock_, ids_, n);
    ASSERT_TRUE(opened.ok()) << opened.status();
    node.memory = *std::move(opened);
    node.log = std::make_unique<HookedLog>(node.memory.log.get());
    bool open = false;
    node.log->Open(kStream, [&](const absl::StatusOr<Head>& head) { open = head.ok(); });
    while (!open) ASSERT_TRUE(node.log->RunOnce(absl::ZeroDuration()));
    node.writer = std::make_unique<StreamWriter>(
        node.log.get(), kStream, &node.fold, &clock_,
        [](const std::function<void()>& work) { work(); }, [] {});
    node.log->SetListener([&node](const StreamId&) {
      if (node.writer) node.writer->NewRecords();
    });
  }

  bool RunNode(size_t n) {
    bool ran = nodes_[n].writer != nullptr && nodes_[n].writer->RunOnce();
    ran |= nodes_[n].log->RunOnce(absl::ZeroDuration());
    return ran;
  }
  // All that can be done without time passing; a writer that spins is a failure.
  void SettleNode(size_t n) {
    int steps = 0;
    while (RunNode(n)) ASSERT_LT(++steps, 10'000) << "it never comes to rest";
  }
  void Settle() {
    int steps = 0;
    while (RunNode(0) | RunNode(1)) ASSERT_LT(++steps, 10'000) << "it never comes to rest";
  }
  void Pass(absl::Duration time) {
    Settle();
    for (; time > absl::ZeroDuration(); time -= absl::Milliseconds(50)) {
      clock_.Advance(absl::Milliseconds(50));
      Settle();
    }
  }

  // Takes `name`, or lets it go; AlreadyExists where it is taken, nothing where it is free.
  OutcomePtr Submit(const std::string& name, size_t n = 0,
                    absl::Duration within = absl::Seconds(10)) {
    return Submit(name, n, within, /*done_when_valid=*/false);
  }
  OutcomePtr SubmitToBeDoneWhenValid(const std::string& name, size_t n = 0) {
    return Submit(name, n, absl::Seconds(10), /*done_when_valid=*/true);
  }
  OutcomePtr Submit(const std::string& name, size_t n, absl::Duration within,
                    bool done_when_valid) {
    auto outcome = std::make_shared<Outcome>();
    WriteRequest request;
    request.deadline = clock_.SinceBoot() + within;
    request.done_when_valid = done_when_valid;
    request.decide = [this, name, outcome, fold = &nodes_[n].fold](
                         absl::Time at,
                         StreamPosition) -> absl::StatusOr<std::vector<event::v1::Envelope>> {
      ++outcome->decisions;
      absl::string_view bare = name;
      const bool letting_go = absl::ConsumePrefix(&bare, "-");
      const bool taken = fold->Taken(std::string(bare));
      if (letting_go && !taken) return std::vector<event::v1::Envelope>();
      if (!letting_go && taken) return absl::AlreadyExistsError("taken");
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::RESOURCE_CREATED);
      // Two nodes' records are never the same bytes.
      envelope.set_event_id(ids_.NewId(at));
      envelope.set_payload(name);
      return std::vector<event::v1::Envelope>{envelope};
    };
    request.done = [outcome](const absl::StatusOr<WriteReceipt>& result) {
      ++outcome->answers;
      outcome->result = result;
    };
    nodes_[n].writer->Submit(std::move(request));
    return outcome;
  }
  void MustTake(const std::string& name, size_t n = 0) {
    auto outcome = Submit(name, n);
    Pass(absl::Milliseconds(100));
    ASSERT_TRUE(outcome->ok());
  }

  Node& node(size_t n = 0) { return nodes_[n]; }

  TempDir dir_;
  FakeClock clock_;
  SequentialIdSource ids_;
  MemoryCluster cluster_;
  std::array<Node, 2> nodes_;
};

TEST_F(StreamWriterTest, RequestsThatWaitTogetherAreOneAppendAndAllAreAnswered) {
  auto ada = Submit("ada"), bob = Submit("bob"), eve = Submit("eve");
  Settle();
  EXPECT_EQ(node().log->appends, 1);
  ASSERT_TRUE(ada->ok() && bob->ok() && eve->ok());
  EXPECT_EQ((*ada->result)->first, 1u);
  EXPECT_EQ((*bob->result)->first, 2u);
  EXPECT_EQ((*eve->result)->last, 3u);
  EXPECT_EQ(node().writer->folded(), 3u);
}

TEST_F(StreamWriterTest, DecisionsOfOneGroupSeeEachOther) {
  auto first = Submit("ada"), second = Submit("ada");
  Settle();
  EXPECT_TRUE(first->ok());
  EXPECT_EQ(second->code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StreamWriterTest, ARefusalOnAnUnsettledRecordOfItsOwnGroupWaitsForIt) {
  node().log->hold = true;
  auto first = Submit("ada"), second = Submit("ada");
  Settle();
  EXPECT_FALSE(first->answered());
  EXPECT_FALSE(second->answered());
  node().log->held();
  Settle();
  EXPECT_TRUE(first->ok());
  EXPECT_EQ(second->code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StreamWriterTest, ARefusalOnARecordThatDidNotStandIsDecidedAgain) {
  node().log->hold = true;
  auto first = Submit("ada"), second = Submit("ada");
  Settle();
  node().log->hold = false;
  node().log->held_done({absl::ResourceExhaustedError("full"), 0});
  Settle();
  EXPECT_EQ(first->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(second->ok());
}

TEST_F(StreamWriterTest, ARefusalOfAStaleFoldIsDecidedAgainOnceTheFoldHasCaughtUp) {
  MustTake("ada");
  auto gone = Submit("-ada", 1);
  SettleNode(1);
  ASSERT_TRUE(gone->ok());
  ASSERT_TRUE(node().fold.Taken("ada"));  // It has not heard.
  auto again = Submit("ada");
  Pass(absl::Milliseconds(100));
  EXPECT_TRUE(again->ok()) << again->result->status();
  EXPECT_EQ(again->decisions, 2);
}

TEST_F(StreamWriterTest, AnAnswerWithoutAWriteIsOfTheLogsEndToo) {
  auto taken = Submit("ada", 1);
  SettleNode(1);
  ASSERT_TRUE(taken->ok());
  auto letting_go = Submit("-ada");  // A stale fold says: nothing to do.
  Pass(absl::Milliseconds(100));
  ASSERT_TRUE(letting_go->ok());
  EXPECT_EQ((*letting_go->result)->first, 2u);
}

TEST_F(StreamWriterTest, ARefusalIsAnsweredThoughAnotherNodeNeverStopsWriting) {
  MustTake("ada");
  int written = 0;
  node().log->before_catch_up = [&] {
    Submit(absl::StrCat("other", ++written), 1);
    SettleNode(1);
  };
  auto refused = Submit("ada");
  Pass(absl::Milliseconds(100));
  EXPECT_EQ(refused->code(), absl::StatusCode::kAlreadyExists);
  EXPECT_LE(refused->decisions, 2);
}

TEST_F(StreamWriterTest, WritesGoOnWhileARefusalAsksForTheLogsEnd) {
  MustTake("ada");
  node().memory.transport->SetFaults({.query_lost = 1.0});
  auto refused = Submit("ada");
  SettleNode(0);
  ASSERT_FALSE(refused->answered());
  auto written = Submit("bob");
  SettleNode(0);
  EXPECT_TRUE(written->ok());
}

TEST_F(StreamWriterTest, ARefusalIsUnavailableWhereTheLogsEndCannotBeLearnt) {
  MustTake("ada");
  node().memory.transport->SetReachable(false);
  auto refused = Submit("ada");
  Pass(absl::Seconds(3));
  EXPECT_EQ(refused->code(), absl::StatusCode::kUnavailable);
}

TEST_F(StreamWriterTest, AWriteThatLostTheRaceIsDecidedAgainOnTheNewState) {
  auto winner = Submit("ada", 1);
  SettleNode(1);
  ASSERT_TRUE(winner->ok());
  auto other = Submit("bob"), same = Submit("ada");
  Pass(absl::Milliseconds(200));
  ASSERT_TRUE(other->ok());
  EXPECT_EQ((*other->result)->first, 2u);
  EXPECT_EQ(other->decisions, 2);
  EXPECT_EQ(same->code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(node(0).fold.committed(), node(1).fold.committed());
}

TEST_F(StreamWriterTest, AWriteThatLosesUntilItsDeadlineIsUnavailable) {
  node().log->answer = AppendResult{absl::AbortedError("another came first"), 0};
  auto outcome = Submit("ada");
  for (int i = 0; i < 30; ++i) RunNode(0);
  EXPECT_FALSE(outcome->answered());
  EXPECT_GT(outcome->decisions, 5);
  clock_.Advance(absl::Seconds(10));
  Settle();
  EXPECT_EQ(outcome->code(), absl::StatusCode::kUnavailable);
}

TEST_F(StreamWriterTest, WhatStandsOfAGroupIsAnsweredAndTheRestDecidedAgain) {
  node().log->answer = AppendResult{absl::AbortedError("another came first"), 1};
  auto ada = Submit("ada"), bob = Submit("bob"), refused = Submit("ada");
  for (int i = 0; i < 3 && !ada->answered(); ++i) RunNode(0);
  node().log->answer.reset();
  Settle();
  ASSERT_TRUE(ada->ok() && bob->ok());
  EXPECT_EQ((*ada->result)->first, 1u);
  EXPECT_EQ(ada->decisions, 1);
  EXPECT_EQ((*bob->result)->first, 2u);
  EXPECT_EQ(bob->decisions, 2);
  EXPECT_EQ(refused->code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StreamWriterTest, AWriteInDoubtIsNeverAnsweredOk) {
  node().memory.transport->SetFaults({.error_later = 1.0, .longest_late = absl::Seconds(1)});
  node().log->answer = AppendResult{absl::UnavailableError("in doubt"), 0};
  auto outcome = Submit("ada");
  Settle();
  EXPECT_EQ(outcome->code(), absl::StatusCode::kUnavailable);
  node().log->answer.reset();
  auto later = Submit("bob");
  Pass(absl::Seconds(12));
  EXPECT_EQ(outcome->answers, 1);
  EXPECT_TRUE(later->answered());
}

TEST_F(StreamWriterTest, ARecordThatStandsBehindADoubtIsFoldedThoughItsWriterWasTold503) {
  node().log->answer = AppendResult{absl::UnavailableError("in doubt"), 1};
  // One record is appended, and yet nobody may say so: the answer names none as valid.
  auto first = Submit("ada");
  Settle();
  node().log->answer.reset();
  auto again = Submit("ada");
  Pass(absl::Milliseconds(100));
  EXPECT_EQ(again->code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StreamWriterTest, AFullDiskRefusesAndLaterWritesWork) {
  node().log->answer = AppendResult{absl::ResourceExhaustedError("full"), 0};
  auto refused = Submit("ada");
  Settle();
  EXPECT_EQ(refused->code(), absl::StatusCode::kResourceExhausted);
  node().log->answer.reset();
  EXPECT_FALSE(node().fold.Taken("ada"));
  MustTake("ada");
}

TEST_F(StreamWriterTest, ADecisionThatCannotBeFoldedHarmsNobodyElse) {
  node().fold.poison = "eve";
  auto ada = Submit("ada"), eve = Submit("eve"), bob = Submit("bob"), twice = Submit("ada");
  Settle();
  EXPECT_EQ(eve->code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(eve->answers, 1);
  EXPECT_TRUE(ada->ok() && bob->ok());
  EXPECT_EQ(twice->code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(node().fold.committed(), ElementsAre("ada", "bob"));
  EXPECT_EQ(cluster_.Records(kStream).size(), 2u);
}

TEST_F(StreamWriterTest, AFoldWithoutRoomRefusesTheGroupAndNothingIsWritten) {
  node().fold.poison = "bob";
  node().fold.poison_status = absl::ResourceExhaustedError("full");
  auto ada = Submit("ada"), bob = Submit("bob");
  Settle();
  EXPECT_EQ(ada->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(bob->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(cluster_.Records(kStream).empty());
}

TEST_F(StreamWriterTest, AWriteThatCannotBeFoldedYetIsAnsweredOnceItIs) {
  node().fold.commit_status = absl::ResourceExhaustedError("full");
  auto outcome = Submit("ada");
  Pass(absl::Seconds(1));
  EXPECT_FALSE(outcome->answered());
  node().fold.commit_status = absl::OkStatus();
  Pass(absl::Milliseconds(200));
  EXPECT_TRUE(outcome->ok());
  EXPECT_TRUE(node().fold.Taken("ada"));
}

TEST_F(StreamWriterTest, AWriteThatIsNotFoldedByItsDeadlineIsUnavailableAndNotLost) {
  node().fold.commit_status = absl::ResourceExhaustedError("full");
  auto outcome = Submit("ada");
  Pass(absl::Seconds(11));
  EXPECT_EQ(outcome->code(), absl::StatusCode::kUnavailable);
  node().fold.commit_status = absl::OkStatus();
  Pass(absl::Milliseconds(200));
  EXPECT_TRUE(node().fold.Taken("ada"));
  EXPECT_EQ(outcome->answers, 1);
}

TEST_F(StreamWriterTest, RequestsExpireWhateverWaitsBeforeThem) {
  node().fold.commit_status = absl::ResourceExhaustedError("full");
  MustTake("other", 1);  // Node 0 cannot fold it, so it decides nothing.
  auto patient = Submit("ada", 0, absl::Seconds(60));
  auto hasty = Submit("bob", 0, absl::Seconds(1));
  Pass(absl::Seconds(2));
  EXPECT_EQ(hasty->code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(patient->answered());
  node().fold.commit_status = absl::OkStatus();
  Pass(absl::Seconds(1));
  EXPECT_TRUE(patient->ok());
}

TEST_F(StreamWriterTest, ALogThatTakesNoWritesIsUnavailableToWriters) {
  for (const absl::Status& why :
       {absl::DataLossError("damaged"), absl::FailedPreconditionError("moved"),
        absl::InternalError("I/O error")}) {
    node().log->health = why;
    auto outcome = Submit("ada");
    Settle();
    EXPECT_EQ(outcome->code(), absl::StatusCode::kUnavailable) << why;
    EXPECT_EQ(node().writer->health(), why);
  }
  node().log->health = absl::OkStatus();
  for (const absl::Status& why :
       {absl::DataLossError("damaged"), absl::FailedPreconditionError("moved")}) {
    node().log->answer = AppendResult{why, 0};
    auto outcome = Submit("ada");
    Settle();
    EXPECT_EQ(outcome->code(), absl::StatusCode::kUnavailable) << why;
  }
}

TEST_F(StreamWriterTest, ARecordThatDoesNotFoldStopsTheStreamOnceAndForAll) {
  node().fold.poison = "odd";
  testing::internal::CaptureStderr();
  auto odd = Submit("odd", 1);
  Pass(absl::Seconds(1));
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(odd->ok());
  EXPECT_EQ(node().writer->health().code(), absl::StatusCode::kDataLoss);
  const size_t told = said.find("folding and writing stopped");
  ASSERT_NE(told, std::string::npos);
  EXPECT_EQ(said.find("folding and writing stopped", told + 1), std::string::npos);
  auto refused = Submit("ada");
  Settle();
  EXPECT_EQ(refused->code(), absl::StatusCode::kUnavailable);
}

TEST_F(StreamWriterTest, WhoWaitsForAPositionIsWokenThereOrAtTheDeadline) {
  std::optional<absl::Status> reached, late;
  node().writer->WaitFolded(1, clock_.SinceBoot() + absl::Seconds(2),
                            [&](absl::Status status) { reached = status; });
  node().writer->WaitFolded(2, clock_.SinceBoot() + absl::Seconds(2),
                            [&](absl::Status status) { late = status; });
  Settle();
  EXPECT_FALSE(reached.has_value());
  MustTake("ada", 1);
  ASSERT_TRUE(reached.has_value());
  EXPECT_TRUE(reached->ok());
  EXPECT_FALSE(late.has_value());
  Pass(absl::Seconds(3));
  ASSERT_TRUE(late.has_value());
  EXPECT_TRUE(absl::IsDeadlineExceeded(*late));
}

TEST_F(StreamWriterTest, AWriterThatGoesDropsWhatIsUnsettledAndLeavesTheFoldAsItWas) {
  MustTake("eve");
  node().log->hold = true;
  auto held = Submit("ada");
  Settle();
  auto waiting = Submit("bob");
  node().writer.reset();
  EXPECT_FALSE(node().fold.Taken("ada"));
  node().log->held();  // The log still calls back.
  Settle();
  EXPECT_FALSE(held->answered() || waiting->answered());
  EXPECT_THAT(node().fold.committed(), ElementsAre("eve"));
}

TEST_F(StreamWriterTest, TheNextGroupIsDecidedWhileTheLogHasTheOneBeforeIt) {
  node().log->hold = true;
  auto ada = SubmitToBeDoneWhenValid("ada");
  Settle();
  auto bob = SubmitToBeDoneWhenValid("bob"), same = SubmitToBeDoneWhenValid("ada");
  Settle();
  EXPECT_EQ(bob->decisions, 1);
  EXPECT_EQ(same->decisions, 1);
  EXPECT_EQ(node().log->appends, 1);
  EXPECT_FALSE(ada->answered() || bob->answered() || same->answered());
  node().log->held();
  Settle();
  EXPECT_TRUE(ada->ok());
  // Its own record is not valid yet, and the refusal rests on one of its own group's.
  EXPECT_EQ(node().log->appends, 2);
  EXPECT_FALSE(bob->answered());
  node().log->held();
  Settle();
  EXPECT_EQ((*bob->result)->first, 2u);
  EXPECT_EQ(same->code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(node().log->appends, 2);
  EXPECT_THAT(node().fold.committed(), ElementsAre("ada", "bob"));
}

TEST_F(StreamWriterTest, ARefusalThatRestsOnTheGroupUnderWayWaitsForIt) {
  node().log->hold = true;
  auto ada = SubmitToBeDoneWhenValid("ada");
  Settle();
  auto same = SubmitToBeDoneWhenValid("ada");
  Settle();
  EXPECT_EQ(same->decisions, 1);
  EXPECT_FALSE(same->answered());
  node().log->held();
  Settle();
  EXPECT_TRUE(ada->ok());
  EXPECT_EQ(same->code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StreamWriterTest, WhatWasDecidedOnAGroupThatDoesNotStandIsDecidedAgain) {
  for (const absl::Status& why :
       {absl::AbortedError("another came first"), absl::ResourceExhaustedError("full"),
        absl::UnavailableError("in doubt")}) {
    const std::string name(absl::StatusCodeToString(why.code()));
    node().log->hold = true;
    auto below = SubmitToBeDoneWhenValid(name);
    Settle();
    auto above = SubmitToBeDoneWhenValid(name + "2"), same = SubmitToBeDoneWhenValid(name);
    Settle();
    node().log->hold = false;
    node().log->held_done({why, 0});
    Settle();
    EXPECT_EQ(above->decisions, 2) << why;
    EXPECT_TRUE(above->ok()) << why;
    // Who is told that nothing stands, or may, leaves the name to the next one.
    EXPECT_EQ(below->ok(), absl::IsAborted(why)) << why;
    EXPECT_EQ(same->ok(), !absl::IsAborted(why)) << why;
    EXPECT_EQ(below->answers + above->answers + same->answers, 3) << why;
  }
}

TEST_F(StreamWriterTest, WhatWasDecidedAheadAndCannotBeFoldedHarmsNotTheGroupUnderWay) {
  node().fold.poison = "eve";
  node().log->hold = true;
  auto ada = SubmitToBeDoneWhenValid("ada");
  Settle();
  auto bob = SubmitToBeDoneWhenValid("bob"), eve = SubmitToBeDoneWhenValid("eve");
  Settle();
  EXPECT_EQ(eve->code(), absl::StatusCode::kDataLoss);
  node().log->hold = false;
  node().log->held();
  Settle();
  EXPECT_TRUE(ada->ok() && bob->ok());
  EXPECT_THAT(node().fold.committed(), ElementsAre("ada", "bob"));
}

TEST_F(StreamWriterTest, WhoWaitsForTheFoldIsNotHeldUpByWritersThatNeverStop) {
  node().log->hold = true;
  auto first = SubmitToBeDoneWhenValid("n0");
  Settle();
  std::optional<absl::Status> reached;
  node().writer->WaitFolded(1, clock_.SinceBoot() + absl::Seconds(2),
                            [&](absl::Status status) { reached = status; });
  for (int i = 1; i < 4 && !reached.has_value(); ++i) {
    SubmitToBeDoneWhenValid(absl::StrCat("n", i));
    Settle();
    node().log->held();
    Settle();
  }
  ASSERT_TRUE(reached.has_value());
  EXPECT_TRUE(reached->ok());
  EXPECT_TRUE(first->ok());
}

TEST_F(StreamWriterTest, UnderWritersThatNeverStopTheFoldIsCommittedNowAndThen) {
  node().log->hold = true;
  SubmitToBeDoneWhenValid("n0");
  Settle();
  for (int i = 1; i < 100 && node().writer->folded() == 0; ++i) {
    SubmitToBeDoneWhenValid(absl::StrCat("n", i));
    Settle();
    node().log->held();
    RunNode(0);
  }
  EXPECT_GT(node().writer->folded(), 0u);
}

TEST_F(StreamWriterTest, AWriteDoneWhenValidIsAnsweredThoughItCannotBeFoldedYet) {
  node().fold.commit_status = absl::ResourceExhaustedError("full");
  auto outcome = SubmitToBeDoneWhenValid("ada");
  Pass(absl::Seconds(1));
  EXPECT_TRUE(outcome->ok());
  EXPECT_EQ(node().writer->folded(), 0u);
  node().fold.commit_status = absl::OkStatus();
  Pass(absl::Milliseconds(200));
  EXPECT_THAT(node().fold.committed(), ElementsAre("ada"));
}

TEST_F(StreamWriterTest, LogTimeNeverGoesBack) {
  auto first = Submit("ada");
  Settle();
  ASSERT_TRUE(first->ok());
  clock_.SetNow(clock_.Now() - absl::Hours(1));
  auto second = Submit("bob");
  Settle();
  ASSERT_TRUE(second->ok());
  EXPECT_EQ((*second->result)->time, (*first->result)->time);
  EXPECT_EQ(node().fold.head().time, (*first->result)->time);
}

TEST_F(StreamWriterTest, AClockThatLeapsOrIsBehindTheLogIsToldOnce) {
  MustTake("ada");
  testing::internal::CaptureStderr();
  clock_.SetNow(clock_.Now() - absl::Minutes(5));
  MustTake("bob");
  MustTake("eve");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("clock leapt"));
  const size_t behind = said.find("clock is behind the log's time\",\"stream");
  EXPECT_THAT(said, HasSubstr("behind the log's time"));
  EXPECT_EQ(behind == std::string::npos ? behind : said.find("clock is behind", behind + 1),
            std::string::npos);
}

TEST_F(StreamWriterTest, AHistoryOfManyBatchesIsFoldedWholeAndInTurns) {
  for (int i = 0; i < 2500; ++i) Submit(absl::StrCat("n", i), 1);
  SettleNode(1);
  ASSERT_EQ(node(1).writer->folded(), 2500u);
  auto waiting = Submit("last");
  Pass(absl::Milliseconds(100));
  EXPECT_TRUE(waiting->ok());
  EXPECT_EQ(node().writer->folded(), 2501u);
  EXPECT_EQ(node().fold.committed().size(), 2501u);
}

// Two nodes, names that both want, and a log that fails in every way.
class ContendedStreamWriterTest : public StreamWriterTest,
                                  public testing::WithParamInterface<int> {};

TEST_P(ContendedStreamWriterTest, EachNameIsTakenOnceAndNoAcknowledgedWriteIsMissing) {
  const int seed = GetParam();
  std::mt19937 random(static_cast<unsigned>(seed));
  for (size_t n : {0u, 1u}) {
    node(n).memory.transport->SetFaults({.report_lost = 0.05,
                                         .error_written = 0.05,
                                         .error_later = 0.05,
                                         .error_dropped = 0.05,
                                         .no_offset = 0.05,
                                         .split = 0.3,
                                         .longest_delivery = absl::Milliseconds(20),
                                         .longest_report = absl::Milliseconds(20),
                                         .longest_fetch = absl::Milliseconds(20),
                                         .longest_late = absl::Milliseconds(200)});
  }
  std::map<std::string, std::vector<OutcomePtr>> wanted;
  for (int i = 0; i < 120; ++i) {
    const std::string name = absl::StrCat("n", random() % 60);
    const size_t n = random() % 2;
    wanted[name].push_back(random() % 2 == 0 ? Submit(name, n) : SubmitToBeDoneWhenValid(name, n));
    if (random() % 4 == 0) {
      clock_.Advance(absl::Milliseconds(random() % 30));
      Settle();
    }
  }
  for (size_t n : {0u, 1u}) node(n).memory.transport->SetFaults({});
  Pass(absl::Seconds(60));
  std::set<std::string> acknowledged;
  for (const auto& [name, outcomes] : wanted) {
    int taken = 0;
    for (const OutcomePtr& outcome : outcomes) {
      ASSERT_EQ(outcome->answers, 1) << "seed " << seed;
      taken += outcome->ok();
      if (outcome->ok()) acknowledged.insert(name);
      if (outcome->code() == absl::StatusCode::kAlreadyExists) {
        EXPECT_TRUE(node().fold.Taken(name)) << "seed " << seed;
      }
    }
    EXPECT_LE(taken, 1) << name << ", seed " << seed;
  }
  EXPECT_THAT(node().fold.committed(), IsSupersetOf(acknowledged)) << "seed " << seed;
  EXPECT_EQ(node(0).fold.committed(), node(1).fold.committed()) << "seed " << seed;
  EXPECT_EQ(node(0).fold.head(), node(1).fold.head()) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(Seeds, ContendedStreamWriterTest, testing::Range(1, 21));

}  // namespace
}  // namespace purser
