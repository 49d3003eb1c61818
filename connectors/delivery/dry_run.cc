// A replay that sends nothing: reads accounts and tells what would be sent.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
namespace {

using connectors::RemoteResource;
using connectors::Result;
using event::v1::PlannedChange;
using nlohmann::json;

constexpr int kMostReads = 3;

connectors::ResourceType TypeOf(event::v1::ResourceType type) {
  return type == event::v1::GROUP ? connectors::ResourceType::kGroup
                                  : connectors::ResourceType::kUser;
}

PlannedChange Change(event::v1::OperationKind kind, const ValueChanges& changes) {
  PlannedChange change;
  change.set_kind(kind);
  for (const auto& [target, value] : changes.set.items()) change.add_targets(target);
  for (const std::string& target : changes.clear) change.add_targets(target);
  return change;
}

PlannedChange NotSent(const std::string& why) {
  PlannedChange change;
  change.set_message(why);
  return change;
}

}  // namespace

// One resource, as far as it has been read.
struct AppWorker::DryRun {
  std::string job_id;
  MemberRow row;
  Lane lane;  // as the reads show it; the recorded one stays
  Wanted wanted;
  std::set<std::string> members;  // of a group: the accounts in it
};

bool AppWorker::DryRunning() const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [](const auto& job) { return job.second.job.dry_run; });
}

// Beside the lanes' own calls, within the app's limit: a read moves nothing in a lane.
bool AppWorker::TakeDryRuns(const std::string& job_id, RunningJob* running) {
  const absl::Duration now = options_.clock->SinceBoot();
  bool worked = false;
  // Whether the app is at fault is about to be known.
  if (health_->asking()) return false;
  for (int taken = 0; taken < 200 && !running->todo.empty(); ++taken) {
    const size_t under_way = static_cast<size_t>(calls_) + running->open.size();
    const bool room = under_way < static_cast<size_t>(health_->AllowedCalls(now, limit_));
    if (!room || !paced_.empty() || !budget_.Ready(now) || !running->pace.Ready(now)) break;
    const MemberRow row = running->todo.front();
    running->todo.pop_front();
    running->pace.Spend(now);
    running->open.insert(row.id);
    StartDryRun(job_id, row);
    worked = true;
  }
  return worked;
}

void AppWorker::StartDryRun(const std::string& job_id, const MemberRow& row) {
  auto dry = std::make_shared<DryRun>();
  dry->job_id = job_id;
  dry->row = row;
  const auto lane = options_.projection->reader().FindLane(row.id);
  const auto open = options_.projection->reader().OpenOperationOf(row.id);
  if (!lane.ok() || !open.ok()) {
    EndDryRun(dry, NotSent("its lane cannot be read"));
  } else if (open->has_value()) {
    EndDryRun(dry, NotSent("a call of it is under way, and is settled first"));
  } else {
    dry->lane = lane->value_or(Lane{row.id, row.type});
    dry->lane.code.clear();
    if (!dry->lane.remote_id.empty()) dry->lane.acknowledged_known = false;
    StepDryRun(dry);
  }
}

// The plan of a lane, with what was read in the place of what was acknowledged.
void AppWorker::StepDryRun(const DryRunPtr& dry) {
  if (!jobs_.contains(dry->job_id)) return;
  auto lease = options_.directory->Take();
  auto wanted = lease.ok() ? ReadWanted(*settings_, **lease, options_.projection->reader(),
                                        dry->row.type, dry->row.id, !dry->lane.linked, Generator())
                           : lease.status();
  if (!wanted.ok()) {
    EndDryRun(dry, NotSent(std::string(wanted.status().message())));
    return;
  }
  dry->wanted = *std::move(wanted);
  const Plan plan =
      PlanDelivery(*settings_, CapabilitiesFor(dry->row.type), dry->wanted, dry->lane);
  switch (plan.step) {
    case Step::kRead:
      ReadDry(dry);
      return;
    case Step::kMatch:
      FindDry(dry, 0);
      return;
    case Step::kMissing:
      EndDryRun(dry, NotSent(absl::StrCat("the app requires ", absl::StrJoin(plan.missing, ", "))));
      return;
    case Step::kCall:
      EndDryRun(dry, Change(plan.kind, plan.changes));
      return;
    case Step::kNothing:
      EndDryRun(dry, NotSent(plan.skipped));
      return;
  }
}

