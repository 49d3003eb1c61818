#include <algorithm>
#include <utility>

#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
bool AppWorker::Follow() {
  if (!directory_moved_.exchange(false, std::memory_order_acq_rel)) return false;
  auto lease = options_.directory->Take();
  const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
  if (head.ok() && cursor_ >= head->position) return false;
  absl::Span<const FollowedEvent> events;
  if (head.ok()) {
    events = options_.events->After(cursor_, **lease, head->position)
                 .value_or(absl::Span<const FollowedEvent>());
  }
  // What could not be read is tried again.
  if (events.empty()) {
    directory_moved_.store(true);
    return false;
  }
  for (const FollowedEvent& event : events) FollowEvent(event, **lease);
  cursor_ = events.back().position;
  if (cursor_ < head->position) directory_moved_.store(true);
  return true;
}

void AppWorker::FollowEvent(const FollowedEvent& event, const DirectoryReader& directory) {
  if (settings_->groups.enabled && (!event.members.empty() || event.members_cleared)) {
    LaneRun& run = queue_.Run(event.resource_id, event::v1::GROUP);
    run.members.insert(event.members.begin(), event.members.end());
    if (event.members_cleared) run.all_members = true;
  }
  for (const MemberRow& row : event.touched) {
    const bool own = row.id == event.resource_id;
    WakeLane(row.id, row.type, event.position, event.urgent && own);
    LaneRun* run = queue_.Find(row.id);
    if (run != nullptr) {
      run->traced_at = event.position;
      run->trace_parent = event.trace_parent;
    }
    if (row.type != event::v1::GROUP) continue;
    if (run != nullptr && event.deleted && event.type == event::v1::USER) {
      run->members.insert(event.resource_id);
    }
    if (!own || event.renamed) WakeMembersOf(row.id, directory, event.position);
  }
}

// Where groups bring users into scope, a group that came into another, or has a new name, may bring
// or take all who are in it.
void AppWorker::WakeMembersOf(const std::string& group, const DirectoryReader& directory,
                              StreamPosition position) {
  if (settings_->scope.assignments.empty()) return;
  std::set<std::string> seen = {group};
  std::vector<std::string> level = {group};
  while (!level.empty()) {
    const std::string next = std::move(level.back());
    level.pop_back();
    directory
        .ForEachMember(next,
                       [&](const std::string& id, event::v1::ResourceType type) {
                         if (type == event::v1::USER) WakeLane(id, type, position);
                         if (type == event::v1::GROUP && seen.insert(id).second) {
                           level.push_back(id);
                         }
                         return true;
                       })
        .IgnoreError();
  }
}

void AppWorker::WakeLane(const std::string& id, event::v1::ResourceType type,
                         StreamPosition position, bool urgent) {
  if (!settings_->takes(type)) return;
  LaneRun& run = queue_.Run(id, type);
  if (position != 0) run.since = run.since == 0 ? position : std::min(run.since, position);
  run.waiting_since = std::min(run.waiting_since, options_.clock->SinceBoot());
  queue_.Wake(id, urgent);
}

bool AppWorker::HearCommands() {
  bool heard = false;
  for (const event::v1::AppCommand& command : fold_.TakeCommands()) {
    heard = true;
    if (command.action() != event::v1::AppCommand::RETRY) continue;
    std::vector<std::string> ids(command.resource_ids().begin(), command.resource_ids().end());
    const auto lanes =
        options_.projection->reader().Lanes({event::v1::RETRYING}, "", 1'000'000'000);
    if (!lanes.ok()) continue;
    for (const Lane& lane : *lanes) {
      if (lane.code != "retry") continue;
      WakeLane(lane.resource_id, lane.type, 0);
      if (LaneRun* run = queue_.Find(lane.resource_id)) {
        run->refused_members.clear();
        run->tries = 0;
        if (lane.type == event::v1::GROUP) run->all_members = true;
      }
    }
  }
  return heard;
}

// Held back as what refers to an account is: a process that starts after this one asks for them.
bool AppWorker::HearReported() {
  const std::vector<MemberRow> reported = fold_.TakeReported();
  const StreamPosition since = std::max<StreamPosition>(1, app_.planned.directory_position());
  for (const MemberRow& row : reported) {
    WakeLane(row.id, row.type, since);
    LaneRun* run = queue_.Find(row.id);
    if (run != nullptr && row.type == event::v1::GROUP) run->all_members = true;
  }
  return !reported.empty();
}

}  // namespace purser::delivery
