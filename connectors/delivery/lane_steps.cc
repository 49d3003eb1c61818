#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/events/sealing.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
namespace {

using event::v1::Outcome;

// How long a lane that waits for another looks again by itself.
constexpr absl::Duration kLookAgain = absl::Seconds(30);
constexpr int kTriesOfAJob = 3;

// What a resource's name is until another one has let go of the one it is to have:
// "anna@example.com" -> "anna-0f3a9c21@example.com".
std::string AsideName(const std::string& name, const std::string& id) {
  const std::string suffix =
      absl::StrCat("-", id.substr(id.size() - std::min<size_t>(id.size(), 8)));
  const size_t at = std::min(name.find('@'), name.size());
  return absl::StrCat(name.substr(0, at), suffix, name.substr(at));
}

bool IsAside(const std::string& name, const std::string& id) {
  return absl::StrContains(
      name, absl::StrCat("-", id.substr(id.size() - std::min<size_t>(id.size(), 8))));
}

}  // namespace

void AppWorker::BeginLane(const std::string& id, const DirectoryReader& directory) {
  LaneRun* run = queue_.Find(id);
  auto attempt = std::make_shared<Attempt>();
  attempt->id = id;
  attempt->type = run->type;
  if (!settings_->takes(run->type)) {
    Finish(attempt);
    return;
  }
  const AppReader& reader = options_.projection->reader();
  auto lane = reader.FindLane(id);
  auto open = reader.OpenOperationOf(id);
  if (!lane.ok() || !open.ok()) {
    LetGo(attempt, absl::Seconds(1));
    return;
  }
  const absl::Duration now = options_.clock->SinceBoot();
  const absl::Duration until =
      open->has_value() ? std::max(run->settles_after, run->not_before) : run->not_before;
  if (now < until) {
    LetGo(attempt, until - now);
    return;
  }
  attempt->lane = lane->value_or(Lane{id, run->type});
  if (*open) {
    Settle(attempt, **open);
    return;
  }
  const bool stays = StaysAsItIs(*attempt, *run, directory);
  run->mended = false;
  if (stays) {
    Finish(attempt);
    return;
  }
  // What differed when it was parked is not remembered member by member.
  const bool stood =
      attempt->lane.state == event::v1::PARKED || attempt->lane.state == event::v1::SKIPPED;
  if (stood && attempt->type == event::v1::GROUP) run->all_members = true;
  if (const absl::Status planned = PlanLane(attempt, directory); !planned.ok()) {
    IsRetryable(planned) ? LetGo(attempt, absl::Seconds(1))
                         : Park(attempt, "mapping", std::string(planned.message()));
  }
}

// Parked and skipped lanes stay until the directory changes the resource, or an operator or a new
// configuration says otherwise.
bool AppWorker::StaysAsItIs(const Attempt& attempt, const LaneRun& run,
                            const DirectoryReader& directory) const {
  const Lane& lane = attempt.lane;
  if (lane.state != event::v1::PARKED && lane.state != event::v1::SKIPPED) return false;
  const auto touched = directory.Timeline(attempt.id);
  if (touched.ok() && !touched->empty() && touched->back() > lane.settled) return false;
  if (lane.state == event::v1::SKIPPED) return true;
  if (!run.jobs.empty() || run.mended) return false;
  const bool new_mapping = settings_->entry.version > lane.mapping_version;
  const bool due = lane.next_try > absl::UnixEpoch() && lane.next_try <= options_.clock->Now();
  return !new_mapping && !due;
}

absl::Status AppWorker::PlanLane(const AttemptPtr& attempt, const DirectoryReader& directory) {
  const AppReader& reader = options_.projection->reader();
  ASSIGN_OR_RETURN(attempt->wanted, ReadWanted(*settings_, directory, reader, attempt->type,
                                               attempt->id, !attempt->lane.linked, Generator()));
  rests_on_ = std::max(rests_on_, attempt->wanted.position);
  JoinGroups(*attempt, directory);
  const connectors::Capabilities capabilities = CapabilitiesFor(attempt->type);
  const Plan plan = PlanDelivery(*settings_, capabilities, attempt->wanted, attempt->lane);
  if (plan.step == Step::kCall && plan.kind == event::v1::DELETE && LeavesGroupsFirst(attempt)) {
    return absl::OkStatus();
  }
  if (plan.step == Step::kNothing && attempt->type == event::v1::GROUP && attempt->lane.linked &&
      attempt->wanted.presence == Presence::kActive && ChangeMembers(attempt, directory)) {
    return absl::OkStatus();
  }
  DoStep(attempt, plan);
  return absl::OkStatus();
}

