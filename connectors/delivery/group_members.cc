#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
namespace {

// Named in `left_out` while some member has no account there yet.
constexpr char kMembers[] = "members";
// A delete lets memberships go first for so many times 5 s, and then waits no more.
constexpr int kMostWaits = 3;

// Whether a user who lives may have an account that is to go.
bool AccountsMayGo(const AppSettings& settings) {
  const bool everyone = settings.scope.all && settings.scope.filters.empty();
  return !everyone || settings.inactive == config::v1::REMOVE;
}

}  // namespace

void AppWorker::GatherMembers(const std::string& group, const DirectoryReader& directory,
                              LaneRun* run) {
  const absl::Status walked =
      directory.ForEachMember(group, [&](const std::string& id, event::v1::ResourceType) {
        run->members.insert(id);
        return true;
      });
  const auto held = options_.projection->reader().AcknowledgedMembers(group);
  if (!walked.ok() || !held.ok()) return;
  for (const auto& member : *held) run->members.insert(member.resource_id());
  run->all_members = false;
}

// Refused alone; or an account of nobody we know, which is not ours to take away.
bool AppWorker::SkipMember(const std::string& member, const LaneRun& run) const {
  return run.refused_members.contains(member) || absl::StartsWith(member, "account:");
}

// True where the app should hold the membership now. `waits`: it should once the member has an
// account there.
absl::StatusOr<bool> AppWorker::MemberWanted(const std::string& group, const std::string& member,
                                             const DirectoryReader& directory,
                                             std::string* remote_id, bool* waits) {
  ASSIGN_OR_RETURN(const bool holds, directory.HasMember(group, member));
  if (!holds) return false;
  ASSIGN_OR_RETURN(const auto type, directory.TypeOf(member));
  if (!type) return false;
  const AppReader& reader = options_.projection->reader();
  if (*type == event::v1::USER && AccountsMayGo(*settings_)) {
    ASSIGN_OR_RETURN(const Presence presence, ReadPresence(*settings_, directory, *type, member));
    if (presence == Presence::kOutOfScope) return false;
    // Its account is about to go, memberships first.
    if (presence == Presence::kInactive && settings_->inactive == config::v1::REMOVE) return false;
  }
  ASSIGN_OR_RETURN(const std::optional<Lane> lane, reader.FindLane(member));
  if (!lane || !lane->linked) {
    *waits = true;
    return false;
  }
  *remote_id = lane->remote_id;
  return true;
}

// Whose account was about to go is in no group there; where it stays after all, its groups are
// looked at again.
void AppWorker::JoinGroups(const Attempt& attempt, const DirectoryReader& directory) {
  const bool stays = attempt.lane.linked && attempt.wanted.presence == Presence::kActive;
  if (!stays || attempt.type != event::v1::USER || !AccountsMayGo(*settings_)) return;
  if (!settings_->groups.enabled) return;
  const auto groups = directory.DirectGroupsOf(attempt.id);
  if (!groups.ok()) return;
  const StreamPosition since = std::max<StreamPosition>(1, app_.planned.directory_position());
  for (const std::string& group : *groups) {
    const auto held = options_.projection->reader().AcknowledgedMember(group, attempt.id);
    if (held.ok() && *held == attempt.lane.remote_id) continue;
    queue_.Run(group, event::v1::GROUP).members.insert(attempt.id);
    WakeLane(group, event::v1::GROUP, since);
  }
}

