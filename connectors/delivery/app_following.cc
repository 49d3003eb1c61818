#include <algorithm>
#include <utility>

#include "broker/base/status.h"
#include "broker/eventlog/whole_event.h"
#include "broker/events/payload_run.h"
#include "broker/events/sealing.h"
#include "connectors/delivery/app_worker.h"
#include "purser/event/v1/directory.pb.h"

namespace purser::delivery {
namespace {

constexpr size_t kFollowBatch = 500;

template <typename Payload>
absl::StatusOr<Payload> OpenPayload(const event::v1::Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::string bytes, Open(envelope.key_id(), envelope.payload()));
  Payload payload;
  if (!payload.ParseFromString(bytes)) return absl::DataLossError("a payload does not decode");
  return payload;
}

}  // namespace

bool AppWorker::Follow() {
  if (!directory_moved_.exchange(false, std::memory_order_acq_rel)) return false;
  auto lease = options_.directory->Take();
  const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
  if (head.ok() && cursor_ >= head->position) return false;
  const StreamId stream = StreamId::Directory(options_.directory_id);
  const auto records = options_.log->Read(stream, cursor_, kFollowBatch, 4 << 20);
  // What could not be read or followed is tried again.
  if (!head.ok() || !records.ok() || records->empty()) {
    directory_moved_.store(true);
    return false;
  }
  for (const StoredRecord& record : *records) {
    if (record.position > head->position) break;
    if (const absl::Status followed = FollowRecord(record, **lease); !followed.ok()) {
      directory_moved_.store(true);
      return false;
    }
    cursor_ = record.position;
  }
  if (cursor_ < head->position) directory_moved_.store(true);
  return true;
}

absl::Status AppWorker::FollowRecord(const StoredRecord& record, const DirectoryReader& directory) {
  ASSIGN_OR_RETURN(auto envelope, DecodeRecord(record.bytes));
  if (EndsRun(envelope)) {
    const StreamId stream = StreamId::Directory(options_.directory_id);
    ASSIGN_OR_RETURN(envelope,
                     WholeEvent(*options_.log, stream, record.position, std::move(envelope)));
  }
  ASSIGN_OR_RETURN(const auto touched, directory.TouchedAt(record.position));
  const bool deleted = envelope.kind() == event::v1::RESOURCE_DELETED;
  bool urgent = deleted;
  bool renamed = false;
  FollowGroup(envelope, &urgent, &renamed);
  const std::string trace_parent = TraceParentIn(envelope);
  for (const MemberRow& row : touched) {
    const bool own = row.id == envelope.resource_id();
    WakeLane(row.id, row.type, record.position, urgent && own);
    LaneRun* run = queue_.Find(row.id);
    if (run != nullptr) {
      run->traced_at = record.position;
      run->trace_parent = trace_parent;
    }
    if (row.type != event::v1::GROUP) continue;
    if (run != nullptr && deleted && envelope.resource_type() == event::v1::USER) {
      run->members.insert(envelope.resource_id());
    }
    if (!own || renamed) WakeMembersOf(row.id, directory, record.position);
  }
  return absl::OkStatus();
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

// Which memberships an event is about, and whether it takes access away.
void AppWorker::FollowGroup(const event::v1::Envelope& envelope, bool* urgent, bool* renamed) {
  std::vector<std::string> members;
  bool cleared = false;
  const auto collect = [&](const auto& added, const auto& removed) {
    for (const auto& member : added) members.push_back(member.id());
    for (const auto& member : removed) members.push_back(member);
  };
  if (envelope.kind() == event::v1::RESOURCE_CHANGED) {
    const auto changed = OpenPayload<event::v1::ResourceChanged>(envelope);
    if (!changed.ok()) return;
    collect(changed->members_added(), changed->members_removed());
    cleared = changed->members_cleared();
    for (const event::v1::AttributeChange& change : changed->changes()) {
      if (change.attribute() == "active" && change.value() == "false") *urgent = true;
      if (change.attribute() == "displayName") *renamed = true;
    }
  } else if (envelope.resource_type() != event::v1::GROUP) {
    return;
  } else if (envelope.kind() == event::v1::RESOURCE_CREATED) {
    const auto created = OpenPayload<event::v1::ResourceCreated>(envelope);
    if (created.ok()) collect(created->members(), std::vector<std::string>());
  } else if (envelope.kind() == event::v1::RESOURCE_REPLACED) {
    const auto replaced = OpenPayload<event::v1::ResourceReplaced>(envelope);
    if (replaced.ok()) collect(replaced->members_added(), replaced->members_removed());
    cleared = replaced.ok() && replaced->members_cleared();
    *renamed = true;
  }
  if ((members.empty() && !cleared) || !settings_->groups.enabled) return;
  LaneRun& run = queue_.Run(envelope.resource_id(), event::v1::GROUP);
  run.members.insert(members.begin(), members.end());
  if (cleared) run.all_members = true;
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
