#include "connectors/delivery/app_health.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace purser::delivery {
namespace {

using connectors::Result;
using connectors::Verdict;
using State = AppHealth::State;

Result Of(Verdict verdict) {
  Result result;
  result.verdict = verdict;
  return result;
}

constexpr absl::Duration kNow = absl::Hours(1);

TEST(AppHealth, AFailedCheckOpensTheBreakerAndAGoodOneCloses) {
  AppHealth health(false);
  EXPECT_EQ(health.AllowedCalls(kNow, 4), 4);
  health.OnNoVerdict("a", kNow);
  ASSERT_TRUE(health.WantsCheck(kNow));
  health.BeginCheck();
  EXPECT_TRUE(health.OnCheck(Of(Verdict::kUnavailable), kNow));
  EXPECT_EQ(health.AllowedCalls(kNow, 4), 0);
  EXPECT_FALSE(health.WantsCheck(kNow));
  const absl::Duration next = health.NextChange(kNow);
  EXPECT_EQ(next, kNow + absl::Seconds(5));
  ASSERT_TRUE(health.WantsCheck(next));
  health.BeginCheck();
  EXPECT_EQ(health.NextChange(next), absl::InfiniteDuration());
  EXPECT_TRUE(health.OnCheck(Of(Verdict::kDone), next));
  EXPECT_EQ(health.AllowedCalls(next, 4), 4);
}

TEST(AppHealth, FiveResourcesWithoutAVerdictMeanOneCallAtATimeThoughCheckPasses) {
  AppHealth health(false);
  for (int i = 0; i < 5; ++i) {
    health.OnNoVerdict(absl::StrCat("u", i), kNow);
    if (!health.WantsCheck(kNow)) continue;
    health.BeginCheck();
    health.OnCheck(Of(Verdict::kDone), kNow);
  }
  EXPECT_EQ(health.state(), State::kTrial);
  EXPECT_EQ(health.AllowedCalls(kNow, 4), 1);
  health.OnNoVerdict("u9", kNow);
  EXPECT_EQ(health.AllowedCalls(kNow, 4), 0);
  EXPECT_EQ(health.AllowedCalls(health.NextChange(kNow), 4), 1);
  EXPECT_TRUE(health.OnSuccess());
  EXPECT_EQ(health.AllowedCalls(kNow, 4), 4);
}

TEST(AppHealth, FourFailuresOfOneResourceAreNotTheAppsFault) {
  AppHealth health(false);
  for (int i = 0; i < 9; ++i) {
    health.OnNoVerdict("u", kNow);
    if (!health.WantsCheck(kNow)) continue;
    health.BeginCheck();
    health.OnCheck(Of(Verdict::kDone), kNow);
  }
  EXPECT_EQ(health.state(), State::kClosed);
}

TEST(AppHealth, CredentialsAreProbedSeldomWithAPassword) {
  AppHealth health(true);
  health.OnUnauthenticated(Of(Verdict::kUnauthenticated), kNow);
  EXPECT_EQ(health.AllowedCalls(kNow, 4), 0);
  EXPECT_EQ(health.NextChange(kNow), kNow + absl::Minutes(1));
  health.Reconfigure(true, kNow);
  EXPECT_TRUE(health.WantsCheck(kNow));
}

TEST(AppHealth, RefusedCredentialsStaySoWhileTheAppIsDown) {
  AppHealth health(false);
  health.OnUnauthenticated(Of(Verdict::kUnauthenticated), kNow);
  health.BeginCheck();
  health.OnCheck(Of(Verdict::kUnavailable), kNow);
  EXPECT_EQ(health.state(), State::kCredentials);
}

TEST(AppHealth, WhatWasNotThereIsForgottenOnceACallIsSent) {
  AppHealth health(false);
  Result missing = Of(Verdict::kUnauthenticated);
  missing.not_configured = true;
  health.OnUnauthenticated(missing, kNow);
  EXPECT_TRUE(health.not_configured());
  EXPECT_EQ(health.AllowedCalls(kNow, 4), 0);
  health.BeginCheck();
  health.OnCheck(Of(Verdict::kUnavailable), kNow);
  EXPECT_EQ(health.state(), State::kOpen);
}

TEST(AppHealth, ThrottlingWaitsAsLongAsTheAppSays) {
  AppHealth health(false);
  Result throttled = Of(Verdict::kThrottled);
  throttled.retry_after = absl::Seconds(30);
  health.OnThrottled(throttled, kNow);
  EXPECT_EQ(health.AllowedCalls(kNow + absl::Seconds(29), 4), 0);
  EXPECT_EQ(health.AllowedCalls(kNow + absl::Seconds(30), 4), 4);
}

}  // namespace
}  // namespace purser::delivery