// Starts the next delta of the group's members; false where there is none to send. Removals go
// first; what is looked at and needs nothing is not looked at again.
bool AppWorker::ChangeMembers(const AttemptPtr& attempt, const DirectoryReader& directory) {
  LaneRun* run = queue_.Find(attempt->id);
  const bool all = run->all_members;
  if (all) GatherMembers(attempt->id, directory, run);
  std::vector<event::v1::MemberReference> added;
  std::vector<event::v1::MemberReference> removed;
  bool waits = false;
  for (auto it = run->members.begin(); it != run->members.end();) {
    const std::string member = *it;
    if (SkipMember(member, *run)) {
      it = run->members.erase(it);
      continue;
    }
    std::string remote_id;
    const auto wanted = MemberWanted(attempt->id, member, directory, &remote_id, &waits);
    const auto held = options_.projection->reader().AcknowledgedMember(attempt->id, member);
    if (!wanted.ok() || !held.ok()) return false;
    event::v1::MemberReference reference;
    reference.set_resource_id(member);
    if (*wanted && *held != remote_id) {
      reference.set_remote_id(remote_id);
      added.push_back(std::move(reference));
    } else if (!*wanted && held->has_value()) {
      reference.set_remote_id(**held);
      removed.push_back(std::move(reference));
    } else {
      it = run->members.erase(it);
      continue;
    }
    if (added.size() >= run->chunk || removed.size() >= run->chunk) break;
    ++it;
  }
  const auto& before = attempt->lane.left_out;
  const bool waited = std::count(before.begin(), before.end(), kMembers) > 0;
  if (waits || (waited && !all)) attempt->wanted.left_out.push_back(kMembers);
  if (added.empty() && removed.empty()) {
    if (run->refused_members.empty()) return false;
    if (run->refusal != nullptr) attempt->exchange = *run->refusal;
    Park(
        attempt, "members-refused",
        absl::StrCat("the app refuses these members: ", absl::StrJoin(run->refused_members, ", ")));
    return true;
  }
  if (!settings_->actions(event::v1::GROUP).updates) {
    Settled(attempt, ChangesNothing(event::v1::GROUP));
    return true;
  }
  const bool removing = !removed.empty();
  for (auto& member : removing ? removed : added) {
    *attempt->operation.add_members() = std::move(member);
  }
  StartCall(attempt, removing ? event::v1::REMOVE_MEMBERS : event::v1::ADD_MEMBERS, {});
  return true;
}

// A refused chunk is split until the bad member is alone; that one is left out and reported, the
// others go on.
bool AppWorker::SplitChunk(const AttemptPtr& attempt) {
  LaneRun* run = queue_.Find(attempt->id);
  const int members = attempt->operation.members_size();
  if (run == nullptr || members == 0) return false;
  if (members > 1) {
    run->chunk = static_cast<size_t>(members) / 2;
    return true;
  }
  // One that got another account meanwhile was refused for what it is no more.
  const event::v1::MemberReference& member = attempt->operation.members(0);
  const auto lane = options_.projection->reader().FindLane(member.resource_id());
  const bool same =
      lane.ok() && lane->has_value() && (*lane)->linked && (*lane)->remote_id == member.remote_id();
  if (same || attempt->operation.kind() == event::v1::REMOVE_MEMBERS) {
    run->refused_members.insert(member.resource_id());
    run->refusal = std::make_shared<event::v1::Exchange>(attempt->exchange);
  }
  return true;
}

// Memberships go before the delete, where the group's lane is free.
bool AppWorker::LeavesGroupsFirst(const AttemptPtr& attempt) {
  LaneRun* run = queue_.Find(attempt->id);
  if (!settings_->groups.enabled || !settings_->group_actions.updates) return false;
  if (run->waits_for_groups >= kMostWaits) return false;
  const AppReader& reader = options_.projection->reader();
  const auto groups = reader.GroupsAcknowledging(attempt->id);
  if (!groups.ok()) return false;
  bool waits = false;
  for (const std::string& group : *groups) {
    const auto lane = reader.FindLane(group);
    if (!lane.ok() || !lane->has_value() || (*lane)->state != event::v1::IDLE) continue;
    queue_.Run(group, event::v1::GROUP).members.insert(attempt->id);
    WakeLane(group, event::v1::GROUP, 0, /*urgent=*/true);
    after_group_[group].insert(attempt->id);
    waits = true;
  }
  if (!waits) return false;
  ++run->waits_for_groups;
  LetGo(attempt, absl::Seconds(5));
  return true;
}

}  // namespace purser::delivery
