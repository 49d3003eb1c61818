// limits.calls_per_second: how often an app is called, and who goes first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

// What passes between the moment a write is let go and its call: the log's time for the record.
constexpr absl::Duration kLogTime = absl::Milliseconds(100);

config::v1::App AppAt(double calls_per_second) {
  config::v1::App app = PlainApp();
  app.mutable_limits()->set_calls_per_second(calls_per_second);
  return app;
}

// Fails where more calls came in some stretch of time than a second's worth at once and the rate.
void ExpectPaced(const std::vector<AppCall>& calls, double per_second) {
  const double at_once = std::max(1.0, per_second);
  for (size_t first = 0; first < calls.size(); ++first) {
    for (size_t last = first; last < calls.size(); ++last) {
      const absl::Duration took = calls[last].at - calls[first].at + kLogTime;
      const double allowed = at_once + absl::ToDoubleSeconds(took) * per_second;
      ASSERT_LE(static_cast<double>(last - first + 1), allowed + 1e-6)
          << "calls " << first << " to " << last << " of " << calls.size();
    }
  }
}

TEST(DeliveryRate, AllCallsTogetherKeepToTheRateAndUseIt) {
  DeliveryRig rig({}, AppAt(5));
  for (int i = 0; i < 50; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  const absl::Duration start = rig.clock.SinceBoot();
  while (rig.app.users.size() < 50 && rig.clock.SinceBoot() < start + absl::Minutes(1)) {
    rig.RunFor(absl::Milliseconds(100));
  }
  ASSERT_EQ(rig.app.users.size(), 50u);
  ExpectPaced(rig.app.calls, 5);
  // A look-up and a create each; the first five calls go at once.
  EXPECT_LE(rig.clock.SinceBoot() - start, absl::Seconds(19.5));
}

TEST(DeliveryRate, AFractionIsOneCallInSoManySeconds) {
  DeliveryRig rig({}, AppAt(0.5));
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea");
  rig.RunFor(absl::Seconds(7));
  ASSERT_EQ(rig.app.calls.size(), 4u);
  ExpectPaced(rig.app.calls, 0.5);
  EXPECT_EQ(rig.app.users.size(), 2u);
}

TEST(DeliveryRate, AWaitForTheBudgetIsNoFailure) {
  DeliveryRig rig({}, AppAt(0.1));
  for (int i = 0; i < 5; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.Settle();
  EXPECT_EQ(rig.app.users.size(), 5u);
  EXPECT_EQ(rig.app.calls.size(), 10u);
  for (const event::v1::StartedOperation& operation : rig.Started()) {
    EXPECT_EQ(operation.try_number(), 1u);
  }
}

TEST(DeliveryRate, TheCheckCountsToo) {
  DeliveryRig rig({}, AppAt(0.2));
  rig.app.fault = [](const AppCall&) { return Fault::kUnavailable; };
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Minutes(5));
  EXPECT_GT(rig.app.Count("check"), 3);
  ExpectPaced(rig.app.calls, 0.2);
}

TEST(DeliveryRate, ALeaverOvertakesThoseWhoWaitForTheBudget) {
  DeliveryRig rig({}, AppAt(1));
  rig.CreateUser("u0", "anna");
  rig.Settle();
  for (int i = 1; i <= 30; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.RunFor(absl::Seconds(5));
  rig.Change("u0", "active", false);
  rig.RunFor(absl::Seconds(4));
  EXPECT_FALSE(rig.app.User("anna")->active);
  EXPECT_LT(rig.app.users.size(), 10u);
}

TEST(DeliveryRate, WhoWaitsIsCounted) {
  DeliveryRig rig({}, AppAt(1));
  for (int i = 0; i < 30; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.RunFor(absl::Seconds(10));
  EXPECT_GT(rig.Gauge("purser_rate_waiting_lanes"), 15);
  rig.Settle();
  EXPECT_EQ(rig.Gauge("purser_rate_waiting_lanes"), 0);
}

TEST(DeliveryRate, APausedAppIsNotCalledByWhoWaitedForTheBudget) {
  DeliveryRig rig({}, AppAt(0.1));
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Seconds(1));
  rig.Command(event::v1::AppCommand::PAUSE);
  rig.RunFor(absl::Minutes(1));
  EXPECT_EQ(rig.app.calls.size(), 1u) << "the look-up went before";
  rig.Command(event::v1::AppCommand::START);
  rig.Settle();
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

TEST(DeliveryRate, AStopDoesNotWaitForTheBudget) {
  DeliveryRig rig({}, AppAt(0.01));
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Seconds(1));
  const absl::Duration asked = rig.clock.SinceBoot();
  rig.worker().Stop();
  while (!rig.worker().stopped() && rig.clock.SinceBoot() < asked + absl::Minutes(1)) {
    rig.RunFor(absl::Milliseconds(100));
  }
  EXPECT_LT(rig.clock.SinceBoot() - asked, absl::Seconds(2));
}

TEST(DeliveryRate, AnotherRateCountsAtOnce) {
  DeliveryRig rig({}, AppAt(0.001));
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Seconds(1));
  rig.config.mutable_limits()->set_calls_per_second(0);
  ++rig.config_version;
  rig.Reconfigure();
  rig.RunFor(absl::Seconds(1));
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

// Sends nothing.
class SilentHttpClient : public connectors::HttpClient {
 public:
  void Send(connectors::HttpRequest, Done) override { ++sent; }
  int sent = 0;
};

TEST(MeteredHttpClient, RequestsBeyondTheFirstOfACallAreOwed) {
  FakeClock clock;
  SilentHttpClient http;
  delivery::CallBudget budget;
  budget.Configure(1);
  delivery::MeteredHttpClient metered(&http, &budget, &clock);
  budget.Spend(clock.SinceBoot());
  metered.Run([&] { metered.Send({}, nullptr); });
  EXPECT_EQ(budget.ReadyAt(), clock.SinceBoot() + absl::Seconds(1));
  metered.Send({}, nullptr);
  EXPECT_EQ(budget.ReadyAt(), clock.SinceBoot() + absl::Seconds(2));
  EXPECT_EQ(http.sent, 2);
}

}  // namespace
}  // namespace purser
