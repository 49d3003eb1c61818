// Replay brings an app whose data was set back to the directory's present state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

TEST(DeliveryReplay, AnAppThatWasSetBackIsBroughtForwardAndNothingToLife) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea");
  rig.CreateUser("u3", "cleo");
  rig.CreateGroup("g1", "Cooks", {"u1", "u2"});
  rig.Settle();
  const auto users = rig.app.users;
  const auto groups = rig.app.groups;
  rig.Change("u1", "title", "Cook");
  rig.Delete("u2");
  rig.CreateUser("u4", "dora");
  rig.ChangeMembers("g1", {"u3"}, {"u1"});
  rig.Settle();
  const auto wanted_users = rig.app.Names(connectors::ResourceType::kUser);
  const auto members = rig.app.Group("Cooks")->members;
  rig.app.users = users;
  rig.app.groups = groups;
  const int before = rig.app.Writes();
  const std::string job = rig.Replay();
  rig.Settle();
  EXPECT_EQ(rig.app.Names(connectors::ResourceType::kUser), wanted_users);
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Cook");
  EXPECT_EQ(rig.app.Group("Cooks")->members, members);
  // u1's title, u2's delete, u4's create, the group's two.
  EXPECT_LE(rig.app.Writes() - before, 6);
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
  EXPECT_EQ(rig.JobOf(job).done, rig.JobOf(job).total);
}

TEST(DeliveryReplay, WhereNothingDiffersNothingIsSent) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea", {{"active", false}});
  rig.CreateGroup("g1", "Cooks", {"u1"});
  rig.CreateUser("u3", "cleo");
  rig.Delete("u3");
  rig.Settle();
  const int before = rig.app.Writes();
  const std::string job = rig.Replay();
  rig.Settle();
  EXPECT_EQ(rig.app.Writes(), before);
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
  EXPECT_EQ(rig.JobOf(job).sent, 0u);
}

TEST(DeliveryReplay, AReplayOfOnePersonTouchesNobodyElse) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea");
  rig.Settle();
  rig.app.users.clear();
  const std::string job = rig.Replay({"u2"});
  rig.Settle();
  EXPECT_EQ(rig.app.User("anna"), nullptr);
  EXPECT_NE(rig.app.User("bea"), nullptr);
  EXPECT_EQ(rig.JobOf(job).total, 1u);
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
}

TEST(DeliveryReplay, AReplayThatARestartInterruptsEnds) {
  DeliveryRig rig;
  for (int i = 0; i < 20; ++i) rig.CreateUser("u" + std::to_string(i), "user" + std::to_string(i));
  rig.Settle();
  rig.app.users.clear();
  const std::string job = rig.Replay();
  rig.RunFor(absl::Milliseconds(50));
  rig.Crash();
  rig.Start();
  rig.Settle();
  EXPECT_EQ(rig.app.users.size(), 20u);
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
}

TEST(DeliveryReplay, AJobEndsThoughALaneIsParked) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.CreateUser("u2", "bea");
  rig.Settle();
  rig.app.users.clear();
  rig.app.fault = [](const AppCall& call) {
    return call.writes() && call.name == "bea" ? Fault::kRefused : Fault::kNone;
  };
  const std::string job = rig.Replay();
  rig.Settle();
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
  EXPECT_EQ(rig.LaneOf("u2").state, event::v1::PARKED);
}

TEST(DeliveryReplay, AJobThatIsCancelledIsNotReportedDone) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = [](const AppCall&) { return Fault::kUnavailable; };
  const std::string job = rig.Replay();
  rig.RunFor(absl::Minutes(1));
  EXPECT_NE(rig.JobOf(job).state, JobState::kDone) << "the app is down";
  event::v1::AppCommand cancel;
  cancel.set_action(event::v1::AppCommand::CANCEL_JOB);
  cancel.set_job_id(job);
  rig.Command(cancel);
  rig.app.fault = nullptr;
  rig.Settle();
  EXPECT_EQ(rig.JobOf(job).state, JobState::kCancelled);
}

TEST(DeliveryReplay, ATestSaysWhetherTheAppAnswers) {
  DeliveryRig rig;
  event::v1::AppCommand test;
  test.set_action(event::v1::AppCommand::TEST);
  test.set_job_id("t1");
  rig.Command(test);
  rig.RunFor(absl::Seconds(1));
  EXPECT_EQ(rig.JobOf("t1").state, JobState::kDone);
  rig.app.fault = [](const AppCall&) { return Fault::kUnauthenticated; };
  test.set_job_id("t2");
  rig.Command(test);
  rig.RunFor(absl::Seconds(1));
  EXPECT_EQ(rig.JobOf("t2").state, JobState::kFailed);
}

}  // namespace
}  // namespace purser
