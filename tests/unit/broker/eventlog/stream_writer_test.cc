// Deciding, appending and answering, on a log with several writers.
#include "broker/eventlog/stream_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/broker/eventlog/stream_writer_nodes.h"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::IsSupersetOf;

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

TEST_F(StreamWriterTest, WhoIsTooLargeForTheLogIsRefusedAndTheOthersOfItsGroupAreNot) {
  node().memory.transport->SetFaults({.max_batch_bytes = 400});
  auto large = Submit(std::string(500, 'x'));
  std::vector<OutcomePtr> others;
  for (int i = 0; i < 6; ++i) others.push_back(Submit(absl::StrCat("small", i)));
  Pass(absl::Seconds(2));
  EXPECT_EQ(large->code(), absl::StatusCode::kUnavailable);
  for (const OutcomePtr& other : others) EXPECT_TRUE(other->ok());
  auto after = Submit("after");
  Settle();
  EXPECT_TRUE(after->ok());
}

TEST_F(StreamWriterTest, TheFoldIsSeenAtAPositionInTheMidstOfAGroupOnEveryNode) {
  std::optional<absl::Status> told[2];
  size_t seen[2] = {0, 0};
  for (size_t n = 0; n < 2; ++n) {
    node(n).writer->WhenAt(2, clock_.SinceBoot() + absl::Seconds(5), [&, n](absl::Status status) {
      told[n] = std::move(status);
      seen[n] = node(n).fold.committed().size();
    });
  }
  auto ada = Submit("ada"), bob = Submit("bob"), eve = Submit("eve");
  Settle();
  for (size_t n = 0; n < 2; ++n) {
    ASSERT_TRUE(told[n].has_value());
    EXPECT_TRUE(told[n]->ok()) << *told[n];
    EXPECT_EQ(seen[n], 2u);
    EXPECT_EQ(node(n).fold.committed().size(), 3u);
  }
  EXPECT_TRUE(ada->ok() && bob->ok() && eve->ok());
}

TEST_F(StreamWriterTest, APositionThatWasPassedOrNeverComesIsSaid) {
  MustTake("ada");
  MustTake("bob");
  absl::Status passed, never;
  const absl::Duration deadline = clock_.SinceBoot() + absl::Seconds(1);
  node().writer->WhenAt(1, deadline, [&](absl::Status status) { passed = std::move(status); });
  node().writer->WhenAt(9, deadline, [&](absl::Status status) { never = std::move(status); });
  Pass(absl::Seconds(2));
  EXPECT_TRUE(absl::IsOutOfRange(passed)) << passed;
  EXPECT_TRUE(absl::IsDeadlineExceeded(never)) << never;
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
