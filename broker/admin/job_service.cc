#include "broker/admin/job_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/admin/app_service.h"
#include "broker/admin/lookup.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "google/protobuf/util/message_differencer.h"

namespace purser {
namespace {

using event::v1::AppCommand;

admin::v1::Job ToProto(const AppEntry& entry, const Job& job) {
  admin::v1::Job out;
  out.set_id(job.id);
  out.set_app(entry.app.name());
  out.set_app_id(entry.id);
  out.set_kind(WordOf(job.action));
  out.set_state(WordOf(job.state));
  out.set_actor(job.actor);
  out.set_reason(job.reason);
  out.set_message(job.message);
  out.set_done(static_cast<uint32_t>(job.done));
  out.set_total(static_cast<uint32_t>(job.total));
  out.set_sent(static_cast<uint32_t>(job.sent));
  if (job.from_time > absl::UnixEpoch()) SetTimestamp(job.from_time, out.mutable_from_time());
  out.set_from_position(job.from_position);
  if (job.to_time > absl::UnixEpoch()) SetTimestamp(job.to_time, out.mutable_to_time());
  out.set_to_position(job.to_position);
  out.set_resources_per_second(job.resources_per_second);
  out.set_dry_run(job.dry_run);
  if (job.asked > absl::UnixEpoch()) SetTimestamp(job.asked, out.mutable_asked());
  return out;
}

struct FoundJob {
  const AppEntry* entry = nullptr;
  Job job;
};

absl::StatusOr<FoundJob> FindJob(const AdminContext& context, const ControlState& state,
                                 const std::string& id) {
  for (const auto& [app_id, entry] : state.apps) {
    const auto reader = ReadApp(context, app_id);
    if (absl::IsUnavailable(reader.status())) continue;
    RETURN_IF_ERROR(reader.status());
    ASSIGN_OR_RETURN(auto job, (*reader)->FindJob(id));
    if (job) return FoundJob{&entry, *std::move(job)};
  }
  return absl::NotFoundError(absl::StrCat("there is no job \"", id, "\""));
}

// Up to where, how fast, and whether anything is to be sent.
absl::Status SetBounds(const AdminContext& context, const admin::v1::StartReplayRequest& request,
                       AppCommand* command) {
  if (request.to_case() == admin::v1::StartReplayRequest::kToTime) {
    if (ToTime(request.to_time()) > context.clock->Now()) {
      return absl::InvalidArgumentError("the time to replay to lies ahead");
    }
    *command->mutable_to_time() = request.to_time();
  } else if (request.to_case() == admin::v1::StartReplayRequest::kToPosition) {
    if (request.to_position() == 0) {
      return absl::InvalidArgumentError("positions begin at 1: a replay to 0 holds nothing");
    }
    command->set_to_position(request.to_position());
  }
  const bool times = command->has_from_time() && command->has_to_time();
  const bool positions = !command->has_from_time() && command->to_position() != 0;
  if ((times && ToTime(command->to_time()) < ToTime(command->from_time())) ||
      (positions && command->to_position() < command->from_position())) {
    return absl::InvalidArgumentError("the replay ends before it begins");
  }
  // The fold keeps it in millionths.
  const double rate = request.resources_per_second();
  if (!(rate == 0 || (rate >= 0.001 && rate <= 1e6))) {
    return absl::InvalidArgumentError("a rate is from 0.001 to 1000000 resources a second");
  }
  command->set_resources_per_second(rate);
  command->set_dry_run(request.dry_run());
  return absl::OkStatus();
}

absl::Status CheckReplayable(const AdminContext& context, const AppEntry& entry) {
  if (entry.app.mode() == config::v1::READ_ONLY) {
    return absl::FailedPreconditionError(
        absl::StrCat("app ", entry.app.name(), " is read-only: a replay could send nothing"));
  }
  ASSIGN_OR_RETURN(const auto reader, ReadApp(context, entry.id));
  ASSIGN_OR_RETURN(const AppRow row, reader->App());
  if (AppStateWord(entry, row) == "stopped") {
    return absl::FailedPreconditionError(
        absl::StrCat("app ", entry.app.name(), " is stopped: start it first"));
  }
  return absl::OkStatus();
}

absl::StatusOr<AppCommand> ReplayCommand(const AdminContext& context, const ControlState& state,
                                         const AppEntry& entry,
                                         const admin::v1::StartReplayRequest& request) {
  AppCommand command;
  command.set_action(AppCommand::REPLAY);
  if (request.from_case() == admin::v1::StartReplayRequest::kFromTime) {
    if (ToTime(request.from_time()) > context.clock->Now()) {
      return absl::InvalidArgumentError("the time to replay from lies ahead");
    }
    *command.mutable_from_time() = request.from_time();
  } else if (request.from_case() == admin::v1::StartReplayRequest::kFromPosition) {
    command.set_from_position(request.from_position());
  } else {
    return absl::InvalidArgumentError("a replay needs a time or a position to start from");
  }
  for (const std::string& text : request.resources()) {
    ASSIGN_OR_RETURN(const FoundSubject found,
                     FindSubject(context, state, entry.directory_id, text));
    command.add_resource_ids(found.subject.id());
  }
  RETURN_IF_ERROR(SetBounds(context, request, &command));
  return command;
}

}  // namespace

absl::StatusOr<admin::v1::Job> StartJob(const AdminContext& context, const Wish& wish,
                                        const AppEntry& entry, AppCommand command) {
  command.set_job_id(context.ids->NewId(context.clock->Now()));
  RETURN_IF_ERROR(SubmitCommand(context, wish, entry.id, command).status());
  Job job;
  job.id = command.job_id();
  job.action = command.action();
  job.actor = wish.actor;
  job.reason = wish.reason;
  job.asked = context.clock->Now();
  job.from_time = ToTime(command.from_time());
  job.from_position = command.from_position();
  job.to_time = ToTime(command.to_time());
  job.to_position = command.to_position();
  job.resources_per_second = command.resources_per_second();
  job.dry_run = command.dry_run();
  return ToProto(entry, job);
}

absl::StatusOr<admin::v1::Job> StartReplay(const AdminContext& context, const Caller& caller,
                                           const admin::v1::StartReplayRequest& request) {
  if (request.reason().empty() && !request.dry_run()) {
    return absl::InvalidArgumentError("a replay needs a reason");
  }
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const AppEntry* entry, FindApp(*state, request.app()));
  ASSIGN_OR_RETURN(AppCommand command, ReplayCommand(context, *state, *entry, request));
  if (!request.dry_run()) RETURN_IF_ERROR(CheckReplayable(context, *entry));
  const Wish wish = MakeWish(context, caller, request.request_id(), request.reason());
  return StartJob(context, wish, *entry, std::move(command));
}

