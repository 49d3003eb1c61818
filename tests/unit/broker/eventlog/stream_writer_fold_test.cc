// Folding, and deciding on what is not folded for good yet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "tests/unit/broker/eventlog/stream_writer_nodes.h"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

}  // namespace
}  // namespace purser
