// Replay brings an app whose data was set back to the directory's present state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
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

TEST(DeliveryReplay, AReadThatBeganBeforeTheCommandDoesNotCount) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna", {{"title", "Cook"}});
  rig.Settle();
  rig.app.options.latency = absl::Seconds(1);
  rig.Replay();
  rig.RunFor(absl::Milliseconds(500));
  ASSERT_EQ(rig.app.Count("read"), 1) << "of the first replay, under way";
  rig.app.User("anna")->values["title"] = "Somebody else's";
  const std::string second = rig.Replay();
  rig.Settle();
  EXPECT_EQ(rig.JobOf(second).state, JobState::kDone);
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Cook");
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

// A replay of the job's own making; all there is where it says nothing of a start.
std::string Ask(DeliveryRig* rig, event::v1::AppCommand command) {
  command.set_action(event::v1::AppCommand::REPLAY);
  command.set_job_id("asked");
  const bool starts = command.has_from_time() || command.from_position() != 0;
  if (!starts) command.mutable_from_time()->set_seconds(1);
  rig->Command(command);
  return "asked";
}

void Cancel(DeliveryRig* rig, const std::string& job) {
  event::v1::AppCommand cancel;
  cancel.set_action(event::v1::AppCommand::CANCEL_JOB);
  cancel.set_job_id(job);
  rig->Command(cancel);
}

void CreateUsers(DeliveryRig* rig, int count) {
  for (int i = 0; i < count; ++i) {
    rig->CreateUser("u" + std::to_string(i), "user" + std::to_string(i));
  }
  rig->Settle();
}

void ExpectAllAtRest(const DeliveryRig& rig, int count) {
  for (int i = 0; i < count; ++i) {
    const Lane lane = rig.LaneOf("u" + std::to_string(i));
    EXPECT_EQ(lane.state, event::v1::IDLE) << i << " " << lane.code;
    EXPECT_TRUE(lane.acknowledged_known) << i;
  }
}

TEST(DeliveryReplay, PositionsBoundItAtBothEnds) {
  DeliveryRig rig;
  for (const char* name : {"anna", "bea", "cleo", "dora"}) rig.CreateUser(name, name);
  rig.Settle();
  rig.app.users.clear();
  event::v1::AppCommand command;
  command.set_from_position(2);
  command.set_to_position(3);
  const std::string job = Ask(&rig, command);
  rig.Settle();
  EXPECT_THAT(rig.app.Names(connectors::ResourceType::kUser), testing::ElementsAre("bea", "cleo"));
  EXPECT_EQ(rig.JobOf(job).total, 2u);
}

TEST(DeliveryReplay, WhatWasTouchedAfterItsEndIsNotRead) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  const absl::Time end = rig.clock.Now();
  rig.RunFor(absl::Minutes(1));
  rig.CreateUser("u2", "bea");
  rig.Settle();
  rig.app.users.clear();
  event::v1::AppCommand command;
  command.mutable_to_time()->set_seconds(absl::ToUnixSeconds(end) + 1);
  Ask(&rig, command);
  rig.Settle();
  EXPECT_THAT(rig.app.Names(connectors::ResourceType::kUser), testing::ElementsAre("anna"));
}

TEST(DeliveryReplay, ARateBoundsHowManyAreTakenASecond) {
  DeliveryRig rig;
  CreateUsers(&rig, 10);
  event::v1::AppCommand command;
  command.set_resources_per_second(0.5);
  const std::string job = Ask(&rig, command);
  rig.RunFor(absl::Seconds(5));
  EXPECT_EQ(rig.app.Count("read"), 3) << "at 0, 2 and 4 s";
  EXPECT_EQ(rig.JobOf(job).total, 10u);
  rig.Settle();
  EXPECT_EQ(rig.app.Count("read"), 10);
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
}

TEST(DeliveryReplay, ACancelledReplayReadsNobodyItHadNotTaken) {
  DeliveryRig rig;
  CreateUsers(&rig, 10);
  event::v1::AppCommand command;
  command.set_resources_per_second(1);
  const std::string job = Ask(&rig, command);
  rig.RunFor(absl::Seconds(2.5));
  Cancel(&rig, job);
  rig.Settle();
  EXPECT_EQ(rig.app.Count("read"), 3);
  EXPECT_EQ(rig.JobOf(job).state, JobState::kCancelled);
  ExpectAllAtRest(rig, 10);
}

TEST(DeliveryReplay, WhoWasTakenAndNotReadGoesBackToRestWithACancel) {
  DeliveryRig rig;
  CreateUsers(&rig, 30);
  rig.app.fault = [](const AppCall&) { return Fault::kThrottled; };
  rig.app.retry_after = absl::Minutes(1);
  const std::string job = Ask(&rig, {});
  rig.RunFor(absl::Seconds(5));
  const int asked = rig.app.Count("read");
  ASSERT_LT(asked, 20);
  ASSERT_FALSE(rig.LaneOf("u9").acknowledged_known);
  Cancel(&rig, job);
  rig.app.fault = nullptr;
  rig.Settle();
  EXPECT_LE(rig.app.Count("read"), 2 * asked) << "those that were being read, and nobody else";
  EXPECT_EQ(rig.JobOf(job).state, JobState::kCancelled);
  ExpectAllAtRest(rig, 30);
  rig.ExpectRebuiltEqual();
}

