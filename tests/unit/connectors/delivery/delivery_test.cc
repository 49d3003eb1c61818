// What an operator sees of one app's delivery, from the directory's event to the account.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

using event::v1::AppCommand;
using event::v1::PARKED;
using nlohmann::json;

TEST(Delivery, ANewUserIsCreatedOnceAndHasALink) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna", {{"title", "Cook"}});
  rig.Settle();
  ASSERT_NE(rig.app.User("anna"), nullptr);
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Cook");
  EXPECT_EQ(rig.app.Count("create"), 1);
  EXPECT_EQ(rig.app.Writes(), 1);
  EXPECT_TRUE(rig.LaneOf("u1").linked);
  EXPECT_EQ(rig.LaneOf("u1").remote_id, rig.app.User("anna")->id);
  rig.ExpectRebuiltEqual();
}

TEST(Delivery, AnUpdateSendsWhatDiffersAlone) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna", {{"title", "Cook"}, {"nickName", "Ann"}});
  rig.Settle();
  rig.Change("u1", "title", "Chef");
  rig.Settle();
  rig.Change("u1", "nickName", nullptr);
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Chef");
  EXPECT_FALSE(rig.app.User("anna")->values.contains("nickName"));
  EXPECT_EQ(rig.app.Writes(), 3);
  EXPECT_EQ(rig.app.calls.back().body, "-nickName");
}

TEST(Delivery, InactiveDisablesActiveEnablesAndADeleteDeletes) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna", {{"active", true}});
  rig.Settle();
  rig.Change("u1", "active", false);
  rig.Settle();
  EXPECT_FALSE(rig.app.User("anna")->active);
  EXPECT_EQ(rig.app.Count("disable"), 1);
  rig.Change("u1", "active", true);
  rig.Settle();
  EXPECT_TRUE(rig.app.User("anna")->active);
  rig.Delete("u1");
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna"), nullptr);
  EXPECT_FALSE(rig.LaneOf("u1").linked);
  EXPECT_EQ(rig.app.Writes(), 4);
}

TEST(Delivery, AHundredChangesWhileTheAppIsDownAreOneWrite) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = [](const AppCall&) { return Fault::kUnavailable; };
  for (int i = 0; i < 100; ++i) {
    rig.Change("u1", "title", absl::StrCat("Cook ", i));
    rig.Pump();
  }
  rig.RunFor(absl::Minutes(10));
  EXPECT_EQ(rig.LaneOf("u1").tries, 0) << "the app was at fault, not the resource";
  rig.app.fault = nullptr;
  const int before = rig.app.Writes();
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Cook 99");
  EXPECT_EQ(rig.app.Writes(), before + 1);
}

TEST(Delivery, EverythingWaitsWhileTheAppIsDownAndGoesByItselfAfterwards) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall&) { return Fault::kUnavailable; };
  for (int i = 0; i < 20; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.RunFor(absl::Minutes(30));
  EXPECT_TRUE(rig.Row().breaker_open);
  EXPECT_EQ(rig.Gauge("purser_breaker_open"), 1);
  EXPECT_EQ(rig.Gauge("purser_delivery_pending"), 20);
  EXPECT_EQ(rig.worker().settled(), 0u);
  EXPECT_EQ((*rig.reader().CountByState())[PARKED], 0u);
  EXPECT_LT(rig.app.calls.size(), 100u) << "only Check probes";
  rig.app.fault = nullptr;
  rig.Settle();
  EXPECT_FALSE(rig.Row().breaker_open);
  EXPECT_EQ(rig.app.users.size(), 20u);
  EXPECT_EQ(rig.Gauge("purser_delivery_pending"), 0);
  EXPECT_EQ(rig.worker().settled(), 20u);
}

TEST(Delivery, HowLongTheOldestWaitsGrowsWhileTheAppIsDownAndEndsWithIt) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall&) { return Fault::kUnavailable; };
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Minutes(10));
  rig.CreateUser("u2", "bea");
  rig.RunFor(absl::Minutes(20));
  ASSERT_TRUE(rig.Row().breaker_open);
  EXPECT_NEAR(rig.Gauge("purser_delivery_oldest_pending_seconds"), 30 * 60, 5);
  rig.app.fault = nullptr;
  rig.Settle();
  EXPECT_EQ(rig.Gauge("purser_delivery_oldest_pending_seconds"), 0);
}