event::v1::Exchange AppWorker::BeginDry(const DryRun& dry, const connectors::Call& call,
                                        const char* verb) const {
  event::v1::Exchange exchange = exchanges_.Begin(call, verb);
  exchange.set_resource_type(dry.row.type);
  exchange.set_resource_id(dry.row.id);
  return exchange;
}

void AppWorker::ReadDry(const DryRunPtr& dry) {
  Pace(nullptr, [this, dry] {
    ++checks_;
    const connectors::Call call = CallOf("", "");
    connector_->Read(TypeOf(dry->row.type), dry->lane.remote_id, dry->row.type == event::v1::GROUP,
                     call,
                     [this, dry, exchange = BeginDry(*dry, call, "read"), gone = gone_](
                         const Result& result, std::vector<RemoteResource> found) mutable {
                       if (*gone) return;
                       --checks_;
                       exchanges_.End(result, &exchange);
                       OnReadDry(dry, result, found);
                       options_.wake();
                     });
  });
}

void AppWorker::OnReadDry(const DryRunPtr& dry, const Result& result,
                          const std::vector<RemoteResource>& found) {
  const bool absent =
      result.verdict == connectors::Verdict::kNotFound || (result.ok() && found.empty());
  if (!result.ok() && !absent) {
    OnUnreadDry(dry, result);
    return;
  }
  health_->OnSuccess();
  dry->lane.linked = !absent && !HeldByAnother(dry->row, found.front().id);
  dry->lane.acknowledged_known = true;
  dry->lane.acknowledged = dry->lane.linked ? ValuesOf(found.front()) : json();
  if (dry->lane.linked) dry->members = found.front().member_ids;
  StepDryRun(dry);
}

bool AppWorker::HeldByAnother(const MemberRow& row, const std::string& remote_id) const {
  const auto holder = options_.projection->reader().LinkedTo(row.type, remote_id);
  return holder.ok() && holder->has_value() && **holder != row.id;
}

void AppWorker::FindDry(const DryRunPtr& dry, size_t index) {
  const auto& matching = dry->wanted.mapped.matching;
  if (index >= matching.size()) {
    const bool creates = settings_->actions(dry->row.type).creates;
    if (dry->wanted.presence != Presence::kActive) {
      EndDryRun(dry, NotSent(""));
    } else if (!creates) {
      EndDryRun(dry, NotSent(CreatesNothing(dry->row.type)));
    } else {
      EndDryRun(dry, Change(event::v1::CREATE, CreateValues(dry->wanted)));
    }
    return;
  }
  Pace(nullptr, [this, dry, index, attribute = matching[index]] {
    ++checks_;
    const json& value = attribute.value;
    const connectors::Call call = CallOf("", "");
    connector_->Find(TypeOf(dry->row.type), attribute.target,
                     value.is_string() ? value.get<std::string>() : value.dump(), call,
                     [this, dry, index, exchange = BeginDry(*dry, call, "find"), gone = gone_](
                         const Result& result, std::vector<RemoteResource> found) mutable {
                       if (*gone) return;
                       --checks_;
                       exchanges_.End(result, &exchange);
                       OnFoundDry(dry, index, result, found);
                       options_.wake();
                     });
  });
}

void AppWorker::OnFoundDry(const DryRunPtr& dry, size_t index, const Result& result,
                           const std::vector<RemoteResource>& found) {
  if (!jobs_.contains(dry->job_id)) return;
  if (!result.ok() && result.verdict != connectors::Verdict::kNotFound) {
    OnUnreadDry(dry, result);
    return;
  }
  health_->OnSuccess();
  std::vector<const RemoteResource*> hits;
  for (const RemoteResource& account : found) {
    if (Hits(account, dry->wanted.mapped.matching[index])) hits.push_back(&account);
  }
  if (hits.empty()) {
    FindDry(dry, index + 1);
  } else if (hits.size() > 1) {
    EndDryRun(dry, NotSent("more than one account of the app matches"));
  } else if (HeldByAnother(dry->row, hits.front()->id)) {
    EndDryRun(dry, NotSent("the account that matches is another resource's"));
  } else {
    dry->lane.linked = true;
    dry->lane.remote_id = hits.front()->id;
    dry->lane.acknowledged = ValuesOf(*hits.front());
    // A search need not show members.
    dry->lane.acknowledged_known = dry->row.type != event::v1::GROUP;
    StepDryRun(dry);
  }
}