connectors::Capabilities AppWorker::CapabilitiesFor(event::v1::ResourceType type) const {
  connectors::Capabilities capabilities = connector_->capabilities();
  capabilities.deletes = capabilities.deletes && !deletes_refused_.contains(type);
  return capabilities;
}

void AppWorker::DoStep(const AttemptPtr& attempt, const Plan& plan) {
  switch (plan.step) {
    case Step::kNothing:
      Settled(attempt, plan.skipped);
      return;
    case Step::kRead:
      BeginCalling(attempt);
      ReadAccount(attempt);
      return;
    case Step::kMatch:
      BeginCalling(attempt);
      Match(attempt, 0);
      return;
    case Step::kMissing:
      ParkMissing(attempt, plan.missing);
      return;
    case Step::kCall:
      if (!WaitForName(attempt, plan.changes)) StartCall(attempt, plan.kind, plan.changes);
      return;
  }
}

// Nothing differs, or nothing that the configuration lets be done (`skipped`). A record says so
// where the lane's last one says otherwise.
void AppWorker::Settled(const AttemptPtr& attempt, const std::string& skipped) {
  const Lane& lane = attempt->lane;
  const bool known = lane.last_record != 0;
  const bool noted = lane.code == kSkippedByConfiguration;
  const bool same_note = skipped.empty() ? !noted : noted && lane.message == skipped;
  const bool told = lane.state == event::v1::IDLE && lane.tries == 0 && same_note &&
                    lane.left_out == attempt->wanted.left_out;
  if ((!known && skipped.empty() && attempt->wanted.left_out.empty()) || told) {
    Finish(attempt);
    return;
  }
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_tries(0);
  if (!skipped.empty()) {
    outcome.set_code(kSkippedByConfiguration);
    outcome.set_message(skipped);
  }
  Record(attempt, std::move(outcome));
}

Outcome AppWorker::OutcomeOf(const Attempt& attempt) const {
  Outcome outcome;
  outcome.set_operation_id(attempt.operation.operation_id());
  outcome.set_resource_type(attempt.type);
  outcome.set_resource_id(attempt.id);
  outcome.set_wanted_position(attempt.wanted.position);
  outcome.set_mapping_version(settings_->entry.version);
  outcome.set_lane_state(event::v1::IDLE);
  // They count until something succeeds: an answer in between is none to what was tried.
  outcome.set_tries(static_cast<uint32_t>(attempt.lane.tries));
  for (const std::string& target : attempt.wanted.left_out) outcome.add_left_out(target);
  return outcome;
}

void AppWorker::Record(const AttemptPtr& attempt, Outcome outcome) {
  const event::v1::OperationKind kind = attempt->operation.kind();
  const bool took_effect = outcome.result() == event::v1::TOOK_EFFECT;
  // Whether an account is to be a member can turn on its access alone.
  const bool access = kind == event::v1::ENABLE || kind == event::v1::DISABLE;
  const bool link_changed = !outcome.link().remote_id().empty() || outcome.unlinked() ||
                            outcome.observed_absent() ||
                            (took_effect && (access || kind == event::v1::DELETE));
  outcomes_.push_back({{std::move(outcome)},
                       [this, attempt, link_changed] { AfterRecord(attempt, link_changed); },
                       attempt});
}

void AppWorker::AfterRecord(const AttemptPtr& attempt, bool link_changed) {
  EndCalling(attempt);
  const auto lane = options_.projection->reader().FindLane(attempt->id);
  if (link_changed) LinkChanged(attempt->id);
  if (lane.ok() && lane->has_value()) RestAfter(*attempt, **lane, link_changed);
  // A job counts a lane that goes on failing by itself; one that the app holds up goes on with it.
  const bool goes_on = lane.ok() && lane->has_value() && (*lane)->state == event::v1::RETRYING &&
                       (*lane)->tries < kTriesOfAJob;
  Finish(attempt, !goes_on);
}

