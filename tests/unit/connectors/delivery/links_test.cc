// One account, one resource: matching, names that change hands, references.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

using connectors::ResourceType;
using event::v1::PARKED;
using testing::UnorderedElementsAre;

constexpr char kManager[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

TEST(DeliveryLinks, AnAccountThatIsThereIsLinkedInAnyCaseAndUpdated) {
  FakeAppOptions options;
  options.ignores_filter = true;
  DeliveryRig rig(options);
  rig.app.Add(ResourceType::kUser, "somebody");
  const std::string id = rig.app.Add(ResourceType::kUser, "ANNA").id;
  rig.CreateUser("u1", "anna", {{"title", "Cook"}});
  rig.Settle();
  EXPECT_EQ(rig.app.Count("create"), 0);
  EXPECT_EQ(rig.LaneOf("u1").remote_id, id);
  EXPECT_EQ(rig.app.users[id].values["title"], "Cook");
  EXPECT_FALSE(rig.app.User("somebody")->values.contains("title"));
}

TEST(DeliveryLinks, ATakenNameIsLookedUpAndLinked) {
  DeliveryRig rig;
  rig.app.Add(ResourceType::kUser, "anna");
  rig.app.hidden = {"anna"};
  rig.app.fault = [&](const AppCall& call) {
    if (call.verb == "create") rig.app.hidden.clear();
    return Fault::kNone;
  };
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_TRUE(rig.LaneOf("u1").linked);
  EXPECT_EQ(rig.app.users.size(), 1u);
}

TEST(DeliveryLinks, ANameThatIsLetGoBeforeItIsLookedUpIsTaken) {
  DeliveryRig rig;
  const std::string taken_by = rig.app.Add(ResourceType::kUser, "anna").id;
  rig.app.hidden = {"anna"};
  rig.app.fault = [&](const AppCall& call) {
    // Of the look-up that follows the refusal.
    if (call.verb == "find" && rig.app.Count("create") == 1) rig.app.users.erase(taken_by);
    return Fault::kNone;
  };
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_TRUE(rig.LaneOf("u1").linked);
  EXPECT_EQ(rig.app.users.size(), 1u);
}

TEST(DeliveryLinks, ANameTakenByAnAccountTheAppDoesNotShowIsParked) {
  DeliveryRig rig;
  rig.app.Add(ResourceType::kUser, "anna");
  rig.app.hidden = {"anna"};
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u1").state, PARKED);
  EXPECT_EQ(rig.LaneOf("u1").code, "name-taken");
  EXPECT_EQ(rig.app.Count("create"), 2) << "once more after the look-up, in case it was let go";
}

TEST(DeliveryLinks, TwoAccountsThatMatchAreForAnOperator) {
  FakeAppOptions options;
  options.unique_names = false;
  DeliveryRig rig(options);
  rig.app.Add(ResourceType::kUser, "anna");
  rig.app.Add(ResourceType::kUser, "anna");
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u1").code, "ambiguous-match");
  EXPECT_EQ(rig.app.Writes(), 0);
}

TEST(DeliveryLinks, ARehireUnderTheSameNameWhileTheAppIsDownGetsAnAccountOfItsOwn) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  const std::string old = rig.LaneOf("u1").remote_id;
  rig.app.fault = [](const AppCall&) { return Fault::kUnavailable; };
  rig.Delete("u1");
  rig.CreateUser("u2", "anna");
  rig.RunFor(absl::Minutes(3));
  rig.app.fault = nullptr;
  rig.Settle();
  ASSERT_EQ(rig.app.users.size(), 1u);
  EXPECT_NE(rig.LaneOf("u2").remote_id, old);
  EXPECT_TRUE(rig.LaneOf("u2").linked);
  EXPECT_FALSE(rig.LaneOf("u1").linked);
}