TEST(Delivery, HowLongTheOldestWaitsCountsALaneThatBacksOffAndOneWhoseReplyWasLost) {
  for (const Fault fault : {Fault::kServerError, Fault::kLostBefore}) {
    DeliveryRig rig;
    rig.app.fault = [fault](const AppCall& call) {
      return call.name == "bad" ? fault : Fault::kNone;
    };
    rig.CreateUser("u1", "bad");
    for (int i = 2; i < 9; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
    rig.RunFor(absl::Minutes(2));
    ASSERT_EQ(rig.app.users.size(), 7u) << static_cast<int>(fault);
    ASSERT_EQ(rig.LaneOf("u1").state, event::v1::RETRYING) << static_cast<int>(fault);
    EXPECT_NEAR(rig.Gauge("purser_delivery_oldest_pending_seconds"), 120, 5)
        << static_cast<int>(fault);
  }
}

TEST(Delivery, HowLongTheOldestWaitsLeavesOutALaneThatNeedsAnOperator) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "create" ? Fault::kRefused : Fault::kNone;
  };
  rig.CreateUser("u1", "bad");
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("u1").state, PARKED);
  rig.RunFor(absl::Minutes(10));
  EXPECT_EQ(rig.Gauge("purser_delivery_oldest_pending_seconds"), 0);
}

TEST(Delivery, AResourceThatIsRefusedIsParkedAfterThreeTriesAndTheOthersGoOn) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "create" && call.name == "bad" ? Fault::kRefused : Fault::kNone;
  };
  rig.CreateUser("u1", "bad");
  for (int i = 2; i < 9; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u1").state, PARKED);
  EXPECT_EQ(rig.app.Count("create", "bad"), 3);
  EXPECT_EQ(rig.app.users.size(), 7u);
  EXPECT_EQ(rig.Gauge("purser_parked_lanes"), 1);
  EXPECT_EQ(rig.Gauge("purser_delivery_pending"), 0);
  rig.RunFor(absl::Hours(3));
  EXPECT_EQ(rig.app.Count("create", "bad"), 3) << "a parked lane is left alone";
  rig.app.fault = nullptr;
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  EXPECT_NE(rig.app.User("bad"), nullptr) << "an event mends it";
}

TEST(Delivery, ADisablePassesItsOwnParkedLane) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "update" ? Fault::kRefused : Fault::kNone;
  };
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("u1").state, PARKED);
  rig.Change("u1", "active", false);
  rig.Settle();
  EXPECT_FALSE(rig.app.User("anna")->active);
}

TEST(Delivery, WhatTheAppRequiresIsWaitedForAndAnEventMendsIt) {
  config::v1::App config = PlainApp();
  for (auto& row : *config.mutable_users()->mutable_rows()) {
    if (row.target() == "title") row.set_required(true);
  }
  DeliveryRig rig({}, config);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u1").state, PARKED);
  EXPECT_EQ(rig.LaneOf("u1").code, "required-missing");
  EXPECT_EQ(rig.app.Writes(), 0);
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

TEST(Delivery, ANewConfigurationPlansEveryoneAgain) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna", {{"displayName", "Anna B"}});
  rig.CreateUser("u2", "bea", {{"displayName", "Bea C"}});
  rig.Settle();
  config::v1::MappingRow* row = rig.config.mutable_users()->add_rows();
  row->set_target("displayName");
  row->set_source("displayName");
  rig.config_version = 2;
  rig.Reconfigure();
  rig.Settle();
  EXPECT_EQ(rig.app.User("bea")->values["displayName"], "Bea C");
  EXPECT_EQ(rig.app.Count("update"), 2);
  EXPECT_EQ(rig.Row().planned.control_position(), 2u);
}

