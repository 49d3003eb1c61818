#include "connectors/delivery/call_budget.h"

#include <gtest/gtest.h>

namespace purser::delivery {
namespace {

// How many calls go from `from` on until `end`, each as soon as it may.
int CallsUntil(CallBudget* budget, absl::Duration from, absl::Duration end) {
  int calls = 0;
  for (absl::Duration now = from; now < end; now = std::max(now, budget->ReadyAt())) {
    if (!budget->Ready(now)) continue;
    budget->Spend(now);
    ++calls;
    if (calls > 1'000'000) return calls;
  }
  return calls;
}

TEST(CallBudget, WithoutALimitEveryCallGoesAtOnce) {
  CallBudget budget;
  for (int i = 0; i < 1000; ++i) budget.Spend(absl::Seconds(1));
  EXPECT_TRUE(budget.Ready(absl::Seconds(1)));
}

TEST(CallBudget, OneSecondsWorthGoesAtOnceAndThenOneAtATime) {
  CallBudget budget;
  budget.Configure(10);
  const absl::Duration start = absl::Hours(1);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(budget.Ready(start)) << i;
    budget.Spend(start);
  }
  EXPECT_FALSE(budget.Ready(start));
  EXPECT_EQ(budget.ReadyAt(), start + absl::Milliseconds(100));
  EXPECT_EQ(CallsUntil(&budget, start, start + absl::Seconds(60)), 10 * 60 - 1);
}

TEST(CallBudget, AFractionIsOneCallInSoManySeconds) {
  CallBudget budget;
  budget.Configure(0.25);
  budget.Spend(absl::Seconds(100));
  EXPECT_EQ(budget.ReadyAt(), absl::Seconds(104));
  EXPECT_EQ(CallsUntil(&budget, absl::Seconds(100), absl::Seconds(200)), 24);
}

TEST(CallBudget, QuietHoursAreNotSavedUp) {
  CallBudget budget;
  budget.Configure(2);
  budget.Spend(absl::ZeroDuration());
  EXPECT_EQ(CallsUntil(&budget, absl::Hours(5), absl::Hours(5) + absl::Milliseconds(499)), 2);
}

TEST(CallBudget, WhatIsOwedIsWaitedFor) {
  CallBudget budget;
  budget.Configure(1);
  for (int i = 0; i < 3; ++i) budget.Spend(absl::Seconds(10));
  EXPECT_FALSE(budget.Ready(absl::Seconds(12)));
  EXPECT_TRUE(budget.Ready(absl::Seconds(13)));
}

TEST(CallBudget, ANewRateBeginsAnewAndTheSameOneDoesNot) {
  CallBudget budget;
  budget.Configure(0.001);
  budget.Spend(absl::Seconds(10));
  budget.Configure(0.001);
  EXPECT_FALSE(budget.Ready(absl::Seconds(11)));
  budget.Configure(100);
  EXPECT_TRUE(budget.Ready(absl::Seconds(11)));
}

}  // namespace
}  // namespace purser::delivery
