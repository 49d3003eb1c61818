// users.actions and groups.actions: what is switched off is not done, and said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

using config::v1::OFF;
using config::v1::ON;
using connectors::ResourceType;

constexpr char kCode[] = "skipped-by-configuration";

config::v1::App Without(void (config::v1::Actions::*action)(config::v1::Enabled)) {
  config::v1::App app = PlainApp();
  (app.mutable_users()->mutable_actions()->*action)(OFF);
  (app.mutable_groups()->mutable_actions()->*action)(OFF);
  return app;
}

const auto kCreate = &config::v1::Actions::set_create;
const auto kUpdate = &config::v1::Actions::set_update;
const auto kDelete = &config::v1::Actions::set_delete_;

void AllowAll(DeliveryRig* rig) {
  rig->config.mutable_users()->clear_actions();
  rig->config.mutable_groups()->clear_actions();
  ++rig->config_version;
  rig->Reconfigure();
}

TEST(DeliveryActions, WithoutCreateWhatIsThereIsLinkedAndTheOthersAreSaidToBeSkipped) {
  DeliveryRig rig({}, Without(kCreate));
  rig.app.Add(ResourceType::kUser, "anna");
  rig.CreateUser("u1", "anna", {{"title", "Cook"}});
  rig.CreateUser("u2", "bea");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  EXPECT_THAT(rig.app.Names(ResourceType::kUser), testing::ElementsAre("anna"));
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Cook");
  EXPECT_TRUE(rig.app.groups.empty());
  EXPECT_EQ(rig.LaneOf("u2").state, event::v1::IDLE);
  EXPECT_EQ(rig.LaneOf("u2").code, kCode);
  EXPECT_EQ(rig.LaneOf("u2").message, "the app's configuration creates no accounts");
  EXPECT_EQ(rig.LaneOf("g1").message, "the app's configuration creates no groups");
  AllowAll(&rig);
  rig.Settle();
  EXPECT_NE(rig.app.User("bea"), nullptr);
  EXPECT_EQ(rig.app.Group("Cooks")->members.size(), 1u);
  EXPECT_EQ(rig.LaneOf("u2").code, "");
}

TEST(DeliveryActions, WithoutCreateAMissingValueParksNobody) {
  config::v1::App app = Without(kCreate);
  app.mutable_users()->mutable_rows(2)->set_required(true);
  DeliveryRig rig({}, app);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u1").state, event::v1::IDLE);
  EXPECT_EQ(rig.LaneOf("u1").code, kCode);
}

TEST(DeliveryActions, WithoutUpdateNothingThatIsThereChangesNorLosesAccess) {
  DeliveryRig rig({}, Without(kUpdate));
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  rig.Change("u1", "title", "Cook");
  rig.Change("u2", "active", false);
  rig.Settle();
  EXPECT_EQ(rig.app.Writes(), 3) << "the three creates";
  EXPECT_TRUE(rig.app.User("bea")->active);
  EXPECT_TRUE(rig.app.Group("Cooks")->members.empty()) << "a membership is an update";
  EXPECT_EQ(rig.LaneOf("u1").message, "the app's configuration changes no accounts");
  EXPECT_EQ(rig.LaneOf("u2").message,
            "the app's configuration changes no accounts: its access there stays");
  EXPECT_EQ(rig.LaneOf("g1").message, "the app's configuration changes no groups");
  AllowAll(&rig);
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Cook");
  EXPECT_FALSE(rig.app.User("bea")->active);
  EXPECT_EQ(rig.app.Group("Cooks")->members.size(), 1u);
}

TEST(DeliveryActions, WithoutDeleteAnAccountStaysWithoutAccess) {
  DeliveryRig rig({}, Without(kDelete));
  rig.CreateUser("u1", "anna");
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.Settle();
  rig.Delete("u1");
  rig.Delete("g1", event::v1::GROUP);
  rig.Settle();
  EXPECT_EQ(rig.app.Count("delete"), 0);
  EXPECT_FALSE(rig.app.User("anna")->active);
  EXPECT_NE(rig.app.Group("Cooks"), nullptr);
  EXPECT_EQ(rig.LaneOf("u1").message,
            "the app's configuration deletes no accounts: it stays there");
  EXPECT_EQ(rig.LaneOf("g1").code, kCode);
}

// The name of one who is gone, and whose account stays, goes with the account to who is hired anew.
TEST(DeliveryActions, WithoutDeleteAReHireTakesTheAccountOver) {
  DeliveryRig rig({}, Without(kDelete));
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.Delete("u1");
  rig.CreateUser("u2", "anna");
  rig.Settle();
  EXPECT_EQ(rig.app.users.size(), 1u);
  EXPECT_TRUE(rig.app.User("anna")->active);
  EXPECT_TRUE(rig.LaneOf("u2").linked);
  EXPECT_FALSE(rig.LaneOf("u1").linked);
}

TEST(DeliveryActions, TheSameNoteIsWrittenOnce) {
  DeliveryRig rig({}, Without(kUpdate));
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  const StreamPosition noted = rig.LaneOf("u1").last_record;
  rig.Change("u1", "title", "Chef");
  rig.Settle();
  EXPECT_EQ(rig.LaneOf("u1").last_record, noted);
}

// A create in doubt that did not take effect is not sent again once creates are switched off.
TEST(DeliveryActions, ACreateInDoubtIsSettledByTheNewConfiguration) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "create" ? Fault::kLostBefore : Fault::kNone;
  };
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Seconds(1));
  rig.config = Without(kCreate);
  ++rig.config_version;
  rig.Reconfigure();
  rig.Settle();
  EXPECT_EQ(rig.app.Count("create"), 1);
  EXPECT_EQ(rig.LaneOf("u1").code, kCode);
}

TEST(DeliveryActions, UsersThatAreSwitchedOffAreLeftAlone) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.config.mutable_users()->set_enabled(OFF);
  ++rig.config_version;
  rig.Reconfigure();
  rig.CreateUser("u2", "bea");
  rig.Change("u1", "active", false);
  rig.Settle();
  EXPECT_THAT(rig.app.Names(ResourceType::kUser), testing::ElementsAre("anna"));
  EXPECT_TRUE(rig.app.User("anna")->active);
  rig.config.mutable_users()->set_enabled(ON);
  ++rig.config_version;
  rig.Reconfigure();
  rig.Settle();
  EXPECT_FALSE(rig.app.User("anna")->active);
  EXPECT_NE(rig.app.User("bea"), nullptr);
}

// Groups are switched off while an operation of one is under way, and the program starts anew.
TEST(DeliveryActions, AnOpenOperationOfWhatIsSwitchedOffDoesNotStopTheStart) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.writes() ? Fault::kLostBefore : Fault::kNone;
  };
  rig.CreateGroup("g1", "Cooks");
  rig.RunFor(absl::Seconds(1));
  ASSERT_EQ(rig.reader().OpenOperations()->size(), 1u);
  rig.Crash();
  rig.config.mutable_groups()->set_enabled(OFF);
  ++rig.config_version;
  rig.app.fault = nullptr;
  rig.Start();
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Minutes(1));
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

}  // namespace
}  // namespace purser
