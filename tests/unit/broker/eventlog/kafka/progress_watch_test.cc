#include "broker/eventlog/kafka/progress_watch.h"

#include <gtest/gtest.h>

namespace purser {
namespace {

constexpr absl::Duration kStart = absl::Hours(1);

absl::Duration At(int seconds) { return kStart + absl::Seconds(seconds); }

TEST(ProgressWatch, WhereNothingIsAskedNothingIsStuck) {
  const ProgressWatch watch(absl::Seconds(30));
  EXPECT_FALSE(watch.IsStuck(At(0)));
  EXPECT_FALSE(watch.IsStuck(At(3600)));
}

TEST(ProgressWatch, WhatIsUnderWayWithoutProgressIsStuck) {
  ProgressWatch watch(absl::Seconds(30));
  watch.Begin(At(0));
  EXPECT_FALSE(watch.IsStuck(At(29)));
  EXPECT_TRUE(watch.IsStuck(At(30)));
  watch.End(At(31));
  EXPECT_FALSE(watch.IsStuck(At(3600)));
}

TEST(ProgressWatch, OneThatGetsAnywhereMeansThatTheOthersMayYet) {
  ProgressWatch watch(absl::Seconds(30));
  watch.Begin(At(0), 100);
  watch.End(At(20));
  EXPECT_FALSE(watch.IsStuck(At(49)));
  EXPECT_TRUE(watch.IsStuck(At(50)));
}

TEST(ProgressWatch, BeginningMoreIsNoProgress) {
  ProgressWatch watch(absl::Seconds(30));
  for (int second = 0; second < 30; ++second) watch.Begin(At(second));
  EXPECT_TRUE(watch.IsStuck(At(30)));
}

TEST(ProgressWatch, QuestionsThatAreGivenUpOneAfterTheOtherAreStuck) {
  ProgressWatch watch(absl::Seconds(30));
  for (int second = 0; second <= 30; second += 5) {
    watch.Begin(At(second));
    watch.End(At(second + 1), /*progress=*/false);
  }
  EXPECT_TRUE(watch.IsStuck(At(31)));
  watch.Begin(At(35));
  watch.End(At(36));
  EXPECT_FALSE(watch.IsStuck(At(100)));
}

TEST(ProgressWatch, AFailureOfLongAgoSaysNothingOfWhatIsAskedNow) {
  ProgressWatch watch(absl::Seconds(30));
  watch.Begin(At(0));
  watch.End(At(1), /*progress=*/false);
  EXPECT_FALSE(watch.IsStuck(At(600))) << "nobody asks";
  watch.Begin(At(600));
  EXPECT_FALSE(watch.IsStuck(At(629)));
  EXPECT_TRUE(watch.IsStuck(At(630)));
}

}  // namespace
}  // namespace purser