TEST(DeliveryLinks, AnAccountThatIsDeletedWhileItIsLookedUpIsNotLinked) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  const std::string old = rig.LaneOf("u1").remote_id;
  // The look-up is asked before the delete, and its answer comes long after that of the delete.
  rig.app.fault = [&](const AppCall& call) {
    rig.app.options.latency = absl::Milliseconds(call.verb == "find" ? 500 : 20);
    return Fault::kNone;
  };
  rig.Delete("u1");
  rig.CreateUser("u2", "anna");
  rig.Settle();
  ASSERT_EQ(rig.app.Count("delete"), 1);
  EXPECT_NE(rig.LaneOf("u2").remote_id, old);
  ASSERT_EQ(rig.app.users.size(), 1u);
  EXPECT_EQ(rig.app.users.begin()->first, rig.LaneOf("u2").remote_id);
}

TEST(DeliveryLinks, WhereADeleteKeepsTheAccountARehireTakesItOverInOneRecord) {
  FakeAppOptions options;
  options.capabilities.delete_keeps_account = true;
  options.capabilities.groups = false;
  DeliveryRig rig(options);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  const std::string account = rig.LaneOf("u1").remote_id;
  rig.Command(event::v1::AppCommand::PAUSE);
  rig.Delete("u1");
  rig.CreateUser("u2", "anna", {{"active", true}});
  rig.Command(event::v1::AppCommand::START);
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u2").remote_id, account);
  EXPECT_FALSE(rig.LaneOf("u1").linked);
  EXPECT_TRUE(rig.app.User("anna")->active);
  EXPECT_EQ(rig.app.users.size(), 1u);
}

TEST(DeliveryLinks, AnAccountMadeInDoubtIsFoundBesideAnotherOfTheSameName) {
  FakeAppOptions options;
  options.unique_names = false;
  DeliveryRig rig(options);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "create" ? Fault::kLostLate : Fault::kNone;
  };
  rig.CreateUser("u2", "bea");
  rig.RunFor(absl::Milliseconds(100));
  rig.Delete("u2");
  rig.Change("u1", "userName", "bea");
  rig.Settle();
  EXPECT_EQ(rig.app.Count("create"), 2);
  EXPECT_EQ(rig.app.users.size(), 1u);
}

TEST(DeliveryLinks, ADeleteThatWasToBeTriedAgainDoesNotHitTheAccountOfARehire) {
  FakeAppOptions options;
  options.capabilities.delete_keeps_account = true;
  DeliveryRig rig(options);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "delete" ? Fault::kUnavailable : Fault::kNone;
  };
  rig.Delete("u1");
  rig.RunFor(absl::Milliseconds(100));
  ASSERT_EQ(rig.LaneOf("u1").state, event::v1::RETRYING);
  rig.app.fault = nullptr;
  // The log is busy with something else while the hand-over waits to be recorded, and the delete's
  // next try falls due.
  rig.log.latency = absl::Seconds(1);
  rig.CreateUser("u3", "bea");
  rig.RunFor(absl::Milliseconds(100));
  rig.CreateUser("u2", "anna", {{"active", true}});
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u2").remote_id, rig.LaneOf("u1").remote_id);
  EXPECT_EQ(rig.app.Count("delete"), 1);
  EXPECT_TRUE(rig.app.User("anna")->active);
}

TEST(DeliveryLinks, ARehireTakesOverAnAccountThatIsOnlyDisabledWhenItsUserGoes) {
  config::v1::App config = PlainApp();
  config.mutable_deprovision()->set_deleted(config::v1::DEACTIVATE);
  DeliveryRig rig({}, config);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.Delete("u1");
  rig.Settle();
  ASSERT_FALSE(rig.app.User("anna")->active);
  rig.CreateUser("u2", "anna");
  rig.Settle();
  EXPECT_TRUE(rig.LaneOf("u2").linked);
  EXPECT_TRUE(rig.app.User("anna")->active);
}

