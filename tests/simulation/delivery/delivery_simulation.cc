#include "tests/simulation/delivery/delivery_simulation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/fold.h"

namespace purser {
namespace {

using connectors::Call;
using connectors::ResourceType;
using connectors::Result;
using connectors::Verdict;

constexpr char kManager[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

// Does as the one it holds, but for the planted bug.
class BuggyConnector : public connectors::Connector {
 public:
  BuggyConnector(std::unique_ptr<Connector> real, Planted planted)
      : real_(std::move(real)), planted_(planted) {}

  const connectors::Capabilities& capabilities() const override { return real_->capabilities(); }
  void Check(const Call& call, connectors::CheckDone done) override {
    real_->Check(call, std::move(done));
  }
  void Find(ResourceType type, const std::string& attribute, const std::string& value,
            const Call& call, connectors::ResourcesDone done) override {
    if (planted_ != Planted::kCreateWithoutLookUp) {
      real_->Find(type, attribute, value, call, std::move(done));
      return;
    }
    real_->Find(type, attribute, value, call,
                [done](Result result, std::vector<connectors::RemoteResource>) {
                  done(std::move(result), {});
                });
  }
  void Read(ResourceType type, const std::string& id, bool with_members, const Call& call,
            connectors::ResourcesDone done) override {
    real_->Read(type, id, with_members, call, std::move(done));
  }
  void List(ResourceType type, const std::string& cursor, const Call& call,
            PageDone done) override {
    real_->List(type, cursor, call, std::move(done));
  }
  void Create(ResourceType type, const connectors::Attributes& wanted, const Call& call,
              connectors::WriteDone done) override {
    connectors::Attributes sent = wanted;
    if (planted_ == Planted::kSecondBodyDiffers && !seen_.insert(call.operation_id).second) {
      sent["title"] = "another";
    }
    real_->Create(type, sent, call, std::move(done));
  }
  void Update(ResourceType type, const std::string& id, const connectors::Changes& changes,
              const Call& call, connectors::WriteDone done) override {
    if (planted_ == Planted::kCallWithoutStart) {
      Call other = call;
      other.operation_id += "-other";
      real_->Update(type, id, changes, other, [](const Result&, connectors::RemoteResource) {});
    }
    if (planted_ == Planted::kDoubtTakenForRefusal) {
      done = [done](Result result, connectors::RemoteResource account) {
        if (result.verdict == Verdict::kInDoubt) result.verdict = Verdict::kRefused;
        done(std::move(result), std::move(account));
      };
    }
    real_->Update(type, id, changes, call, std::move(done));
  }
  void SetActive(const std::string& id, bool active, const Call& call,
                 connectors::WriteDone done) override {
    real_->SetActive(id, active, call, std::move(done));
  }
  void Delete(ResourceType type, const std::string& id, const Call& call,
              connectors::WriteDone done) override {
    real_->Delete(type, id, call, std::move(done));
  }
  void ChangeMembers(const std::string& group_id, const connectors::MemberChanges& changes,
                     const Call& call, connectors::WriteDone done) override {
    real_->ChangeMembers(group_id, changes, call, std::move(done));
  }

 private:
  const std::unique_ptr<Connector> real_;
  const Planted planted_;
  std::set<std::string> seen_;
};

FakeAppOptions OptionsOf(uint64_t seed) {
  FakeAppOptions options;
  options.unique_names = seed % 2 == 0;
  options.ignores_filter = seed % 3 == 0;
  options.capabilities.delete_keeps_account = seed % 5 == 0;
  return options;
}

config::v1::App ConfigOf(uint64_t seed) {
  config::v1::App config = PlainApp();
  if (seed % 4 == 1) config.mutable_deprovision()->set_inactive(config::v1::REMOVE);
  if (seed % 7 == 3) config.mutable_deprovision()->set_deleted(config::v1::DEACTIVATE);
  return config;
}

}  // namespace

DeliverySimulation::DeliverySimulation(uint64_t seed, Planted planted)
    : random_(seed), rig_(OptionsOf(seed), ConfigOf(seed)) {
  rig_.complaints = &found_;
  rig_.app.fault = [this](const AppCall& call) { return OnCall(call); };
  rig_.log.fate = [this](const StreamId& stream) {
    if (stream.kind() != StreamKind::kApp || !Chance(log_fault_share_)) {
      return SimEventLog::Fate::kStands;
    }
    return static_cast<SimEventLog::Fate>(1 + Below(3));
  };
  if (planted == Planted::kNone) return;
  rig_.wrap_connector = [planted](std::unique_ptr<connectors::Connector> real) {
    return std::make_unique<BuggyConnector>(std::move(real), planted);
  };
  rig_.Reconfigure();
}

std::vector<std::string> DeliverySimulation::Run(int steps) {
  for (int step = 0; step < steps && found_.empty(); ++step) Step();
  if (found_.empty()) MakePeace();
  if (found_.empty()) CompareUsers();
  if (found_.empty()) CompareGroups();
  CheckOrder();
  return found_;
}

std::vector<std::string> DeliverySimulation::RunRevert() {
  const std::string id = "user-0000-1";
  users_[id].name = "anna";
  users_[id].title = "cook";
  rig_.CreateUser(id, "anna", {{"title", "cook"}});
  rig_.Settle();
  rig_.app.fault = [lost = std::make_shared<bool>(false)](const AppCall& call) {
    const bool lose = call.verb == "update" && !std::exchange(*lost, true);
    return lose ? Fault::kLostAfter : Fault::kNone;
  };
  rig_.Change(id, "title", "chef");
  rig_.RunFor(absl::Seconds(1));
  rig_.Change(id, "title", "cook");
  rig_.Settle();
  CompareUsers();
  return found_;
}

void DeliverySimulation::Step() {
  const int what = Below(100);
  if (what < 60) {
    ChangeDirectory();
  } else if (what < 70) {
    Misbehave();
  } else if (what < 76) {
    Restart();
  } else if (what < 79 && !rig_.app.users.empty()) {
    vanished_ = true;
    rig_.app.users.erase(
        std::next(rig_.app.users.begin(), Below(static_cast<int>(rig_.app.users.size()))));
  } else if (what < 82) {
    rig_.Command(Chance(0.5) ? event::v1::AppCommand::PAUSE : event::v1::AppCommand::START);
  } else if (what < 84) {
    rig_.Command(event::v1::AppCommand::RETRY);
  } else if (what < 86) {
    rig_.Replay();
  }
  rig_.RunFor(Chance(0.2) ? absl::Seconds(Below(90)) : absl::Milliseconds(Below(200)));
}

std::string DeliverySimulation::FreeName() {
  static const char* const kNames[] = {"anna", "bea", "cleo", "dora", "edda", "finn"};
  const int first = Below(6);
  for (int n = 0; n < 6; ++n) {
    const std::string name = kNames[(first + n) % 6];
    const bool taken = std::any_of(users_.begin(), users_.end(),
                                   [&](const auto& user) { return user.second.name == name; });
    if (!taken) return name;
  }
  return "";
}

void DeliverySimulation::ChangeDirectory() {
  if (Chance(0.25)) {
    ChangeGroup();
    return;
  }
  const std::string name = FreeName();
  if (users_.empty() || (Chance(0.3) && !name.empty())) {
    const std::string id = absl::StrCat("user-0000-", ++next_user_);
    User user;
    user.name = name;
    user.active = Chance(0.8);
    rig_.CreateUser(id, name, {{"active", user.active}});
    users_[id] = user;
    return;
  }
  const auto it = std::next(users_.begin(), Below(static_cast<int>(users_.size())));
  ChangeUser(it->first, &it->second);
}

void DeliverySimulation::ChangeUser(const std::string& id, User* user) {
  const std::string name = FreeName();
  switch (Below(6)) {
    case 0:
    case 1:
      user->title = absl::StrCat("title ", Below(3));
      rig_.Change(id, "title", user->title);
      return;
    case 2:
      if (name.empty()) return;
      user->name = name;
      rig_.Change(id, "userName", name);
      return;
    case 3:
      user->active = !user->active;
      rig_.Change(id, "active", user->active);
      return;
    case 4:
      user->manager = std::next(users_.begin(), Below(static_cast<int>(users_.size())))->first;
      rig_.SetManager(id, user->manager);
      return;
    default:
      rig_.Delete(id);
      for (auto& [other, report] : users_) {
        if (report.manager == id) report.manager.clear();
      }
      for (auto& [group_id, group] : groups_) group.members.erase(id);
      users_.erase(std::string(id));
  }
}

void DeliverySimulation::ChangeGroup() {
  if (groups_.size() < 2) {
    const std::string id = absl::StrCat("group-0000-", ++next_group_);
    groups_[id].name = absl::StrCat("group ", next_group_);
    rig_.CreateGroup(id, groups_[id].name);
    return;
  }
  const auto it = std::next(groups_.begin(), Below(static_cast<int>(groups_.size())));
  if (Chance(0.1)) {
    rig_.Delete(it->first, event::v1::GROUP);
    groups_.erase(it);
    return;
  }
  std::vector<std::string> added;
  std::vector<std::string> removed;
  for (const auto& [id, user] : users_) {
    if (!Chance(0.4)) continue;
    const bool in = it->second.members.contains(id);
    (in ? removed : added).push_back(id);
    in ? it->second.members.erase(id) : it->second.members.insert(id).second;
  }
  if (!added.empty() || !removed.empty()) rig_.ChangeMembers(it->first, added, removed);
}

void DeliverySimulation::Restart() {
  rig_.Crash(Chance(0.5));
  busy_until_.clear();
  // A call that died with its process takes effect soon or never.
  std::multimap<absl::Duration, std::function<void()>> late;
  for (auto& [due, effect] : std::exchange(rig_.app.late, {})) {
    if (Chance(0.5)) late.emplace(rig_.clock.SinceBoot() + absl::Seconds(Below(3)), effect);
  }
  rig_.app.late = std::move(late);
  if (Chance(0.3)) rig_.ForgetProjection();
  rig_.Start();
}

void DeliverySimulation::Misbehave() {
  const double shares[] = {0, 0, 0.1, 0.3, 0.8};
  fault_share_ = shares[Below(5)];
  log_fault_share_ = Chance(0.3) ? 0.3 : 0;
  rig_.log.latency = Chance(0.1) ? absl::Seconds(3) : absl::Milliseconds(Below(20));
}

void DeliverySimulation::ReadStarted() {
  const StreamId stream = StreamId::App("app1");
  const auto records = rig_.log.Read(stream, records_read_, SIZE_MAX, SIZE_MAX);
  for (const StoredRecord& record : *records) {
    records_read_ = record.position;
    const auto envelope = DecodeRecord(record.bytes);
    event::v1::Started started;
    if (envelope->kind() != event::v1::STARTED) continue;
    started.ParseFromString(envelope->payload());
    for (const auto& operation : started.operations()) {
      const std::string& id = operation.operation_id();
      started_at_[id] = ToTime(envelope->time());
      const auto [it, fresh] = started_.try_emplace(id, operation);
      if (fresh) continue;
      if (it->second.sealed_changes() != operation.sealed_changes() ||
          it->second.kind() != operation.kind()) {
        Note("a started operation changed");
      }
    }
  }
}

void DeliverySimulation::CheckStarted(const AppCall& call) {
  ReadStarted();
  const auto started = started_.find(call.operation_id);
  if (started == started_.end()) {
    Note(absl::StrCat("a call that was not started: ", call.verb));
    return;
  }
  if (rig_.clock.Now() - started_at_[call.operation_id] > absl::Seconds(2)) {
    Note("a call later than 2 s after it was started");
  }
  const auto [body, fresh] = bodies_.try_emplace(call.operation_id, call.body);
  if (!fresh && body->second != call.body) Note("the same operation with another body");
  absl::Duration& busy = busy_until_[started->second.resource_id()];
  if (busy > rig_.clock.SinceBoot()) Note("two calls of one lane at a time");
}

Fault DeliverySimulation::OnCall(const AppCall& call) {
  if (call.writes()) CheckStarted(call);
  Fault fault = Fault::kNone;
  if (Chance(fault_share_)) fault = static_cast<Fault>(1 + Below(10));
  // A Check that goes wrong is the app's trouble; most are fine.
  if (call.verb == "check" && Chance(0.7)) fault = Fault::kNone;
  if (!call.writes()) return fault;
  const auto started = started_.find(call.operation_id);
  if (started == started_.end()) return fault;
  const bool lost =
      fault == Fault::kLostBefore || fault == Fault::kLostAfter || fault == Fault::kLostLate;
  busy_until_[started->second.resource_id()] =
      rig_.clock.SinceBoot() + (lost ? absl::Seconds(30) : rig_.app.options.latency);
  return fault;
}

void DeliverySimulation::MakePeace() {
  fault_share_ = log_fault_share_ = 0;
  rig_.log.latency = absl::ZeroDuration();
  rig_.Command(event::v1::AppCommand::START);
  rig_.RunFor(absl::Minutes(20));
  rig_.Command(event::v1::AppCommand::RETRY);
  rig_.Settle();
  if (vanished_) {
    rig_.Replay();
    rig_.Settle();
  }
  rig_.ExpectRebuiltEqual();
}

void DeliverySimulation::CompareUsers() {
  const bool removes = rig_.config.deprovision().inactive() == config::v1::REMOVE;
  std::set<std::string> accounted;
  for (const auto& [id, user] : users_) {
    const Lane lane = rig_.LaneOf(id);
    const auto it = lane.linked ? rig_.app.users.find(lane.remote_id) : rig_.app.users.end();
    if (it == rig_.app.users.end()) {
      if (user.active && !NameIsKept(id))
        Note(absl::StrCat(id, " has no account: ", lane.code, " ", lane.message));
      continue;
    }
    accounted.insert(it->first);
    FakeApp::Account& account = it->second;
    if (NameIsKept(id)) continue;
    if (account.active != user.active) Note(absl::StrCat(id, " active is not as wanted"));
    if (!user.active && removes) continue;
    if (account.values["userName"] != user.name) Note(absl::StrCat(id, " has another name"));
    const auto title = account.values.find("title");
    const std::string shown = title == account.values.end() ? "" : title->second.get<std::string>();
    if (shown != user.title) {
      Note(absl::StrCat(id, " has the title '", shown, "', not '", user.title, "'"));
    }
    const Lane manager = rig_.LaneOf(user.manager);
    const auto held = account.values.find(kManager);
    if (!user.manager.empty() && manager.linked &&
        (held == account.values.end() || held->second != manager.remote_id)) {
      Note(absl::StrCat(id, " has another manager"));
    }
  }
  for (const auto& [id, account] : rig_.app.users) {
    if (!accounted.contains(id) && account.active)
      Note(absl::StrCat("account ", id, " is nobody's"));
  }
}

// The account of somebody who is gone, and that stays, has the name: an operator's to resolve. So
// has who waits for the name of one who cannot take his.
bool DeliverySimulation::NameIsKept(std::string id) {
  Lane lane = rig_.LaneOf(id);
  for (size_t n = 0; n < users_.size() && lane.code == "name-held"; ++n) {
    id = lane.waits_for;
    if (!users_.contains(id)) return false;
    lane = rig_.LaneOf(id);
  }
  const FakeApp::Account* holder = rig_.app.User(users_.at(id).name);
  const bool own = holder != nullptr && lane.linked && holder->id == lane.remote_id;
  return lane.state == event::v1::PARKED && holder != nullptr && !own && !holder->active;
}

void DeliverySimulation::CompareGroups() {
  for (const auto& [id, group] : groups_) {
    FakeApp::Account* account = rig_.app.Group(group.name);
    if (account == nullptr) {
      Note(absl::StrCat(id, " is not there"));
      continue;
    }
    std::set<std::string> wanted;
    for (const std::string& member : group.members) {
      const Lane lane = rig_.LaneOf(member);
      const bool goes =
          rig_.config.deprovision().inactive() == config::v1::REMOVE && !users_[member].active;
      if (lane.linked && !goes) wanted.insert(lane.remote_id);
    }
    std::set<std::string> held;
    for (const std::string& member : account->members) {
      if (rig_.app.users.contains(member)) held.insert(member);
    }
    if (held != wanted) {
      Note(absl::StrCat(id, " holds ", held.size(), " members, not ", wanted.size()));
    }
  }
}

// Newer state never goes before older of the same resource.
void DeliverySimulation::CheckOrder() {
  std::map<std::string, StreamPosition> last;
  for (const event::v1::StartedOperation& operation : rig_.Started()) {
    if (operation.again()) continue;
    StreamPosition& before = last[operation.resource_id()];
    if (operation.wanted_position() < before) Note("older state after newer");
    before = operation.wanted_position();
  }
}

}  // namespace purser
