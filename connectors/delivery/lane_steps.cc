#include <utility>

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

}  // namespace

void AppWorker::BeginLane(const std::string& id) {
  LaneRun* run = queue_.Find(id);
  auto attempt = std::make_shared<Attempt>();
  attempt->id = id;
  attempt->type = run->type;
  const AppReader& reader = options_.projection->reader();
  auto lane = reader.FindLane(id);
  auto open = reader.OpenOperationOf(id);
  auto lease = options_.directory->Take();
  if (!lane.ok() || !open.ok() || !lease.ok()) {
    queue_.Rest(id, options_.clock->SinceBoot() + absl::Seconds(1));
    queue_.Release(id);
    return;
  }
  attempt->lane = lane->value_or(Lane{id, run->type});
  if (*open) {
    Settle(attempt, **open);
    return;
  }
  if (StaysAsItIs(*attempt, *run)) {
    Finish(attempt);
    return;
  }
  if (const absl::Status planned = PlanLane(attempt, **lease); !planned.ok()) {
    if (IsRetryable(planned)) {
      queue_.Rest(id, options_.clock->SinceBoot() + absl::Seconds(1));
      queue_.Release(id);
    } else {
      Park(attempt, "mapping", std::string(planned.message()));
    }
  }
}

// Parked and skipped lanes stay until the directory changes the resource, or an operator or a new
// configuration says otherwise.
bool AppWorker::StaysAsItIs(const Attempt& attempt, const LaneRun& run) const {
  const Lane& lane = attempt.lane;
  if (lane.state != event::v1::PARKED && lane.state != event::v1::SKIPPED) return false;
  if (run.latest > lane.settled) return false;
  if (lane.state == event::v1::SKIPPED) return true;
  if (!run.jobs.empty()) return false;
  const bool new_mapping = settings_->entry.version > lane.mapping_version;
  const bool due = lane.next_try > absl::UnixEpoch() && lane.next_try <= options_.clock->Now();
  return !new_mapping && !due;
}