TEST(DeliveryLinks, ANameGivenUpByOneIsTakenByAnother) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.Command(event::v1::AppCommand::PAUSE);
  rig.Change("u1", "userName", "bea");
  rig.CreateUser("u2", "anna");
  rig.Command(event::v1::AppCommand::START);
  rig.Settle();
  EXPECT_THAT(rig.app.Names(ResourceType::kUser), UnorderedElementsAre("anna", "bea"));
  EXPECT_EQ(rig.app.User("bea")->id, rig.LaneOf("u1").remote_id);
  EXPECT_EQ(rig.app.User("anna")->id, rig.LaneOf("u2").remote_id);
}

TEST(DeliveryLinks, ARingOfThreeNamesIsBroken) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea");
  rig.CreateUser("u3", "cleo");
  rig.Settle();
  rig.Command(event::v1::AppCommand::PAUSE);
  rig.Change("u1", "userName", "tmp");
  rig.Change("u3", "userName", "anna");
  rig.Change("u2", "userName", "cleo");
  rig.Change("u1", "userName", "bea");
  rig.Command(event::v1::AppCommand::START);
  rig.Settle();
  EXPECT_EQ(rig.app.User("bea")->id, rig.LaneOf("u1").remote_id);
  EXPECT_EQ(rig.app.User("cleo")->id, rig.LaneOf("u2").remote_id);
  EXPECT_EQ(rig.app.User("anna")->id, rig.LaneOf("u3").remote_id);
  EXPECT_LE(rig.app.Writes(), 3 + 5);
}

TEST(DeliveryLinks, TwoWhoSwapNamesEndRight) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna@x.com");
  rig.CreateUser("u2", "bea@x.com");
  rig.Settle();
  rig.Command(event::v1::AppCommand::PAUSE);
  rig.Change("u1", "userName", "tmp@x.com");
  rig.Change("u2", "userName", "anna@x.com");
  rig.Change("u1", "userName", "bea@x.com");
  rig.Command(event::v1::AppCommand::START);
  rig.Settle();
  EXPECT_EQ(rig.app.User("bea@x.com")->id, rig.LaneOf("u1").remote_id);
  EXPECT_EQ(rig.app.User("anna@x.com")->id, rig.LaneOf("u2").remote_id);
}

TEST(DeliveryLinks, AManagerWithoutAnAccountIsLeftOutAndSentLater) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "create" && call.name == "boss" ? Fault::kRefused : Fault::kNone;
  };
  rig.CreateUser("u1", "boss");
  rig.CreateUser("u2", "anna");
  rig.SetManager("u2", "u1");
  rig.Settle();
  ASSERT_NE(rig.app.User("anna"), nullptr);
  EXPECT_FALSE(rig.app.User("anna")->values.contains(kManager));
  EXPECT_THAT(rig.LaneOf("u2").left_out, testing::ElementsAre(kManager));
  rig.app.fault = nullptr;
  rig.Command(event::v1::AppCommand::RETRY);
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna")->values[kManager], rig.LaneOf("u1").remote_id);
  EXPECT_TRUE(rig.LaneOf("u2").left_out.empty());
}

TEST(DeliveryLinks, AReferenceFollowsAnAccountThatWasMadeAgain) {
  DeliveryRig rig;
  rig.CreateUser("u1", "boss");
  rig.CreateUser("u2", "anna");
  rig.SetManager("u2", "u1");
  rig.Settle();
  rig.app.users.erase(rig.LaneOf("u1").remote_id);
  rig.Change("u1", "title", "Chef");
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna")->values[kManager], rig.LaneOf("u1").remote_id);
  EXPECT_EQ(rig.app.User("boss")->id, rig.LaneOf("u1").remote_id);
}

TEST(DeliveryLinks, AnInactiveUserWithoutAnAccountGetsNoneUntilActive) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna", {{"active", false}});
  rig.Settle();
  EXPECT_EQ(rig.app.Writes(), 0);
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  EXPECT_EQ(rig.app.Writes(), 0);
  rig.Change("u1", "active", true);
  rig.Settle();
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

}  // namespace
}  // namespace purser
