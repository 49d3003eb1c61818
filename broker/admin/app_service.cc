#include "broker/admin/app_service.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/admin/job_service.h"
#include "broker/admin/lookup.h"
#include "broker/admin/writing.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "broker/eventlog/whole_event.h"

namespace purser {
namespace {

using admin::v1::AppCounts;
using admin::v1::AppStatus;
using admin::v1::CommandAppRequest;
using event::v1::AppCommand;

uint32_t Narrow(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, std::numeric_limits<uint32_t>::max()));
}

absl::Status FillCounts(const AppReader& reader, AppCounts* counts) {
  ASSIGN_OR_RETURN(const uint64_t users, reader.CountLinked(event::v1::USER));
  ASSIGN_OR_RETURN(const uint64_t groups, reader.CountLinked(event::v1::GROUP));
  ASSIGN_OR_RETURN(auto by_state, reader.CountByState());
  counts->set_users(Narrow(users));
  counts->set_groups(Narrow(groups));
  counts->set_retrying(Narrow(by_state[event::v1::RETRYING]));
  counts->set_waiting(Narrow(by_state[event::v1::WAITING]));
  counts->set_parked(Narrow(by_state[event::v1::PARKED]));
  counts->set_held(Narrow(by_state[event::v1::HELD]));
  counts->set_skipped(Narrow(by_state[event::v1::SKIPPED]));
  return absl::OkStatus();
}

// What the plan has not passed yet, as far as the records tell: a resource counts until it is
// settled at its last event. The oldest is that of the first event not passed.
absl::StatusOr<PendingLanes> PendingByRecords(const AdminContext& context,
                                              const DirectoryReader& directory,
                                              const AppReader& app, const AppEntry& entry,
                                              StreamPosition planned) {
  PendingLanes pending;
  StreamPosition oldest = 0;
  ASSIGN_OR_RETURN(const auto touched, directory.TouchedSince(planned));
  for (const MemberRow& row : touched) {
    ASSIGN_OR_RETURN(const auto positions, directory.Timeline(row.id));
    ASSIGN_OR_RETURN(const auto lane, app.FindLane(row.id));
    if (lane && lane->state != event::v1::IDLE && lane->state != event::v1::RETRYING) continue;
    const StreamPosition after = std::max(planned, lane ? lane->settled : 0);
    const auto first = std::upper_bound(positions.begin(), positions.end(), after);
    if (first == positions.end()) continue;
    ++pending.count;
    oldest = oldest == 0 ? *first : std::min(oldest, *first);
  }
  if (oldest == 0) return pending;
  const StreamId stream = StreamId::Directory(entry.directory_id);
  ASSIGN_OR_RETURN(const auto envelope, ReadEvent(*context.log, stream, oldest));
  pending.oldest = ToTime(envelope.time());
  return pending;
}

absl::Status FillProgress(const AdminContext& context, const AppEntry& entry,
                          const AppReader& reader, const AppRow& row, AppStatus* status) {
  ASSIGN_OR_RETURN(const auto directory, ReadDirectory(context, entry.directory_id));
  ASSIGN_OR_RETURN(const Head directory_head, directory->FoldHead());
  ASSIGN_OR_RETURN(const Head app_head, reader.FoldHead());
  const StreamPosition planned = row.planned.directory_position();
  auto* positions = status->mutable_positions();
  positions->set_planned_directory(planned);
  positions->set_planned_control(row.planned.control_position());
  positions->set_directory(directory_head.position);
  positions->set_app(app_head.position);
  std::optional<PendingLanes> pending;
  if (context.pending) pending = context.pending(entry.id);
  const StreamPosition passed = std::max(planned, pending ? pending->settled : 0);
  status->set_lag_events(
      Narrow(directory_head.position > passed ? directory_head.position - passed : 0));
  if (!pending) {
    ASSIGN_OR_RETURN(pending, PendingByRecords(context, *directory, reader, entry, planned));
  }
  status->mutable_counts()->set_pending(Narrow(pending->count));
  if (pending->oldest != absl::InfinitePast()) {
    SetTimestamp(pending->oldest, status->mutable_oldest_pending());
  }
  return absl::OkStatus();
}

// One term of a filter: a state, "unhealthy", "name:recn", "directory:main".
absl::StatusOr<bool> Matches(const AppStatus& status, absl::string_view term) {
  if (term == "running" || term == "paused" || term == "stopped") return status.state() == term;
  if (term == "unhealthy") {
    return status.breaker_open() || status.credentials_refused() || status.not_configured() ||
           status.log_stopped();
  }
  if (absl::ConsumePrefix(&term, "name:")) return absl::StrContains(status.name(), term);
  if (absl::ConsumePrefix(&term, "directory:")) return status.directory() == term;
  return absl::InvalidArgumentError(
      absl::StrCat("filter: \"", term,
                   "\" is none of running, paused, stopped, unhealthy, name:.., directory:.."));
}

absl::StatusOr<bool> MatchesAll(const AppStatus& status, absl::string_view filter) {
  for (const absl::string_view term : absl::StrSplit(filter, ' ', absl::SkipEmpty())) {
    ASSIGN_OR_RETURN(const bool matches, Matches(status, term));
    if (!matches) return false;
  }
  return true;
}