void AppWorker::RestAfter(const Attempt& attempt, const Lane& lane, bool link_changed) {
  LaneRun* run = queue_.Find(attempt.id);
  if (run == nullptr) return;
  const absl::Duration now = options_.clock->SinceBoot();
  const bool timed = lane.next_try > absl::UnixEpoch();
  const bool parked = lane.state == event::v1::PARKED;
  run->waits = parked || lane.state == event::v1::WAITING;
  if (lane.state == event::v1::RETRYING || (timed && parked)) {
    const absl::Duration left =
        timed ? lane.next_try - options_.clock->Now() : absl::ZeroDuration();
    queue_.Rest(attempt.id, now + std::max(left, absl::Milliseconds(1)));
  } else if (lane.state == event::v1::WAITING) {
    queue_.Rest(attempt.id, now + kLookAgain);
  } else if (lane.state == event::v1::IDLE &&
             (link_changed || !attempt.operation.operation_id().empty())) {
    run->changed = true;  // More may differ; if nothing does, nothing is sent.
    // Held back by its records where nothing else does: a process that starts after this one asks.
    if (run->since == 0 && run->taken == 0) {
      run->since = std::max<StreamPosition>(1, app_.planned.directory_position());
    }
    return;
  }
  // The record tells what is left to be done.
  run->taken = 0;
}

// `counts`: for the jobs that wait for the lane.
void AppWorker::Finish(const AttemptPtr& attempt, bool counts) {
  EndCalling(attempt);
  LaneRun* run = queue_.Find(attempt->id);
  const bool done = run != nullptr && !run->changed;
  std::set<std::string> jobs;
  if (done) {
    run->since = run->taken = 0;
    run->not_before = -absl::InfiniteDuration();
    if (run->waits) run->waiting_since = absl::InfiniteDuration();
    if (counts) jobs.swap(run->jobs);
  }
  if (const auto waiting = after_group_.find(attempt->id); waiting != after_group_.end()) {
    const std::set<std::string> leavers = std::move(waiting->second);
    after_group_.erase(waiting);
    for (const std::string& leaver : leavers) queue_.Wake(leaver, /*urgent=*/true);
  }
  queue_.Release(attempt->id);
  for (const std::string& job : jobs) {
    const auto it = jobs_.find(job);
    if (it == jobs_.end()) continue;
    it->second.open.erase(attempt->id);
    it->second.rested.erase(attempt->id);
  }
  if (!jobs.empty()) JobsAdvanced();
}

// What refers to the account, or waits for its name, is planned again.
void AppWorker::LinkChanged(const std::string& id) {
  const AppReader& reader = options_.projection->reader();
  auto lease = options_.directory->Take();
  if (!lease.ok()) return;
  // Holds back what is said to be planned: a process that starts after this one asks the records
  // since then for accounts that came or went.
  const StreamPosition since = std::max<StreamPosition>(1, app_.planned.directory_position());
  if (const auto waiters = reader.WaitersFor(id); waiters.ok()) {
    for (const std::string& waiter : *waiters) {
      const auto lane = reader.FindLane(waiter);
      if (lane.ok() && lane->has_value()) WakeLane(waiter, (*lane)->type, since);
    }
  }
  if (const auto reports = (*lease)->ReportsOf(id); reports.ok()) {
    for (const std::string& report : *reports) {
      WakeLane(report, event::v1::USER, since);
      if (LaneRun* run = queue_.Find(report)) run->mended = true;
    }
  }
  if (!settings_->groups.enabled) return;
  for (const auto& groups : {(*lease)->DirectGroupsOf(id), reader.GroupsAcknowledging(id)}) {
    if (!groups.ok()) continue;
    for (const std::string& group : *groups) {
      LaneRun& run = queue_.Run(group, event::v1::GROUP);
      run.members.insert(id);
      run.refused_members.erase(id);
      run.mended = true;
      WakeLane(group, event::v1::GROUP, since);
    }
  }
}

void AppWorker::Park(const AttemptPtr& attempt, const std::string& code,
                     const std::string& message) {
  Outcome outcome = OutcomeOf(*attempt);
  if (!attempt->operation.operation_id().empty()) outcome.set_result(event::v1::NO_EFFECT);
  outcome.set_lane_state(event::v1::PARKED);
  outcome.set_code(code);
  outcome.set_message(message);
  SetExchange(*attempt, &outcome);
  Record(attempt, std::move(outcome));
}

void AppWorker::ParkMissing(const AttemptPtr& attempt, const std::vector<std::string>& missing) {
  Park(attempt, "required-missing",
       absl::StrCat("the app requires ", absl::StrJoin(missing, ", "),
                    "; the user is created once the directory holds it"));
}