// The app's fault is waited for; a resource that gets no answer three times is told.
void AppWorker::OnUnreadDry(const DryRunPtr& dry, const Result& result) {
  const auto it = jobs_.find(dry->job_id);
  if (it == jobs_.end()) return;
  RunningJob& running = it->second;
  const absl::Duration now = options_.clock->SinceBoot();
  bool counts = false;
  if (result.verdict == connectors::Verdict::kThrottled) {
    health_->OnThrottled(result, now);
  } else if (result.verdict == connectors::Verdict::kUnauthenticated) {
    health_->OnUnauthenticated(result, now);
  } else {
    health_->OnNoVerdict(dry->row.id, now);
    counts = true;
  }
  if (counts && ++running.failures[dry->row.id] >= kMostReads) {
    EndDryRun(dry, NotSent(absl::StrCat("its account cannot be read: ", result.message)));
    return;
  }
  running.open.erase(dry->row.id);
  running.todo.push_back(dry->row);
  options_.wake();
}

// How many memberships differ. Accounts of nobody we know are not ours to take away.
absl::Status AppWorker::CountMembers(const DryRun& dry, PlannedChange* change) {
  ASSIGN_OR_RETURN(auto lease, options_.directory->Take());
  const DirectoryReader& directory = *lease;
  std::vector<std::string> ids;
  RETURN_IF_ERROR(
      directory.ForEachMember(dry.row.id, [&](const std::string& id, event::v1::ResourceType) {
        ids.push_back(id);
        return true;
      }));
  std::set<std::string> wanted;
  for (const std::string& id : ids) {
    std::string remote_id;
    bool waits = false;
    ASSIGN_OR_RETURN(const bool member,
                     MemberWanted(dry.row.id, id, directory, &remote_id, &waits));
    if (member) wanted.insert(remote_id);
  }
  uint32_t removed = 0;
  for (const std::string& remote_id : dry.members) {
    if (wanted.erase(remote_id) > 0) continue;
    const bool known = HeldByAnother({"", event::v1::USER}, remote_id) ||
                       HeldByAnother({"", event::v1::GROUP}, remote_id);
    if (known) ++removed;
  }
  change->set_members_added(static_cast<uint32_t>(wanted.size()));
  change->set_members_removed(removed);
  if (change->kind() != event::v1::OPERATION_KIND_UNSPECIFIED) return absl::OkStatus();
  if (!wanted.empty()) change->set_kind(event::v1::ADD_MEMBERS);
  if (wanted.empty() && removed > 0) change->set_kind(event::v1::REMOVE_MEMBERS);
  return absl::OkStatus();
}

void AppWorker::EndDryRun(const DryRunPtr& dry, PlannedChange change) {
  const auto it = jobs_.find(dry->job_id);
  if (it == jobs_.end()) return;
  RunningJob& running = it->second;
  const bool group = dry->row.type == event::v1::GROUP && dry->wanted.presence == Presence::kActive;
  if (group && settings_->group_actions.updates && change.message().empty()) {
    const absl::Status counted = CountMembers(*dry, &change);
    if (!counted.ok()) change = NotSent(std::string(counted.message()));
  }
  change.set_resource_type(dry->row.type);
  change.set_resource_id(dry->row.id);
  const bool sends = change.kind() != event::v1::OPERATION_KIND_UNSPECIFIED;
  if (sends || !change.message().empty()) {
    ++running.numbers[sends ? absl::AsciiStrToLower(event::v1::OperationKind_Name(change.kind()))
                            : "not sent"];
    if (sends) ++running.sent;
    running.planned.push_back(std::move(change));
  }
  running.open.erase(dry->row.id);
  JobsAdvanced();
}

}  // namespace purser::delivery
