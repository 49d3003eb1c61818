// Groups and who is in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "broker/events/payload_run.h"
#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

using connectors::ResourceType;
using event::v1::PARKED;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(DeliveryGroups, MembersAreSentByDelta) {
  DeliveryRig rig;
  for (int i = 1; i < 4; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.CreateGroup("g1", "Cooks", {"u1", "u2"});
  rig.Settle();
  ASSERT_NE(rig.app.Group("Cooks"), nullptr);
  EXPECT_THAT(rig.app.Group("Cooks")->members,
              UnorderedElementsAre(rig.LaneOf("u1").remote_id, rig.LaneOf("u2").remote_id));
  rig.ChangeMembers("g1", {"u3"}, {"u1"});
  rig.Settle();
  EXPECT_THAT(rig.app.Group("Cooks")->members,
              UnorderedElementsAre(rig.LaneOf("u2").remote_id, rig.LaneOf("u3").remote_id));
  EXPECT_EQ(rig.app.calls.back().body, absl::StrCat("+", rig.LaneOf("u3").remote_id, " -"));
}

TEST(DeliveryGroups, AMemberWithoutAnAccountWaitsAndIsAddedLater) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea", {{"active", false}});
  rig.CreateGroup("g1", "Cooks", {"u1", "u2"});
  rig.Settle();
  EXPECT_THAT(rig.app.Group("Cooks")->members, ElementsAre(rig.LaneOf("u1").remote_id));
  rig.Change("u2", "active", true);
  rig.Settle();
  EXPECT_EQ(rig.app.Group("Cooks")->members.size(), 2u);
}

TEST(DeliveryGroups, AMemberWhoseAccountWasAboutToGoAndStaysIsAdded) {
  config::v1::App config = PlainApp();
  config.mutable_deprovision()->set_inactive(config::v1::REMOVE);
  DeliveryRig rig({}, config);
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {});
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "delete" ? Fault::kThrottled : Fault::kNone;
  };
  rig.Change("u1", "active", false);
  rig.ChangeMembers("g1", {"u1"}, {});
  rig.RunFor(absl::Seconds(1));
  ASSERT_GT(rig.app.Count("delete"), 0);
  rig.app.fault = nullptr;
  rig.Change("u1", "active", true);
  rig.Settle();
  EXPECT_THAT(rig.app.Group("Cooks")->members, ElementsAre(rig.LaneOf("u1").remote_id));
}

TEST(DeliveryGroups, ABadMemberIsFoundAndTheOthersGoOn) {
  DeliveryRig rig;
  std::vector<std::string> members;
  for (int i = 0; i < 64; ++i) {
    members.push_back(absl::StrCat("u", i));
    rig.CreateUser(members.back(), absl::StrCat("user", i));
  }
  rig.Settle();
  const std::string bad = rig.LaneOf("u7").remote_id;
  rig.app.fault = [bad](const AppCall& call) {
    // "+a1,a2 -": those that are added.
    const std::vector<std::string> added = absl::StrSplit(call.body.substr(0, call.body.find(' ')),
                                                          absl::ByAnyChar("+,"), absl::SkipEmpty());
    const bool holds = std::find(added.begin(), added.end(), bad) != added.end();
    return call.verb == "members" && holds ? Fault::kRefused : Fault::kNone;
  };
  rig.CreateGroup("g1", "Cooks", members);
  rig.Settle();
  EXPECT_EQ(rig.app.Group("Cooks")->members.size(), 63u);
  EXPECT_EQ(rig.LaneOf("g1").state, PARKED);
  EXPECT_EQ(rig.LaneOf("g1").code, "members-refused");
  EXPECT_LT(rig.app.Count("members"), 40);
  rig.app.fault = nullptr;
  rig.Command(event::v1::AppCommand::RETRY, {"g1"});
  rig.Settle();
  EXPECT_EQ(rig.app.Group("Cooks")->members.size(), 64u);
}

TEST(DeliveryGroups, MembershipsGoBeforeTheDelete) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  rig.Delete("u1");
  rig.Settle();
  std::vector<std::string> verbs;
  for (const AppCall& call : rig.app.calls) {
    if (call.writes()) verbs.push_back(call.verb);
  }
  EXPECT_THAT(verbs, ElementsAre(testing::_, testing::_, "members", "members", "delete"));
  EXPECT_TRUE(rig.app.users.empty());
}

TEST(DeliveryGroups, NoDeleteWaitsForAGroupThatIsParked) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.type == ResourceType::kGroup && call.writes() ? Fault::kRefused : Fault::kNone;
  };
  rig.RenameGroup("g1", "Bakers");
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("g1").state, PARKED);
  rig.Delete("u1");
  rig.RunFor(absl::Minutes(2));
  EXPECT_TRUE(rig.app.users.empty());
}

