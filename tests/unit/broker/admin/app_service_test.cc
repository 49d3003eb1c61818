#include "broker/admin/app_service.h"

#include "broker/admin/job_service.h"
#include "gmock/gmock.h"
#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

using admin::v1::AppStatus;
using admin::v1::CommandAppRequest;

class AppsAsked : public AdminFixture {
 protected:
  void SetUp() override { PutWiki(); }

  AppStatus Status() {
    admin::v1::GetAppStatusRequest request;
    request.set_app("wiki");
    const auto status = GetAppStatus(context(), viewer(), request);
    EXPECT_TRUE(status.ok()) << status.status();
    return status.value_or(AppStatus());
  }

  absl::StatusOr<admin::v1::CommandAppResponse> Command(CommandAppRequest::Action action) {
    CommandAppRequest request;
    request.set_app("wiki");
    request.set_action(action);
    request.set_reason("maintenance");
    return CommandApp(context(), admin(), request);
  }

  absl::StatusOr<admin::v1::Job> Replay(absl::Time from, const std::string& reason) {
    admin::v1::StartReplayRequest request;
    request.set_app("wiki");
    request.mutable_from_time()->set_seconds(absl::ToUnixSeconds(from));
    request.set_reason(reason);
    return StartReplay(context(), admin(), request);
  }
};

TEST_F(AppsAsked, StatusCountsWhatIsLinkedParkedAndPending) {
  const auto alice = CreateUser("u-alice", R"({"userName":"alice"})");
  const auto bob = CreateUser("u-bob", R"({"userName":"bob"})");
  CreateUser("u-carol", R"({"userName":"carol"})");
  TakeOver();
  Link("u-alice", "7", alice);
  Park("u-bob", bob);
  const AppStatus status = Status();
  EXPECT_EQ(status.state(), "running");
  EXPECT_EQ(status.mode(), "automatic");
  EXPECT_EQ(status.owner(), "node-1");
  EXPECT_EQ(status.counts().users(), 1u);
  EXPECT_EQ(status.counts().parked(), 1u);
  EXPECT_EQ(status.counts().pending(), 1u);
  EXPECT_EQ(status.lag_events(), 3u);
  EXPECT_TRUE(status.has_oldest_pending());
}

TEST_F(AppsAsked, NothingIsPendingOnceThePlanHasPassedEveryEvent) {
  CreateUser("u-alice", R"({"userName":"alice"})");
  Plan(CreateUser("u-bob", R"({"userName":"bob"})"));
  const AppStatus status = Status();
  EXPECT_EQ(status.counts().pending(), 0u);
  EXPECT_EQ(status.lag_events(), 0u);
  EXPECT_FALSE(status.has_oldest_pending());
}

TEST_F(AppsAsked, TheLagIsWhatTheOwnerHasNotSettledThoughItsStreamSaysSoLater) {
  CreateUser("u-alice", R"({"userName":"alice"})");
  CreateUser("u-bob", R"({"userName":"bob"})");
  CreateUser("u-carol", R"({"userName":"carol"})");
  ASSERT_EQ(Status().lag_events(), 3u);
  context().pending = [](absl::string_view) { return PendingLanes{.count = 1, .settled = 2}; };
  EXPECT_EQ(Status().lag_events(), 1u);
  EXPECT_EQ(Status().positions().planned_directory(), 0u);
}

TEST_F(AppsAsked, APauseStandsOnTheAppsStreamWithWhoAndWhy) {
  const auto response = Command(CommandAppRequest::PAUSE);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->changed());
  EXPECT_EQ(Status().state(), "paused");
  const auto record = LastRecord(StreamId::App(app_id()));
  EXPECT_EQ(record.kind(), event::v1::APP_COMMAND);
  EXPECT_EQ(record.actor(), "token-admin");
  EXPECT_EQ(record.reason(), "maintenance");
  EXPECT_NE(record.request_id(), "");
}

TEST_F(AppsAsked, StartingARunningAppRecordsNothing) {
  const auto response = Command(CommandAppRequest::START);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_FALSE(response->changed());
  EXPECT_EQ(HeadOf(StreamId::App(app_id())), 0u);
}