TEST(DeliveryReplay, WhatHappensAfterACancelIsSentAsEver) {
  DeliveryRig rig;
  CreateUsers(&rig, 30);
  rig.app.fault = [](const AppCall&) { return Fault::kThrottled; };
  const std::string job = Ask(&rig, {});
  rig.RunFor(absl::Seconds(1));
  Cancel(&rig, job);
  rig.Change("u20", "title", "Cook");
  rig.app.fault = nullptr;
  rig.Settle();
  EXPECT_EQ(rig.app.User("user20")->values["title"], "Cook");
  ExpectAllAtRest(rig, 30);
}

// Operations by resource; "" with the message where none would be sent.
std::map<std::string, std::string> PlannedBy(const DeliveryRig& rig, const std::string& job) {
  std::map<std::string, std::string> planned;
  const auto changes = rig.reader().Planned(job, "", 1000).value();
  for (const event::v1::PlannedChange& change : changes) {
    planned[change.resource_id()] = change.message().empty()
                                        ? event::v1::OperationKind_Name(change.kind()) + " " +
                                              absl::StrJoin(change.targets(), ",") + " +" +
                                              std::to_string(change.members_added()) + " -" +
                                              std::to_string(change.members_removed())
                                        : change.message();
  }
  return planned;
}

event::v1::AppCommand DryRun() {
  event::v1::AppCommand command;
  command.set_dry_run(true);
  return command;
}

TEST(DeliveryReplay, ADryRunTellsWhatWouldBeSentAndSendsNothing) {
  DeliveryRig rig;
  CreateUsers(&rig, 6);
  rig.CreateGroup("g1", "Cooks", {"u0", "u1"});
  rig.Settle();
  rig.Delete("u4");
  rig.Change("u5", "active", false);
  rig.Settle();
  const auto account = *rig.app.User("user2");
  rig.app.users.erase(rig.app.User("user1")->id);
  rig.app.User("user2")->values["title"] = "Somebody else's";
  rig.app.Group("Cooks")->members = {account.id};
  rig.app.Add(connectors::ResourceType::kUser, "user4");
  rig.app.User("user5")->active = true;
  rig.app.User("user5")->values["active"] = true;
  const int writes = rig.app.Writes();
  const StreamPosition recorded = rig.LaneOf("u2").last_record;
  const std::string job = Ask(&rig, DryRun());
  rig.Settle();
  EXPECT_EQ(rig.app.Writes(), writes);
  EXPECT_EQ(rig.LaneOf("u2").last_record, recorded);
  EXPECT_THAT(PlannedBy(rig, job),
              testing::UnorderedElementsAre(testing::Pair("u1", "CREATE active,userName +0 -0"),
                                            testing::Pair("u2", "UPDATE title +0 -0"),
                                            testing::Pair("u5", "DISABLE active +0 -0"),
                                            testing::Pair("g1", "ADD_MEMBERS  +2 -1")));
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
  EXPECT_EQ(rig.JobOf(job).done, 7u);
  EXPECT_EQ(rig.JobOf(job).sent, 4u);
  EXPECT_EQ(rig.JobOf(job).message, "add_members 1, create 1, disable 1, update 1");
}

TEST(DeliveryReplay, ADryRunOfAStoppedAppIsDone) {
  DeliveryRig rig;
  CreateUsers(&rig, 3);
  rig.Command(event::v1::AppCommand::STOP);
  rig.app.users.clear();
  const std::string job = Ask(&rig, DryRun());
  rig.RunFor(absl::Minutes(1));
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
  EXPECT_EQ(rig.JobOf(job).sent, 3u);
  EXPECT_TRUE(rig.app.users.empty());
}

TEST(DeliveryReplay, ADryRunWaitsForAnAppThatIsDownAndTellsOfWhoCannotBeRead) {
  DeliveryRig rig;
  CreateUsers(&rig, 10);
  const std::string bad = rig.app.User("user3")->id;
  rig.app.fault = [](const AppCall&) { return Fault::kUnavailable; };
  const std::string job = Ask(&rig, DryRun());
  rig.RunFor(absl::Minutes(10));
  EXPECT_EQ(rig.JobOf(job).state, JobState::kQueued);
  rig.app.fault = [bad](const AppCall& call) {
    return call.id == bad ? Fault::kServerError : Fault::kNone;
  };
  rig.Settle();
  EXPECT_EQ(rig.JobOf(job).state, JobState::kDone);
  EXPECT_THAT(PlannedBy(rig, job), testing::ElementsAre(testing::Pair(
                                       "u3", testing::HasSubstr("its account cannot be read"))));
}

TEST(DeliveryReplay, ADryRunIsCancelledAndSurvivesARestart) {
  DeliveryRig rig;
  CreateUsers(&rig, 10);
  event::v1::AppCommand command = DryRun();
  command.set_resources_per_second(1);
  const std::string job = Ask(&rig, command);
  rig.RunFor(absl::Seconds(3));
  rig.Crash();
  rig.Start();
  rig.RunFor(absl::Seconds(5));
  EXPECT_EQ(rig.JobOf(job).state, JobState::kRunning);
  Cancel(&rig, job);
  const int reads = rig.app.Count("read");
  rig.Settle();
  EXPECT_EQ(rig.JobOf(job).state, JobState::kCancelled);
  EXPECT_LE(rig.app.Count("read"), reads + 1);
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
