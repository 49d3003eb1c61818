#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/job_waiting.h"
#include "broker/cli/parse_time.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

struct ReplayFlags {
  std::string app;
  std::string from;
  std::optional<uint64_t> from_position;
  std::string to;
  std::optional<uint64_t> to_position;
  double rate = 0;
  std::vector<std::string> users;
  bool wait = false;
  Why why;
};

struct JobListFlags {
  std::string app;
  bool unfinished = false;
};

struct JobFlags {
  std::string id;
  Why why;
};

absl::Status SetTimeOf(Session& session, const std::string& text,
                       google::protobuf::Timestamp* out) {
  ASSIGN_OR_RETURN(const absl::Time time,
                   ParseOperatorTime(text, session.environment().clock->Now()));
  const absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(time));
  out->set_seconds(absl::ToUnixSeconds(time));
  out->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - second)));
  return absl::OkStatus();
}

absl::StatusOr<admin::v1::StartReplayRequest> ReplayRequest(Session& session,
                                                            const ReplayFlags& flags) {
  admin::v1::StartReplayRequest request;
  request.set_app(flags.app);
  if (flags.from_position) {
    request.set_from_position(*flags.from_position);
  } else {
    RETURN_IF_ERROR(SetTimeOf(session, flags.from, request.mutable_from_time()));
  }
  if (flags.to_position) request.set_to_position(*flags.to_position);
  if (!flags.to.empty()) {
    RETURN_IF_ERROR(SetTimeOf(session, flags.to, request.mutable_to_time()));
  }
  request.set_resources_per_second(flags.rate);
  for (const std::string& user : flags.users) request.add_resources(user);
  SetWhy(session, flags.why, &request);
  return request;
}

absl::StatusOr<uint32_t> HeldLanes(Session& session, const std::string& app) {
  admin::v1::GetAppStatusRequest request;
  request.set_app(app);
  admin::v1::AppStatus status;
  RETURN_IF_ERROR(session.Call("AppService/GetStatus", request, &status));
  return status.counts().held();
}

// Waits, and tells apart what the guard has held since `held_before`.
int WaitForReplay(Session& session, uint32_t held_before, admin::v1::Job job) {
  const absl::Status status = WaitForJob(session, &job);
  if (!status.ok()) return session.Fail(status);
  session.Print(job, [&] { return absl::StrCat(JobLine(job), "\n"); });
  const int exit = ExitStatusOfJob(job);
  if (exit != kExitDone) return exit;
  const auto held = HeldLanes(session, job.app_id());
  if (!held.ok()) return session.Fail(held.status());
  return *held > held_before ? kExitHeldByGuard : kExitDone;
}

int RunReplay(Session& session, const ReplayFlags& flags) {
  const auto request = ReplayRequest(session, flags);
  if (!request.ok()) return session.Fail(request.status());
  uint32_t held_before = 0;
  if (flags.wait) {
    const auto held = HeldLanes(session, flags.app);
    if (!held.ok()) return session.Fail(held.status());
    held_before = *held;
  }
  admin::v1::Job job;
  const absl::Status status = session.Call("ReplayService/Start", *request, &job);
  if (!status.ok()) return session.Fail(status);
  if (flags.wait) return WaitForReplay(session, held_before, job);
  session.Print(job, [&] { return absl::StrCat(JobLine(job), "\n"); });
  return kExitDone;
}

int PrintPlanned(Session& session, const std::string& job_id) {
  admin::v1::ListPlannedRequest request;
  request.set_job_id(job_id);
  admin::v1::ListPlannedResponse response;
  const absl::Status status = CallPaged(session, "ReplayService/ListPlanned", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return PlannedText(response); });
  const std::string& state = response.job().state();
  return state == "failed" || state == "cancelled" ? kExitFailed : kExitDone;
}

// A plan is what it ends with, so it is waited for.
int RunPlan(Session& session, const ReplayFlags& flags) {
  auto request = ReplayRequest(session, flags);
  if (!request.ok()) return session.Fail(request.status());
  request->set_dry_run(true);
  admin::v1::Job job;
  absl::Status status = session.Call("ReplayService/Start", *request, &job);
  if (status.ok()) status = WaitForJob(session, &job);
  return status.ok() ? PrintPlanned(session, job.id()) : session.Fail(status);
}

int RunJobList(Session& session, const JobListFlags& flags) {
  admin::v1::ListJobsRequest request;
  request.set_app(flags.app);
  request.set_unfinished_only(flags.unfinished);
  admin::v1::ListJobsResponse response;
  const absl::Status status = CallPaged(session, "JobService/List", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return JobsTable(response); });
  return kExitDone;
}