absl::StatusOr<admin::v1::ListPlannedResponse> ListPlannedChanges(
    const AdminContext& context, const Caller&, const admin::v1::ListPlannedRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const FoundJob found, FindJob(context, *state, request.job_id()));
  ASSIGN_OR_RETURN(const auto reader, ReadApp(context, found.entry->id));
  const int size = PageSize(request.page_size());
  ASSIGN_OR_RETURN(const auto changes,
                   reader->Planned(found.job.id, request.page_token(), size + 1));
  ASSIGN_OR_RETURN(const auto directory, ReadDirectory(context, found.entry->directory_id));
  admin::v1::ListPlannedResponse response;
  *response.mutable_job() = ToProto(*found.entry, found.job);
  for (const event::v1::PlannedChange& change : changes) {
    if (response.changes_size() == size) {
      response.set_next_page_token(response.changes().rbegin()->subject().id());
      break;
    }
    admin::v1::PlannedChange* out = response.add_changes();
    out->mutable_subject()->set_id(change.resource_id());
    out->mutable_subject()->set_type(WordOf(change.resource_type()));
    ASSIGN_OR_RETURN(*out->mutable_subject()->mutable_name(),
                     NameOf(*directory, change.resource_type(), change.resource_id()));
    out->set_operation(WordOf(change.kind()));
    *out->mutable_targets() = change.targets();
    out->set_members_added(change.members_added());
    out->set_members_removed(change.members_removed());
    out->set_message(change.message());
  }
  return response;
}

absl::StatusOr<admin::v1::ListJobsResponse> ListJobs(const AdminContext& context, const Caller&,
                                                     const admin::v1::ListJobsRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const auto apps, ChosenApps(*state, request.app()));
  std::vector<std::pair<absl::Time, admin::v1::Job>> jobs;
  for (const AppEntry* entry : apps) {
    const auto reader = ReadApp(context, entry->id);
    if (absl::IsUnavailable(reader.status())) continue;
    RETURN_IF_ERROR(reader.status());
    ASSIGN_OR_RETURN(const auto found, (*reader)->Jobs(request.unfinished_only()));
    for (const Job& job : found) jobs.emplace_back(job.asked, ToProto(*entry, job));
  }
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  uint32_t offset = 0;
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &offset)) {
    return absl::InvalidArgumentError("the page token is not one of ours");
  }
  admin::v1::ListJobsResponse response;
  const size_t end = offset + static_cast<size_t>(PageSize(request.page_size()));
  for (size_t i = offset; i < jobs.size() && i < end; ++i) {
    *response.add_jobs() = std::move(jobs[i].second);
  }
  if (end < jobs.size()) response.set_next_page_token(absl::StrCat(end));
  return response;
}

absl::StatusOr<admin::v1::Job> GetJob(const AdminContext& context, const Caller&,
                                      const admin::v1::GetJobRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const FoundJob found, FindJob(context, *state, request.job_id()));
  return ToProto(*found.entry, found.job);
}

absl::StatusOr<admin::v1::Job> CancelJob(const AdminContext& context, const Caller& caller,
                                         const admin::v1::CancelJobRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const FoundJob found, FindJob(context, *state, request.job_id()));
  const admin::v1::Job job = ToProto(*found.entry, found.job);
  if (HasEnded(job)) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job.id(), " has ended: it is ", job.state()));
  }
  AppCommand command;
  command.set_action(AppCommand::CANCEL_JOB);
  command.set_job_id(job.id());
  const Wish wish = MakeWish(context, caller, request.request_id(), request.reason());
  RETURN_IF_ERROR(SubmitCommand(context, wish, found.entry->id, command).status());
  admin::v1::GetJobRequest again;
  again.set_job_id(job.id());
  return GetJob(context, caller, again);
}

absl::Status WatchJob(const AdminContext& context, const Caller& caller,
                      const admin::v1::GetJobRequest& request,
                      const std::function<bool(const admin::v1::Job&)>& send,
                      const std::function<bool()>& pause) {
  admin::v1::Job last;
  while (true) {
    ASSIGN_OR_RETURN(admin::v1::Job job, GetJob(context, caller, request));
    if (!google::protobuf::util::MessageDifferencer::Equals(job, last)) {
      if (!send(job)) return absl::OkStatus();
    }
    if (HasEnded(job)) return absl::OkStatus();
    last = std::move(job);
    if (!pause()) return absl::CancelledError("the caller is gone, or this node stops");
  }
}

bool HasEnded(const admin::v1::Job& job) {
  return job.state() == "done" || job.state() == "failed" || job.state() == "cancelled";
}

}  // namespace purser