absl::Status AppWorker::PlanLane(const AttemptPtr& attempt, const DirectoryReader& directory) {
  const AppReader& reader = options_.projection->reader();
  ASSIGN_OR_RETURN(attempt->wanted, ReadWanted(*settings_, directory, reader, attempt->type,
                                               attempt->id, !attempt->lane.linked));
  connectors::Capabilities capabilities = connector_->capabilities();
  capabilities.deletes = capabilities.deletes && !deletes_refused_;
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

void AppWorker::DoStep(const AttemptPtr& attempt, const Plan& plan) {
  switch (plan.step) {
    case Step::kNothing:
      Settled(attempt);
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
      if (!WaitForName(attempt, plan)) StartCall(attempt, plan.kind, plan.changes);
      return;
  }
}

// Nothing differs. A record says so where the lane's last one says otherwise.
void AppWorker::Settled(const AttemptPtr& attempt) {
  const Lane& lane = attempt->lane;
  const bool known = lane.last_record != 0;
  const bool told = lane.state == event::v1::IDLE && lane.left_out == attempt->wanted.left_out;
  LaneRun* run = queue_.Find(attempt->id);
  if (run != nullptr) run->tries = 0;
  if ((!known && attempt->wanted.left_out.empty()) || told) {
    Finish(attempt);
    return;
  }
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_lane_state(event::v1::IDLE);
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
  for (const std::string& target : attempt.wanted.left_out) outcome.add_left_out(target);
  return outcome;
}

void AppWorker::Record(const AttemptPtr& attempt, Outcome outcome) {
  const bool link_changed = !outcome.link().remote_id().empty() || outcome.unlinked() ||
                            outcome.observed_absent() ||
                            (attempt->operation.kind() == event::v1::DELETE &&
                             outcome.result() == event::v1::TOOK_EFFECT);
  outcomes_.push_back({{std::move(outcome)},
                       [this, attempt, link_changed] { AfterRecord(attempt, link_changed); }});
}

void AppWorker::AfterRecord(const AttemptPtr& attempt, bool link_changed) {
  EndCalling(attempt);
  const auto lane = options_.projection->reader().FindLane(attempt->id);
  LaneRun* run = queue_.Find(attempt->id);
  if (link_changed) LinkChanged(attempt->id);
  if (run != nullptr && lane.ok() && lane->has_value()) {
    run->since = 0;
    const absl::Duration now = options_.clock->SinceBoot();
    const bool timed = (*lane)->next_try > absl::UnixEpoch();
    if ((*lane)->state == event::v1::RETRYING || (timed && (*lane)->state == event::v1::PARKED)) {
      const absl::Duration left =
          timed ? (*lane)->next_try - options_.clock->Now() : absl::ZeroDuration();
      queue_.Rest(attempt->id, now + std::max(left, absl::Milliseconds(1)));
    } else if ((*lane)->state == event::v1::WAITING) {
      queue_.Rest(attempt->id, now + kLookAgain);
    } else if ((*lane)->state == event::v1::IDLE && !attempt->operation.operation_id().empty()) {
      run->changed = true;  // More may differ; if nothing does, nothing is sent.
    } else if ((*lane)->state == event::v1::IDLE && link_changed) {
      run->changed = true;
    }
  }
  Finish(attempt);
}

void AppWorker::Finish(const AttemptPtr& attempt) {
  EndCalling(attempt);
  LaneRun* run = queue_.Find(attempt->id);
  const bool done = run != nullptr && !run->changed;
  if (done) run->since = 0;
  std::set<std::string> jobs;
  if (done) jobs.swap(run->jobs);
  for (auto it = after_group_.lower_bound(attempt->id);
       it != after_group_.end() && it->first == attempt->id; it = after_group_.erase(it)) {
    queue_.Wake(it->second, /*urgent=*/true);
  }
  queue_.Release(attempt->id);
  for (const std::string& job : jobs) {
    const auto it = jobs_.find(job);
    if (it != jobs_.end()) it->second.open.erase(attempt->id);
  }
  if (!jobs.empty()) JobLaneDone(attempt->id);
}

// What refers to the account, or waits for its name, is planned again.
void AppWorker::LinkChanged(const std::string& id) {
  const AppReader& reader = options_.projection->reader();
  auto lease = options_.directory->Take();
  if (!lease.ok()) return;
  if (const auto waiters = reader.WaitersFor(id); waiters.ok()) {
    for (const std::string& waiter : *waiters) {
      const auto lane = reader.FindLane(waiter);
      if (lane.ok() && lane->has_value()) WakeLane(waiter, (*lane)->type, 0);
    }
  }
  if (const auto reports = (*lease)->ReportsOf(id); reports.ok()) {
    for (const std::string& report : *reports) WakeLane(report, event::v1::USER, 0);
  }
  if (!settings_->groups.enabled) return;
  for (const auto& groups : {(*lease)->DirectGroupsOf(id), reader.GroupsAcknowledging(id)}) {
    if (!groups.ok()) continue;
    for (const std::string& group : *groups) {
      queue_.Run(group, event::v1::GROUP).members.insert(id);
      WakeLane(group, event::v1::GROUP, 0);
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
  outcome.set_tries(static_cast<uint32_t>(attempt->lane.tries));
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
  attempt->changes = std::move(changes);
  BeginCalling(attempt);
  LaneRun* run = queue_.Find(attempt->id);
  for (const std::string& job : run->jobs) ++jobs_[job].sent;
  starts_.push_back({attempt});
}

// The name it is about to take there is another resource's: that one lets go of it first.
bool AppWorker::WaitForName(const AttemptPtr& attempt, const Plan& plan) {
  if (attempt->wanted.mapped.matching.empty()) return false;
  const mapping::MatchingAttribute& first = attempt->wanted.mapped.matching.front();
  if (!plan.changes.set.contains(first.target)) return false;
  const auto holders =
      options_.projection->reader().HoldersOfName(attempt->type, attempt->wanted.Name());
  if (!holders.ok()) return false;
  for (const std::string& holder : *holders) {
    if (holder == attempt->id) continue;
    if (IsRing(attempt->id, holder)) {
      RenameAside(attempt);
    } else {
      WaitFor(attempt, holder);
    }
    return true;
  }
  return false;
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
  const mapping::MatchingAttribute& first = attempt->wanted.mapped.matching.front();
  ValueChanges aside;
  aside.set[first.target] =
      absl::StrCat(attempt->lane.remote_name, "-", attempt->id.substr(attempt->id.size() - 8));
  StartCall(attempt, event::v1::RENAME_ASIDE, std::move(aside));
}

void AppWorker::WaitFor(const AttemptPtr& attempt, const std::string& holder) {
  Outcome outcome = OutcomeOf(*attempt);
  if (!attempt->operation.operation_id().empty()) outcome.set_result(event::v1::NO_EFFECT);
  outcome.set_lane_state(event::v1::WAITING);
  outcome.set_code("name-held");
  outcome.set_message("its name there is held by another resource's account");
  outcome.set_waits_for(holder);
  const auto lane = options_.projection->reader().FindLane(holder);
  Record(attempt, std::move(outcome));
  if (lane.ok() && lane->has_value()) WakeLane(holder, (*lane)->type, 0, /*urgent=*/true);
}

}  // namespace purser::delivery