TEST(Delivery, PausedLosesNothingAndSendsTheNewestWhenResumed) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.Command(AppCommand::PAUSE);
  const size_t before = rig.app.calls.size();
  rig.Change("u1", "title", "Cook");
  rig.CreateUser("u2", "bea");
  rig.Change("u1", "title", "Chef");
  rig.RunFor(absl::Minutes(5));
  EXPECT_EQ(rig.app.calls.size(), before);
  rig.Crash();
  rig.Start();
  rig.RunFor(absl::Minutes(5));
  EXPECT_EQ(rig.app.calls.size(), before) << "a restart resumes nothing";
  rig.Command(AppCommand::START);
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Chef");
  EXPECT_NE(rig.app.User("bea"), nullptr);
  EXPECT_EQ(rig.app.Count("update"), 1);
}

TEST(Delivery, ASkippedLaneStaysUntilTheDirectoryChangesIt) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.writes() ? Fault::kRefused : Fault::kNone;
  };
  rig.CreateUser("u1", "anna");
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("u1").state, PARKED);
  rig.Command(AppCommand::SKIP, {"u1"});
  rig.app.fault = nullptr;
  rig.Crash();
  rig.Start();
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u1").state, event::v1::SKIPPED);
  EXPECT_EQ(rig.app.User("anna"), nullptr);
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

TEST(Delivery, ARetrySendsAParkedLaneAgain) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.writes() ? Fault::kRefused : Fault::kNone;
  };
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = nullptr;
  rig.Command(AppCommand::RETRY, {"u1"});
  rig.Settle();
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

TEST(Delivery, DeprovisionPoliciesAreKept) {
  config::v1::App config = PlainApp();
  config.mutable_deprovision()->set_inactive(config::v1::REMOVE);
  config.mutable_deprovision()->set_deleted(config::v1::DEACTIVATE);
  DeliveryRig rig({}, config);
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea");
  rig.CreateGroup("g1", "Cooks", {"u1", "u2"});
  rig.Settle();
  rig.Change("u1", "active", false);
  rig.Delete("u2");
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna"), nullptr);
  ASSERT_NE(rig.app.User("bea"), nullptr);
  EXPECT_FALSE(rig.app.User("bea")->active);
}

TEST(Delivery, AnAppWithoutDeleteIsToldToDisable) {
  FakeAppOptions options;
  options.capabilities.deletes = true;
  DeliveryRig rig(options);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.wrap_connector = nullptr;
  rig.app.fault = nullptr;
  rig.app.refuses_delete = true;
  rig.Delete("u1");
  rig.Settle();
  ASSERT_NE(rig.app.User("anna"), nullptr);
  EXPECT_FALSE(rig.app.User("anna")->active);
}

TEST(Delivery, NoMoreCallsAreUnderWayThanTheAppAllows) {
  config::v1::App config = PlainApp();
  config.mutable_limits()->set_concurrent_calls(2);
  DeliveryRig rig({}, config);
  for (int i = 0; i < 20; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.Settle();
  ASSERT_EQ(rig.app.users.size(), 20u);
  for (const AppCall& call : rig.app.calls) {
    const auto under_way =
        std::count_if(rig.app.calls.begin(), rig.app.calls.end(), [&](const AppCall& other) {
          return other.at <= call.at && call.at < other.at + rig.app.options.latency;
        });
    ASSERT_LE(under_way, 2);
  }
}

TEST(Delivery, AUserOutOfScopeIsDisabledAndBackInScopeEnabled) {
  config::v1::App config = PlainApp();
  config.mutable_scope()->set_all(false);
  config.add_assign()->set_group("Cooks");
  DeliveryRig rig({}, config);
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks");
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna"), nullptr);
  rig.ChangeMembers("g1", {"u1"});
  rig.Settle();
  ASSERT_NE(rig.app.User("anna"), nullptr);
  rig.ChangeMembers("g1", {}, {"u1"});
  rig.Settle();
  EXPECT_FALSE(rig.app.User("anna")->active);
  rig.ChangeMembers("g1", {"u1"});
  rig.Settle();
  EXPECT_TRUE(rig.app.User("anna")->active);
  rig.RenameGroup("g1", "Bakers");
  rig.Settle();
  EXPECT_FALSE(rig.app.User("anna")->active) << "the assigned group is no more";
}

}  // namespace
}  // namespace purser
