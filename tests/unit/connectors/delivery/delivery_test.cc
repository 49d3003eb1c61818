// What an operator sees of one app's delivery, from the directory's event to the account.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

using event::v1::AppCommand;
using event::v1::PARKED;
using nlohmann::json;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

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

}  // namespace
}  // namespace purser
