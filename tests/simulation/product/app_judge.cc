#include "tests/simulation/product/app_judge.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/whole_event.h"

namespace purser::simulation {
namespace {

using connectors::ResourceType;

constexpr absl::Duration kStartedFor = absl::Seconds(2);

// The account that the call names as the manager; empty where it names none.
std::string ManagerIn(const AppCall& call) {
  const std::string begin = absl::StrCat(kManagerTarget, "=\"");
  const size_t at = call.body.find(begin);
  if (at == std::string::npos) return "";
  const size_t from = at + begin.size();
  return call.body.substr(from, call.body.find('"', from) - from);
}

}  // namespace

AppJudge::AppJudge(const std::string& app_id, const MemoryCluster* cluster, const Clock* clock,
                   FakeApp* app, std::vector<std::string>* found)
    : app_id_(app_id),
      judge_(cluster, StreamId::App(app_id)),
      clock_(clock),
      app_(app),
      found_(found),
      replays_(app, found) {}

void AppJudge::Note(const std::string& what) {
  found_->push_back(absl::StrCat(app_id_, ": ", what));
}

void AppJudge::Follow() {
  for (const auto& [id, account] : app_->users) accounts_.insert(id);
  StreamPosition position = judge_.end();
  for (const event::v1::Envelope& envelope : judge_.Follow(found_)) Hear(envelope, ++position);
}

void AppJudge::Hear(const event::v1::Envelope& envelope, StreamPosition position) {
  replays_.Hear(envelope);
  if (envelope.kind() == event::v1::TOOK_OVER) {
    owned_ = true;
    ++take_overs_;
  }
  if (envelope.kind() == event::v1::RELEASED) owned_ = false;
  event::v1::Started record;
  if (envelope.kind() != event::v1::STARTED || !record.ParseFromString(envelope.payload())) return;
  if (!owned_) Note("something is started, and nobody owns it");
  for (const event::v1::StartedOperation& operation : record.operations()) {
    const auto [it, fresh] = started_.try_emplace(operation.operation_id());
    StartedCall& started = it->second;
    started.stood = clock_->SinceBoot();
    if (fresh) {
      started.operation = operation;
      started.place = position;
      StreamPosition& last = last_wanted_[operation.resource_id()];
      if (operation.wanted_position() < last) Note("older state is started after newer");
      last = operation.wanted_position();
    } else if (started.operation.kind() != operation.kind() ||
               started.operation.sealed_changes() != operation.sealed_changes()) {
      Note("a started operation changed");
    }
  }
}

void AppJudge::OnCall(const AppCall& call, int node, absl::Duration busy_for) {
  Follow();
  replays_.OnCall(call);
  if (!call.writes()) return;
  const auto it = started_.find(call.operation_id);
  if (it == started_.end()) return Note(absl::StrCat("a call that was not started: ", call.verb));
  StartedCall& started = it->second;
  const absl::Duration now = clock_->SinceBoot();
  if (now - started.stood > kStartedFor) {
    Note(absl::StrCat("a call more than 2 s after it was started: ", call.verb));
  }
  if (started.body.empty()) started.body = call.body;
  if (started.body != call.body) Note("an operation is sent again with another body");
  CheckOrder(started, call);
  const std::string& resource = started.operation.resource_id();
  CheckAccount(resource, call);
  const std::string manager = ManagerIn(call);
  if (!manager.empty() && !accounts_.contains(manager)) {
    Note(absl::StrCat("a manager is sent who never had an account: ", call.verb));
  }
  Busy& busy = busy_[resource];
  if (busy.until > now) Note(absl::StrCat("two calls of one lane at a time: ", call.verb));
  busy = {now + busy_for, node};
}

void AppJudge::CheckOrder(const StartedCall& started, const AppCall& call) {
  StreamPosition& last = last_called_[started.operation.resource_id()];
  if (started.place < last) Note(absl::StrCat("an older call after a newer one: ", call.verb));
  last = std::max(last, started.place);
}

// An account stands for one resource.
void AppJudge::CheckAccount(const std::string& resource, const AppCall& call) {
  if (call.id.empty()) return;
  const auto [it, fresh] = account_of_.try_emplace(call.id, resource);
  if (!fresh && it->second != resource) {
    Note(absl::StrCat("an account is written for two resources: ", call.verb));
  }
}

void AppJudge::Died(int node) {
  std::erase_if(busy_, [node](const auto& busy) { return busy.second.node == node; });
}

std::string AppJudge::Rebuild(const std::string& folder, const EventLog& log, BugKit* bugs) {
  const std::string path = absl::StrCat(folder, "/rebuilt-", app_id_, ".db");
  rebuilt_ = *AppProjection::Open(path, judge_.stream(), 1024);
  const std::unique_ptr<Fold> planted = bugs->Over(rebuilt_.get());
  Fold* fold = planted != nullptr ? planted.get() : rebuilt_.get();
  absl::Status status = fold->Begin();
  for (const std::string& bytes : judge_.records()) {
    const auto event = ReadEvent(log, judge_.stream(), fold->head().position + 1);
    status.Update(event.status());
    if (status.ok()) status.Update(fold->Apply({bytes}, *event));
  }
  status.Update(fold->Commit());
  if (!status.ok()) Note(absl::StrCat("cannot be folded anew: ", status.ToString()));
  return *rebuilt_->reader().Digest();
}

Lane AppJudge::LaneOf(const std::string& id) const {
  const auto lane = rebuilt_->reader().FindLane(id);
  return lane.ok() && lane->has_value() ? **lane : Lane();
}

void AppJudge::Compare(const DirectoryModel& directory) {
  replays_.CheckEnd();
  std::set<std::string> wanted;
  for (const auto& [id, resource] : directory.resources) {
    wanted.insert(LaneOf(id).remote_id);
    if (resource->type == event::v1::USER) CompareUser(id, *resource);
    if (resource->type == event::v1::GROUP) CompareGroup(id, *resource, directory);
  }
  for (const auto& [id, account] : app_->users) {
    if (!wanted.contains(id)) Note(absl::StrCat("account ", id, " is nobody's"));
  }
  for (const auto& [id, account] : app_->groups) {
    if (!wanted.contains(id)) Note(absl::StrCat("group account ", id, " is nobody's"));
  }
}

void AppJudge::CompareUser(const std::string& id, const ModelResource& user) {
  const Lane lane = LaneOf(id);
  const auto it = lane.linked ? app_->users.find(lane.remote_id) : app_->users.end();
  if (it == app_->users.end()) {
    if (user.active()) {
      Note(absl::StrCat(id, " has no account: ", lane.code, " ", lane.message));
    }
    return;
  }
  const FakeApp::Account& account = it->second;
  const auto held = [&](const char* target) {
    const auto value = account.values.find(target);
    return value == account.values.end() ? nlohmann::json("") : value->second;
  };
  if (account.active != user.active()) Note(absl::StrCat(id, " active is not as wanted"));
  for (const char* target : {"userName", "title"}) {
    if (held(target) != user.Text(target)) {
      Note(absl::StrCat(id, " has the ", target, " ", held(target).dump(), ", not ",
                        user.Text(target)));
    }
  }
  // One without an account is left out until there is one; the app keeps whom it had.
  const std::string manager_id = ManagerOf(user.attributes);
  const Lane manager = LaneOf(manager_id);
  if (!manager_id.empty() && !manager.linked) return;
  if (held(kManagerTarget) != manager.remote_id) {
    Note(absl::StrCat(id, " has the manager ", held(kManagerTarget).dump(), ", not ",
                      manager.remote_id));
  }
}

void AppJudge::CompareGroup(const std::string& id, const ModelResource& group,
                            const DirectoryModel& directory) {
  const Lane lane = LaneOf(id);
  const auto it = lane.linked ? app_->groups.find(lane.remote_id) : app_->groups.end();
  if (it == app_->groups.end()) {
    return Note(absl::StrCat(id, " is not there: ", lane.code, " ", lane.message));
  }
  std::set<std::string> wanted;
  for (const std::string& member : group.members) {
    const Lane of_member = LaneOf(member);
    if (of_member.linked && directory.Find(member) != nullptr) wanted.insert(of_member.remote_id);
  }
  if (it->second.members != wanted) {
    Note(absl::StrCat(id, " holds ", it->second.members.size(), " members, not ", wanted.size()));
  }
}

}  // namespace purser::simulation