void AppWorker::StartCall(const AttemptPtr& attempt, event::v1::OperationKind kind,
                          ValueChanges changes) {
  event::v1::StartedOperation& operation = attempt->operation;
  operation.set_operation_id(options_.ids->NewId(options_.clock->Now()));
  operation.set_resource_type(attempt->type);
  operation.set_resource_id(attempt->id);
  operation.set_kind(kind);
  operation.set_wanted_position(attempt->wanted.position);
  if (attempt->lane.linked) {
    operation.mutable_link()->set_remote_id(attempt->lane.remote_id);
    operation.mutable_link()->set_remote_name(attempt->lane.remote_name);
  }
  SealedPayload sealed = SealChanges(attempt->id, changes);
  operation.set_key_id(std::move(sealed.key_id));
  operation.set_sealed_changes(std::move(sealed.bytes));
  operation.mutable_timeout()->set_seconds(absl::ToInt64Seconds(settings_->call_timeout));
  operation.set_try_number(static_cast<uint32_t>(attempt->lane.tries + 1));
  operation.set_trace_parent(TraceParentOf(attempt.get()));
  attempt->changes = std::move(changes);
  BeginStarting(attempt);
  // Before it is recorded: what is recorded as started leaves within 2 s.
  Pace(attempt, [this, attempt] {
    for (const std::string& job : queue_.Find(attempt->id)->jobs) {
      if (const auto it = jobs_.find(job); it != jobs_.end()) ++it->second.sent;
    }
    starts_.push_back({attempt});
  });
}

// The name it is about to take there is another resource's: that one lets go of it first.
bool AppWorker::WaitForName(const AttemptPtr& attempt, const ValueChanges& changes) {
  const auto name = changes.set.find(attempt->wanted.name_target);
  if (name == changes.set.end() || !name->is_string()) return false;
  const auto holders =
      options_.projection->reader().HoldersOfName(attempt->type, name->get<std::string>());
  if (!holders.ok()) return false;
  for (const std::string& holder : *holders) {
    if (holder == attempt->id || KeepsForGood(holder, attempt->type)) continue;
    const bool aside = IsAside(attempt->lane.remote_name, attempt->id);
    if (attempt->lane.linked && !aside && IsRing(attempt->id, holder)) {
      RenameAside(attempt);
    } else {
      WaitFor(attempt, holder);
    }
    return true;
  }
  return false;
}

// It is gone from the directory, and yet its account there stays.
bool AppWorker::KeepsForGood(const std::string& holder, event::v1::ResourceType type) const {
  auto lease = options_.directory->Take();
  const auto live = lease.ok() ? (*lease)->TypeOf(holder) : lease.status();
  if (!live.ok() || live->has_value()) return false;
  const connectors::Capabilities capabilities = CapabilitiesFor(type);
  return capabilities.delete_keeps_account || !capabilities.deletes ||
         !settings_->actions(type).deletes || settings_->deleted != config::v1::REMOVE;
}

bool AppWorker::IsRing(const std::string& id, const std::string& holder) const {
  std::string next = holder;
  std::set<std::string> seen;
  while (seen.insert(next).second) {
    if (next == id) return true;
    const auto lane = options_.projection->reader().FindLane(next);
    if (!lane.ok() || !lane->has_value() || (*lane)->waits_for.empty()) return false;
    next = (*lane)->waits_for;
  }
  return false;
}

void AppWorker::RenameAside(const AttemptPtr& attempt) {
  ValueChanges aside;
  aside.set[attempt->wanted.name_target] = AsideName(attempt->lane.remote_name, attempt->id);
  StartCall(attempt, event::v1::RENAME_ASIDE, std::move(aside));
}

void AppWorker::WaitFor(const AttemptPtr& attempt, const std::string& holder) {
  const Lane& lane = attempt->lane;
  LaneRun* run = queue_.Find(attempt->id);
  if (lane.state == event::v1::WAITING && lane.waits_for == holder && run != nullptr) {
    // Nothing new to tell; it looks again ever more seldom, and at once when the holder lets go.
    run->looks = std::min(run->looks + 1, 7);
    run->waits = true;
    queue_.Rest(attempt->id, options_.clock->SinceBoot() + kLookAgain * (1 << run->looks));
    Finish(attempt);
    return;
  }
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_lane_state(event::v1::WAITING);
  outcome.set_code("name-held");
  outcome.set_message("its name there is held by another resource's account");
  outcome.set_waits_for(holder);
  Record(attempt, std::move(outcome));
  const auto other = options_.projection->reader().FindLane(holder);
  if (other.ok() && other->has_value()) WakeLane(holder, (*other)->type, 0, /*urgent=*/true);
}

}  // namespace purser::delivery