TEST_F(AppsAsked, AStoppedAppCannotBePausedOrReplayed) {
  ASSERT_TRUE(Command(CommandAppRequest::STOP).ok());
  EXPECT_EQ(Command(CommandAppRequest::PAUSE).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Replay(clock().Now(), "test").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(AppsAsked, AnAppNobodyKnowsIsNotFound) {
  admin::v1::GetAppStatusRequest request;
  request.set_app("nobody");
  EXPECT_EQ(GetAppStatus(context(), viewer(), request).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(AppsAsked, AListIsFilteredByStateAndRefusesAFilterItDoesNotKnow) {
  admin::v1::ListAppsRequest request;
  request.set_filter("stopped");
  EXPECT_EQ(ListApps(context(), viewer(), request)->apps_size(), 0);
  request.set_filter("running name:wi");
  EXPECT_EQ(ListApps(context(), viewer(), request)->apps_size(), 1);
  request.set_filter("colour:red");
  EXPECT_EQ(ListApps(context(), viewer(), request).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(AppsAsked, AReplayIsAQueuedJobUntilItsOwnerSaysMore) {
  const auto job = Replay(clock().Now() - absl::Hours(2), "restored a backup");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state(), "queued");
  EXPECT_EQ(job->kind(), "replay");
  NoteJob(job->id(), event::v1::AppNote::JOB_DONE);
  admin::v1::GetJobRequest request;
  request.set_job_id(job->id());
  const auto ended = GetJob(context(), viewer(), request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state(), "done");
  EXPECT_EQ(ended->done(), 2u);
  EXPECT_EQ(ended->reason(), "restored a backup");
}

TEST_F(AppsAsked, AReplayNeedsAReasonAndAStartThatIsPast) {
  EXPECT_EQ(Replay(clock().Now(), "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Replay(clock().Now() + absl::Hours(1), "test").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(AppsAsked, AReplayIsBoundedAndItsJobSaysSo) {
  admin::v1::StartReplayRequest request;
  request.set_app("wiki");
  request.set_reason("test");
  request.set_from_position(2);
  request.set_to_position(7);
  request.set_resources_per_second(0.5);
  const auto job = StartReplay(context(), admin(), request);
  ASSERT_TRUE(job.ok()) << job.status();
  admin::v1::GetJobRequest again;
  again.set_job_id(job->id());
  const auto kept = GetJob(context(), viewer(), again);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->from_position(), 2u);
  EXPECT_EQ(kept->to_position(), 7u);
  EXPECT_EQ(kept->resources_per_second(), 0.5);
  EXPECT_FALSE(kept->dry_run());
}

TEST_F(AppsAsked, ABoundThatHoldsNothingIsRefused) {
  admin::v1::StartReplayRequest request;
  request.set_app("wiki");
  request.set_reason("test");
  const auto refusal = [&] {
    const absl::Status status = StartReplay(context(), admin(), request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  request.set_from_position(7);
  request.set_to_position(6);
  EXPECT_EQ(refusal(), "the replay ends before it begins");
  request.set_to_position(0);
  EXPECT_THAT(refusal(), testing::HasSubstr("positions begin at 1"));
  const int64_t now = absl::ToUnixSeconds(clock().Now());
  request.mutable_from_time()->set_seconds(now - 60);
  request.mutable_to_time()->set_seconds(now - 61);
  EXPECT_EQ(refusal(), "the replay ends before it begins");
  request.mutable_to_time()->set_seconds(now + 60);
  EXPECT_EQ(refusal(), "the time to replay to lies ahead");
  request.clear_to();
  request.set_resources_per_second(-1);
  EXPECT_THAT(refusal(), testing::HasSubstr("a rate is from"));
}

TEST_F(AppsAsked, ADryRunNeedsNoReasonNorAnAppThatRunsAndIsListed) {
  CreateUser("u-bob", R"({"userName": "bob"})");
  CreateUser("u-eve", R"({"userName": "eve"})");
  ASSERT_TRUE(Command(CommandAppRequest::STOP).ok());
  admin::v1::StartReplayRequest request;
  request.set_app("wiki");
  request.set_from_position(1);
  request.set_dry_run(true);
  const auto job = StartReplay(context(), admin(), request);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(job->dry_run());

  event::v1::AppNote note;
  note.set_topic(event::v1::AppNote::JOB_DONE);
  note.set_job_id(job->id());
  for (const char* id : {"u-eve", "u-bob"}) {
    event::v1::PlannedChange* change = note.add_planned();
    change->set_resource_type(event::v1::USER);
    change->set_resource_id(id);
    change->set_kind(event::v1::UPDATE);
    change->add_targets("title");
  }
  Tell(note);
  admin::v1::ListPlannedRequest list;
  list.set_job_id(job->id());
  list.set_page_size(1);
  auto page = ListPlannedChanges(context(), viewer(), list);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->changes_size(), 1);
  EXPECT_EQ(page->changes(0).subject().name(), "bob");
  EXPECT_EQ(page->changes(0).operation(), "update");
  EXPECT_EQ(page->job().state(), "done");
  list.set_page_token(page->next_page_token());
  page = ListPlannedChanges(context(), viewer(), list);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->changes_size(), 1);
  EXPECT_EQ(page->changes(0).subject().id(), "u-eve");
  EXPECT_EQ(page->next_page_token(), "");
}

TEST_F(AppsAsked, AWatchedJobIsSentAtEachChangeUntilItEnds) {
  const auto job = Replay(clock().Now(), "test");
  ASSERT_TRUE(job.ok()) << job.status();
  admin::v1::GetJobRequest request;
  request.set_job_id(job->id());
  std::vector<std::string> states;
  int pauses = 0;
  const absl::Status status = WatchJob(
      context(), viewer(), request,
      [&](const admin::v1::Job& seen) {
        states.push_back(seen.state());
        return true;
      },
      [&] {
        ++pauses;
        if (pauses == 2) NoteJob(job->id(), event::v1::AppNote::JOB_PROGRESS);
        if (pauses == 3) NoteJob(job->id(), event::v1::AppNote::JOB_DONE);
        return true;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(states, testing::ElementsAre("queued", "running", "done"));
}

TEST_F(AppsAsked, AJobThatHasEndedCannotBeCancelled) {
  const auto job = Replay(clock().Now(), "test");
  ASSERT_TRUE(job.ok()) << job.status();
  admin::v1::CancelJobRequest request;
  request.set_job_id(job->id());
  const auto cancelled = CancelJob(context(), admin(), request);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->state(), "cancelled");
  EXPECT_EQ(CancelJob(context(), admin(), request).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace purser
