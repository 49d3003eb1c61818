#include "connectors/delivery/lane_queue.h"

#include <gtest/gtest.h>

namespace purser::delivery {
namespace {

class LaneQueueTest : public testing::Test {
 protected:
  void Wake(const std::string& id, bool urgent = false) {
    queue_.Run(id, event::v1::USER);
    queue_.Wake(id, urgent);
  }
  LaneQueue queue_;
};

TEST_F(LaneQueueTest, LanesGoInTheOrderInWhichTheyWereWoken) {
  Wake("a");
  Wake("b");
  Wake("a");
  EXPECT_EQ(queue_.Take(), "a");
  EXPECT_EQ(queue_.Take(), "b");
  EXPECT_EQ(queue_.Take(), std::nullopt);
}

TEST_F(LaneQueueTest, ALaneThatGoesOnAndOneThatHasNotBegunTakeTurns) {
  for (const char* id : {"a", "b", "c", "d"}) Wake(id);
  ASSERT_EQ(queue_.Take(), "a");
  ASSERT_EQ(queue_.Take(), "b");
  for (const char* id : {"a", "b"}) {
    Wake(id);
    queue_.Release(id);
  }
  EXPECT_EQ(queue_.Take(), "a");
  EXPECT_EQ(queue_.Take(), "c");
  EXPECT_EQ(queue_.Take(), "b");
  EXPECT_EQ(queue_.Take(), "d");
}

TEST_F(LaneQueueTest, ALaneThatIsBusyIsNotTakenAgain) {
  Wake("a");
  ASSERT_EQ(queue_.Take(), "a");
  Wake("a");
  EXPECT_EQ(queue_.Take(), std::nullopt);
  queue_.Release("a");
  EXPECT_EQ(queue_.Take(), "a");
}

TEST_F(LaneQueueTest, ALeaverOvertakesEvenWhereItsLaneIsQueuedAlready) {
  Wake("a");
  Wake("b");
  Wake("b", /*urgent=*/true);
  EXPECT_EQ(queue_.Take(), "b");
  EXPECT_EQ(queue_.Take(), "a");
  queue_.Release("b");
  EXPECT_EQ(queue_.Take(), std::nullopt);
  EXPECT_EQ(queue_.pending(), 0u);
}

TEST_F(LaneQueueTest, ALeaverThatComesWhileItsLaneIsBusyOvertakesAfterwards) {
  Wake("a");
  ASSERT_EQ(queue_.Take(), "a");
  Wake("b");
  Wake("a", /*urgent=*/true);
  queue_.Release("a");
  EXPECT_EQ(queue_.Take(), "a");
}

TEST_F(LaneQueueTest, ALaneThatIsHeldIsNotTakenUntilItIsReleased) {
  Wake("a");
  ASSERT_TRUE(queue_.Hold("a", event::v1::USER));
  EXPECT_EQ(queue_.Take(), std::nullopt);
  EXPECT_FALSE(queue_.Hold("a", event::v1::USER));
  queue_.Release("a");
  EXPECT_EQ(queue_.Take(), "a");
  queue_.Release("a");
  ASSERT_TRUE(queue_.Hold("a", event::v1::USER));
  queue_.Release("a");
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.pending() + queue_.busy(), 0u);
}

TEST_F(LaneQueueTest, ALaneIsForgottenOnceItHasNothingToDo) {
  Wake("a");
  ASSERT_EQ(queue_.Take(), "a");
  queue_.Release("a");
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.busy(), 0u);
}

TEST_F(LaneQueueTest, ARestEndsWhenItIsTimeOrTheLaneIsWoken) {
  Wake("a");
  ASSERT_EQ(queue_.Take(), "a");
  queue_.Rest("a", absl::Seconds(10));
  queue_.Release("a");
  queue_.EndRests(absl::Seconds(9));
  EXPECT_EQ(queue_.Take(), std::nullopt);
  EXPECT_EQ(queue_.NextRest(), absl::Seconds(10));
  Wake("a");
  EXPECT_EQ(queue_.Take(), "a");
  queue_.Release("a");
  queue_.EndRests(absl::Seconds(10));
  EXPECT_EQ(queue_.Take(), std::nullopt);
  EXPECT_EQ(queue_.NextRest(), absl::InfiniteDuration());
}

TEST_F(LaneQueueTest, WhatComesWhileALaneIsBusyStaysUnsettledWhenItsOldBusinessIsDone) {
  Wake("a");
  queue_.Find("a")->since = 5;
  ASSERT_EQ(queue_.Take(), "a");
  Wake("a");
  queue_.Find("a")->since = 9;
  EXPECT_EQ(queue_.OldestUnsettled(100), 5u);
  queue_.Find("a")->taken = 0;
  EXPECT_EQ(queue_.OldestUnsettled(100), 9u);
}

TEST_F(LaneQueueTest, ALaneThatRestsWithoutARecordStaysUnsettled) {
  Wake("a");
  queue_.Find("a")->since = 5;
  ASSERT_EQ(queue_.Take(), "a");
  queue_.Rest("a", absl::Seconds(10));
  queue_.Release("a");
  EXPECT_EQ(queue_.OldestUnsettled(100), 5u);
}

}  // namespace
}  // namespace purser::delivery
