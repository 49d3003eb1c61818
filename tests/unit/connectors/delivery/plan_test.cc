#include "connectors/delivery/plan.h"

#include <gtest/gtest.h>

#include "tests/support/delivery/delivery_rig.h"

namespace purser::delivery {
namespace {

using event::v1::DISABLE;
using event::v1::ENABLE;
using event::v1::UPDATE;
using nlohmann::json;

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    AppEntry entry;
    entry.app = PlainApp();
    settings_ = *CompileSettings(entry, {});
    wanted_.presence = Presence::kActive;
    wanted_.mapped.values = {{"userName", "anna"}, {"active", true}};
    lane_.linked = true;
    lane_.remote_id = "a1";
    lane_.acknowledged = {{"userName", "anna"}, {"active", true}};
  }
  Plan Make() { return PlanDelivery(*settings_, {}, wanted_, lane_); }

  std::shared_ptr<const AppSettings> settings_;
  Wanted wanted_;
  Lane lane_;
};

TEST_F(PlanTest, NoDifferenceIsNoCall) { EXPECT_EQ(Make().step, Step::kNothing); }

TEST_F(PlanTest, WhatIsNoLongerWantedIsCleared) {
  lane_.acknowledged["title"] = "Cook";
  EXPECT_EQ(Make().kind, UPDATE);
  EXPECT_EQ(Make().changes.clear, std::vector<std::string>{"title"});
}

TEST_F(PlanTest, TakingAccessAwayCarriesNothingElse) {
  wanted_.presence = Presence::kInactive;
  wanted_.mapped.values = {{"userName", "bea"}, {"active", false}, {"title", "Cook"}};
  wanted_.mapped.missing_required = {"title"};
  const Plan plan = Make();
  EXPECT_EQ(plan.kind, DISABLE);
  EXPECT_EQ(plan.changes.set, (json{{"active", false}}));
}

TEST_F(PlanTest, WhatElseDiffersOfAnInactiveUserFollows) {
  wanted_.presence = Presence::kInactive;
  wanted_.mapped.values = {{"userName", "bea"}, {"active", false}};
  lane_.acknowledged["active"] = false;
  EXPECT_EQ(Make().kind, UPDATE);
  EXPECT_EQ(Make().changes.set, (json{{"userName", "bea"}}));
}

TEST_F(PlanTest, AccessIsGivenBackThoughTheMappingDoesNotNameIt) {
  wanted_.mapped.values.erase("active");
  lane_.acknowledged["active"] = false;
  EXPECT_EQ(Make().kind, ENABLE);
}

TEST_F(PlanTest, AnInactiveUserWithoutAnAccountIsLookedForAndNotMade) {
  wanted_.presence = Presence::kInactive;
  lane_ = Lane();
  EXPECT_EQ(Make().step, Step::kMatch);
  lane_.code = kNoAccount;
  EXPECT_EQ(Make().step, Step::kNothing);
}

TEST_F(PlanTest, ADeleteThatTheAppDoesNotOfferIsADisable) {
  wanted_.presence = Presence::kGone;
  EXPECT_EQ(PlanDelivery(*settings_, {.deletes = true}, wanted_, lane_).kind, event::v1::DELETE);
  EXPECT_EQ(PlanDelivery(*settings_, {.deletes = false}, wanted_, lane_).kind, DISABLE);
}

class SwitchedOffTest : public PlanTest {
 protected:
  void Allow(const AllowedActions& allowed) {
    auto settings = std::make_shared<AppSettings>(*settings_);
    settings->user_actions = settings->group_actions = allowed;
    settings_ = settings;
  }
};

TEST_F(SwitchedOffTest, WithoutCreateAnAccountIsLookedForWhateverItLacks) {
  Allow({.creates = false});
  lane_ = Lane();
  wanted_.mapped.missing_required = {"title"};
  EXPECT_EQ(Make().step, Step::kMatch);
}

TEST_F(SwitchedOffTest, WithoutUpdateWhatDiffersStaysAndIsSaid) {
  Allow({.updates = false});
  EXPECT_EQ(Make().skipped, "") << "nothing differs";
  wanted_.mapped.values["title"] = "Cook";
  EXPECT_EQ(Make().step, Step::kNothing);
  EXPECT_EQ(Make().skipped, "the app's configuration changes no accounts");
}

TEST_F(SwitchedOffTest, ADisableAndAnEnableAreUpdates) {
  Allow({.updates = false});
  for (const Presence presence : {Presence::kInactive, Presence::kOutOfScope}) {
    wanted_.presence = presence;
    EXPECT_EQ(Make().step, Step::kNothing);
    EXPECT_EQ(Make().skipped,
              "the app's configuration changes no accounts: its access there stays");
  }
  wanted_.presence = Presence::kActive;
  lane_.acknowledged["active"] = false;
  EXPECT_EQ(Make().step, Step::kNothing);
  EXPECT_EQ(Make().skipped, "the app's configuration changes no accounts");
}

TEST_F(SwitchedOffTest, WithoutUpdateADeleteStillDeletes) {
  Allow({.updates = false});
  wanted_.presence = Presence::kGone;
  EXPECT_EQ(Make().kind, event::v1::DELETE);
}

TEST_F(SwitchedOffTest, WithoutDeleteAccessIsTakenAwayAndTheAccountStays) {
  Allow({.deletes = false});
  wanted_.presence = Presence::kGone;
  EXPECT_EQ(Make().kind, DISABLE);
  lane_.acknowledged["active"] = false;
  EXPECT_EQ(Make().step, Step::kNothing);
  EXPECT_EQ(Make().skipped, "the app's configuration deletes no accounts: it stays there");
}

TEST_F(SwitchedOffTest, WithoutDeleteAGroupStays) {
  Allow({.deletes = false});
  wanted_.presence = Presence::kGone;
  wanted_.type = event::v1::GROUP;
  EXPECT_EQ(Make().step, Step::kNothing);
  EXPECT_EQ(Make().skipped, "the app's configuration deletes no groups: it stays there");
}

TEST_F(PlanTest, WhatIsNotKnownIsReadFirst) {
  lane_.acknowledged_known = false;
  EXPECT_EQ(Make().step, Step::kRead);
  wanted_.presence = Presence::kGone;
  EXPECT_EQ(Make().step, Step::kRead);
}

TEST_F(PlanTest, AdditiveValuesAreAddedAndNeverTaken) {
  wanted_.mapped.values["roles"] = json::array({"User"});
  wanted_.mapped.additive = {"roles"};
  lane_.acknowledged["roles"] = json::array({"Admin"});
  EXPECT_EQ(Make().changes.set["roles"], json::array({"Admin", "User"}));
  lane_.acknowledged["roles"] = json::array({"User", "Admin"});
  EXPECT_EQ(Make().step, Step::kNothing);
}

}  // namespace
}  // namespace purser::delivery