TEST(DeliveryGroups, AnAccountThatADeleteKeepsLeavesTheGroupThatRefusedToLetItGo) {
  FakeAppOptions options;
  options.capabilities.delete_keeps_account = true;
  DeliveryRig rig(options);
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "members" ? Fault::kRefused : Fault::kNone;
  };
  rig.Delete("u1");
  rig.RunFor(absl::Minutes(2));
  ASSERT_FALSE(rig.app.User("anna")->active);
  ASSERT_EQ(rig.LaneOf("g1").code, "members-refused");
  rig.app.fault = nullptr;
  rig.Command(event::v1::AppCommand::RETRY, {"g1"});
  rig.Settle();
  EXPECT_THAT(rig.app.Group("Cooks")->members, IsEmpty());
}

TEST(DeliveryGroups, AMembershipOfAnAccountThatADeleteKeptIsItsNextOwners) {
  FakeAppOptions options;
  options.capabilities.delete_keeps_account = true;
  DeliveryRig rig(options);
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  const std::string account = rig.LaneOf("u1").remote_id;
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "members" ? Fault::kRefused : Fault::kNone;
  };
  rig.Delete("u1");
  rig.RunFor(absl::Minutes(2));
  rig.CreateUser("u2", "anna", {{"active", true}});
  rig.ChangeMembers("g1", {"u2"});
  rig.Settle();
  rig.app.fault = nullptr;
  rig.Command(event::v1::AppCommand::RETRY, {"g1"});
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("u2").remote_id, account);
  EXPECT_THAT(rig.app.Group("Cooks")->members, ElementsAre(account));
}

TEST(DeliveryGroups, WhoLeavesTheScopeLeavesTheGroupsAndComesBackWithThem) {
  config::v1::App config = PlainApp();
  config.mutable_scope()->set_all(false);
  config.add_assign()->set_group("staff");
  DeliveryRig rig({}, config);
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("staff", "staff", {"u1"});
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  ASSERT_EQ(rig.app.Group("Cooks")->members.size(), 1u);
  rig.ChangeMembers("staff", {}, {"u1"});
  rig.Settle();
  ASSERT_FALSE(rig.app.User("anna")->active);
  EXPECT_THAT(rig.app.Group("Cooks")->members, IsEmpty());
  rig.ChangeMembers("staff", {"u1"});
  rig.Settle();
  ASSERT_TRUE(rig.app.User("anna")->active);
  EXPECT_EQ(rig.app.Group("Cooks")->members.size(), 1u);
}

TEST(DeliveryGroups, AMemberThatTheAppForgotIsNoReasonToMakeTheGroupAgain) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  rig.app.groups.clear();
  rig.RenameGroup("g1", "Bakers");
  rig.Settle();
  ASSERT_NE(rig.app.Group("Bakers"), nullptr);
  EXPECT_EQ(rig.app.Group("Bakers")->members.size(), 1u);
}

TEST(DeliveryGroups, AMatchedGroupKeepsMembersThatAreNobodyWeKnow) {
  DeliveryRig rig;
  const std::string stranger = rig.app.Add(ResourceType::kUser, "stranger").id;
  rig.app.Add(ResourceType::kGroup, "Cooks").members = {stranger};
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  EXPECT_THAT(rig.app.Group("Cooks")->members,
              UnorderedElementsAre(stranger, rig.LaneOf("u1").remote_id));
}

TEST(DeliveryGroups, AGroupThatIsDeletedGoes) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  rig.Delete("g1", event::v1::GROUP);
  rig.Settle();
  EXPECT_THAT(rig.app.groups, IsEmpty());
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

TEST(DeliveryGroups, WhatWasMissedWhileAGroupWasParkedIsSentWhenItIsMended) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea");
  rig.CreateGroup("g1", "Cooks");
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "members" ? Fault::kRefused : Fault::kNone;
  };
  rig.ChangeMembers("g1", {"u1"});
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("g1").state, PARKED);
  rig.app.fault = nullptr;
  rig.ChangeMembers("g1", {"u2"});
  rig.Settle();
  EXPECT_EQ(rig.app.Group("Cooks")->members.size(), 2u);
}

TEST(DeliveryGroups, AGroupWhoseEventTookSeveralRecordsIsDeliveredWhole) {
  DeliveryRig rig;
  rig.CreateUser("u1", "ada");
  rig.CreateUser("u2", "bob");
  const std::string name(2 * kMaxPieceBytes, 'x');
  rig.CreateGroup("g1", name, {"u1", "u2"});
  rig.Settle();
  ASSERT_NE(rig.app.Group(name), nullptr);
  EXPECT_EQ(rig.app.Group(name)->members.size(), 2u);
  rig.Stop();
  rig.ForgetProjection();
  rig.Start();
  rig.ChangeMembers("g1", {}, {"u1"});
  rig.Settle();
  EXPECT_THAT(rig.app.Group(name)->members, ElementsAre(rig.LaneOf("u2").remote_id));
  rig.ExpectRebuiltEqual();
}

}  // namespace
}  // namespace purser
