// A process that dies at any moment, and the one after it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

TEST(DeliveryRestart, AtAnyMomentTheNextProcessEndsWhatThisOneBegan) {
  for (int ms = 0; ms < 80; ms += 5) {
    for (const bool stands : {true, false}) {
      FakeAppOptions options;
      options.unique_names = false;
      DeliveryRig rig(options);
      rig.log.latency = absl::Milliseconds(5);
      rig.CreateUser("u1", "anna");
      rig.CreateUser("u2", "bea");
      rig.CreateGroup("g1", "Cooks", {"u1", "u2"});
      rig.RunFor(absl::Milliseconds(ms));
      rig.Crash(stands);
      rig.Start();
      rig.Settle();
      EXPECT_EQ(rig.app.users.size(), 2u) << ms;
      EXPECT_EQ(rig.app.Group("Cooks")->members.size(), 2u) << ms;
      rig.ExpectRebuiltEqual();
    }
  }
}

TEST(DeliveryRestart, AnUnansweredCallIsReadBeforeItsLaneGoesOnAndOthersGoAtOnce) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "update" ? Fault::kLostAfter : Fault::kNone;
  };
  rig.Change("u1", "title", "Cook");
  rig.RunFor(absl::Seconds(1));
  rig.Crash();
  rig.app.fault = nullptr;
  rig.Start();
  rig.CreateUser("u2", "bea");
  rig.RunFor(absl::Seconds(2));
  EXPECT_NE(rig.app.User("bea"), nullptr);
  EXPECT_EQ(rig.app.Count("read"), 0);
  rig.Settle();
  EXPECT_EQ(rig.app.Count("read"), 1);
  EXPECT_EQ(rig.app.Count("update"), 1);
}

TEST(DeliveryRestart, OnlyTheTailIsPlannedAgain) {
  DeliveryRig rig;
  for (int i = 0; i < 10; ++i) rig.CreateUser("u" + std::to_string(i), "user" + std::to_string(i));
  rig.Settle();
  EXPECT_EQ(rig.Row().planned.directory_position(), 10u);
  const size_t records = rig.Records().size();
  const size_t calls = rig.app.calls.size();
  rig.Crash();
  rig.Start();
  rig.Settle();
  EXPECT_EQ(rig.app.calls.size(), calls);
  EXPECT_EQ(rig.Records().size(), records + 1) << "took over, and nothing else";
}

TEST(DeliveryRestart, AnEventThatCameDuringACallIsNotSaidToBePlanned) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "update" ? Fault::kLostBefore : Fault::kNone;
  };
  rig.Change("u1", "title", "Cook");
  rig.RunFor(absl::Seconds(1));
  rig.Change("u1", "title", "Chef");
  rig.RunFor(absl::Seconds(32));
  rig.Crash();
  rig.app.fault = nullptr;
  rig.Start();
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Chef");
}

TEST(DeliveryRestart, AStopEndsItsCallsAndReleases) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Milliseconds(30));
  rig.Stop();
  EXPECT_EQ(rig.Records().back().kind(), event::v1::RELEASED);
  rig.Start();
  rig.Settle();
  EXPECT_EQ(rig.app.Count("create"), 1);
}

TEST(DeliveryRestart, AStopEndsThoughAFailureWaitsForACheck) {
  DeliveryRig rig;
  rig.RunFor(absl::Seconds(1));
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "check" ? Fault::kLostBefore : Fault::kUnavailable;
  };
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Seconds(1));
  rig.Stop();
  rig.app.fault = nullptr;
  rig.Start();
  rig.Settle();
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

TEST(DeliveryRestart, ADeposedOwnerStopsAndStartsNothing) {
  DeliveryRig rig;
  rig.RunFor(absl::Seconds(1));
  rig.TakeOver("somebody-else");
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Minutes(1));
  EXPECT_TRUE(rig.worker().stopped());
  EXPECT_EQ(rig.app.Writes(), 0);
}

}  // namespace
}  // namespace purser