absl::StatusOr<std::string> PresentState(const AdminContext& context, const AppEntry& entry) {
  ASSIGN_OR_RETURN(const auto reader, ReadApp(context, entry.id));
  ASSIGN_OR_RETURN(const AppRow row, reader->App());
  return AppStateWord(entry, row);
}

absl::StatusOr<AppCommand::Action> ActionOf(CommandAppRequest::Action action) {
  switch (action) {
    case CommandAppRequest::START:
      return AppCommand::START;
    case CommandAppRequest::PAUSE:
      return AppCommand::PAUSE;
    case CommandAppRequest::STOP:
      return AppCommand::STOP;
    default:
      return absl::InvalidArgumentError("no action is named");
  }
}

std::string StateAfter(AppCommand::Action action) {
  if (action == AppCommand::START) return "running";
  return action == AppCommand::PAUSE ? "paused" : "stopped";
}

}  // namespace

std::string AppStateWord(const AppEntry& entry, const AppRow& row) {
  if (row.commanded) return StateAfter(*row.commanded);
  const std::string created = WordOf(entry.app.state());
  return created.empty() ? "stopped" : created;
}

absl::StatusOr<AppStatus> StatusOfApp(const AdminContext& context, const ControlState& state,
                                      const AppEntry& entry) {
  AppStatus status;
  status.set_name(entry.app.name());
  status.set_id(entry.id);
  const auto directory = state.directories.find(entry.directory_id);
  status.set_directory(directory == state.directories.end() ? entry.app.directory()
                                                            : directory->second.directory.name());
  status.set_template_(entry.app.template_());
  status.set_connector(entry.app.connector());
  status.set_mode(WordOf(entry.app.mode()));
  status.set_config_version(entry.version);
  status.set_state(AppStateWord(entry, AppRow{}));
  status.mutable_counts();
  status.mutable_positions();
  const auto reader = ReadApp(context, entry.id);
  if (absl::IsUnavailable(reader.status())) {
    status.set_trouble("this node does not read the app's stream yet");
    return status;
  }
  RETURN_IF_ERROR(reader.status());
  ASSIGN_OR_RETURN(const AppRow row, (*reader)->App());
  status.set_state(AppStateWord(entry, row));
  if (!row.released) status.set_owner(row.owner_node);
  status.set_breaker_open(row.breaker_open);
  status.set_credentials_refused(row.credentials_refused);
  status.set_not_configured(row.not_configured);
  status.set_trouble(row.trouble);
  for (const StreamId& stream :
       {StreamId::App(entry.id), StreamId::Directory(entry.directory_id)}) {
    if (!IsBroken(*context.log, stream)) continue;
    status.set_log_stopped(true);
    status.set_trouble(std::string(context.log->Health(stream).message()));
  }
  RETURN_IF_ERROR(FillCounts(**reader, status.mutable_counts()));
  RETURN_IF_ERROR(FillProgress(context, entry, **reader, row, &status));
  return status;
}

absl::StatusOr<admin::v1::ListAppsResponse> ListApps(const AdminContext& context, const Caller&,
                                                     const admin::v1::ListAppsRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const auto apps, ChosenApps(*state, ""));
  const int page_size = PageSize(request.page_size());
  admin::v1::ListAppsResponse response;
  for (const AppEntry* entry : apps) {
    if (entry->app.name() <= request.page_token()) continue;
    ASSIGN_OR_RETURN(AppStatus status, StatusOfApp(context, *state, *entry));
    ASSIGN_OR_RETURN(const bool matches, MatchesAll(status, request.filter()));
    if (!matches) continue;
    if (response.apps_size() == page_size) {
      response.set_next_page_token(response.apps(page_size - 1).name());
      break;
    }
    *response.add_apps() = std::move(status);
  }
  return response;
}

absl::StatusOr<AppStatus> GetAppStatus(const AdminContext& context, const Caller&,
                                       const admin::v1::GetAppStatusRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const AppEntry* entry, FindApp(*state, request.app()));
  return StatusOfApp(context, *state, *entry);
}

absl::StatusOr<admin::v1::CommandAppResponse> CommandApp(const AdminContext& context,
                                                         const Caller& caller,
                                                         const CommandAppRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const AppEntry* entry, FindApp(*state, request.app()));
  ASSIGN_OR_RETURN(const AppCommand::Action action, ActionOf(request.action()));
  ASSIGN_OR_RETURN(const std::string present, PresentState(context, *entry));
  admin::v1::CommandAppResponse response;
  response.set_app(entry->app.name());
  response.set_app_id(entry->id);
  response.set_state(StateAfter(action));
  if (present == response.state()) return response;
  if (action == AppCommand::PAUSE && present == "stopped") {
    return absl::FailedPreconditionError(
        absl::StrCat("app ", entry->app.name(), " is stopped: there is nothing to pause"));
  }
  AppCommand command;
  command.set_action(action);
  const Wish wish = MakeWish(context, caller, request.request_id(), request.reason());
  RETURN_IF_ERROR(SubmitCommand(context, wish, entry->id, command).status());
  response.set_changed(true);
  return response;
}

absl::StatusOr<admin::v1::Job> TestApp(const AdminContext& context, const Caller& caller,
                                       const admin::v1::TestAppRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const AppEntry* entry, FindApp(*state, request.app()));
  AppCommand command;
  command.set_action(AppCommand::TEST);
  const Wish wish = MakeWish(context, caller, request.request_id(), request.reason());
  return StartJob(context, wish, *entry, std::move(command));
}

}  // namespace purser