int RunJobGet(Session& session, const JobFlags& flags) {
  admin::v1::GetJobRequest request;
  request.set_job_id(flags.id);
  admin::v1::Job job;
  const absl::Status status = session.Call("JobService/Get", request, &job);
  if (!status.ok()) return session.Fail(status);
  session.Print(job, [&] { return absl::StrCat(JobLine(job), "\n"); });
  return kExitDone;
}

// One line a change, so that a script can follow.
int RunJobWatch(Session& session, const JobFlags& flags) {
  admin::v1::GetJobRequest request;
  request.set_job_id(flags.id);
  admin::v1::Job job;
  const absl::Status status = session.Stream("JobService/Watch", request, &job, [&] {
    switch (session.format()) {
      case OutputFormat::kJson:
        session.out() << FormatJson(job, false) << std::flush;
        break;
      case OutputFormat::kYaml:
        session.out() << "---\n" << FormatYaml(job) << std::flush;
        break;
      case OutputFormat::kTable:
        session.out() << JobLine(job) << "\n" << std::flush;
        break;
    }
  });
  if (!status.ok()) return session.Fail(status);
  return ExitStatusOfJob(job);
}

int RunJobCancel(Session& session, const JobFlags& flags) {
  admin::v1::CancelJobRequest request;
  request.set_job_id(flags.id);
  SetWhy(session, flags.why, &request);
  admin::v1::Job job;
  const absl::Status status = session.Call("JobService/Cancel", request, &job);
  if (!status.ok()) return session.Fail(status);
  session.Print(job, [&] { return absl::StrCat(JobLine(job), "\n"); });
  return kExitDone;
}

void BindReplay(CLI::App* command, ReplayFlags* flags) {
  command->add_option("APP", flags->app, "name or id")->required();
  CLI::Option_group* from = command->add_option_group("start");
  from->add_option("--from", flags->from, "a time: 2026-11-20T10:00:00Z, \"2h ago\", -30m");
  from->add_option("--from-position", flags->from_position, "a position of the directory's stream");
  from->require_option(1);
  CLI::Option_group* to = command->add_option_group("end");
  to->add_option("--to", flags->to, "the last time that counts; up to now where absent");
  to->add_option("--to-position", flags->to_position, "the last position that counts");
  to->require_option(0, 1);
  command->add_option("--rate", flags->rate, "at most so many resources a second")
      ->check(CLI::PositiveNumber);
  command->add_option("--user", flags->users, "these alone, by id or userName");
}

void BindJob(CLI::App* command, JobFlags* flags) {
  command->add_option("JOB", flags->id, "its id")->required();
}

}  // namespace

absl::Status WaitForJob(Session& session, admin::v1::Job* job) {
  admin::v1::GetJobRequest request;
  request.set_job_id(job->id());
  const absl::Status status =
      session.Stream("JobService/Watch", request, job, [&] { session.Progress(JobLine(*job)); });
  session.EndProgress();
  return status;
}

int ExitStatusOfJob(const admin::v1::Job& job) {
  return job.state() == "done" ? kExitDone : kExitFailed;
}

void AddReplayCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* replay = AddNoun(root, "replay", "bring an app to the directory's present state");
  AddVerb<ReplayFlags>(
      replay, chosen, "start", "start a replay; gives its job",
      [](CLI::App* command, ReplayFlags* flags) {
        BindReplay(command, flags);
        command->add_flag("--wait", flags->wait, "until the job has ended");
        BindWhy(command, &flags->why, true);
      },
      RunReplay);
  AddVerb<ReplayFlags>(
      replay, chosen, "plan", "what a replay would send, by user; reads accounts, sends nothing",
      [](CLI::App* command, ReplayFlags* flags) {
        BindReplay(command, flags);
        BindWhy(command, &flags->why, false);
      },
      RunPlan);
  AddVerb<JobFlags>(
      replay, chosen, "planned", "what a plan's job has found so far", BindJob,
      [](Session& session, const JobFlags& flags) { return PrintPlanned(session, flags.id); });
}

void AddJobCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* job = AddNoun(root, "job", "long work: list, get, watch, cancel");
  AddVerb<JobListFlags>(
      job, chosen, "list", "jobs, the latest first",
      [](CLI::App* command, JobListFlags* flags) {
        command->add_option("--app", flags->app, "of this app alone");
        command->add_flag("--unfinished", flags->unfinished, "only those that have not ended");
      },
      RunJobList);
  AddVerb<JobFlags>(job, chosen, "get", "one job", BindJob, RunJobGet);
  AddVerb<JobFlags>(job, chosen, "watch", "follow a job to its end", BindJob, RunJobWatch);
  AddVerb<JobFlags>(
      job, chosen, "cancel", "end a job early",
      [](CLI::App* command, JobFlags* flags) {
        BindJob(command, flags);
        BindWhy(command, &flags->why, false);
      },
      RunJobCancel);
}

}  // namespace purser
