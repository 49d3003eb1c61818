// Three nodes, one app, and everything that may befall nodes, from one seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/eventlog/fold.h"
#include "tests/support/delivery/delivery_cluster.h"

namespace purser {
namespace {

constexpr int kNodes = 3;

FakeAppOptions OptionsOf(uint64_t seed) {
  FakeAppOptions options;
  options.unique_names = seed % 2 == 0;
  return options;
}

class TakeOverSimulation {
 public:
  explicit TakeOverSimulation(uint64_t seed) : random_(seed), cluster_(kNodes, OptionsOf(seed)) {
    cluster_.app.fault = [this](const AppCall& call) { return OnCall(call); };
    for (int node = 0; node < kNodes; ++node) Start(node);
  }

  // What did not hold.
  std::vector<std::string> Run(int steps) {
    for (int step = 0; step < steps; ++step) Step();
    MakePeace();
    CompareUsers();
    CheckCalls();
    return found_;
  }

 private:
  enum class State { kDown, kUp, kAsleep, kCutOff };

  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }
  bool Chance(double share) { return Below(1000) < static_cast<int>(share * 1000); }
  void Note(const std::string& what) { found_.push_back(what); }

  void Start(int node) {
    cluster_.Start(node);
    state_[node] = State::kUp;
  }
  void Mend(int node) {
    if (state_[node] == State::kAsleep) cluster_.Pause(node, false);
    if (state_[node] == State::kCutOff) cluster_.SetReachable(node, true);
    if (state_[node] == State::kDown) cluster_.Start(node);
    state_[node] = State::kUp;
  }

  void Step() {
    for (int change = Below(4); change > 0; --change) ChangeDirectory();
    if (Chance(0.4)) Befall(Below(kNodes));
    cluster_.RunFor(Chance(0.3) ? absl::Seconds(Below(20)) : absl::Milliseconds(Below(200)));
  }
  void Befall(int node) {
    if (state_[node] != State::kUp) return Mend(node);
    switch (Below(4)) {
      case 0:
        cluster_.Kill(node);
        CallsDie();
        state_[node] = State::kDown;
        break;
      case 1:
        cluster_.Stop(node);
        state_[node] = State::kDown;
        break;
      case 2:
        cluster_.Pause(node);
        state_[node] = State::kAsleep;
        break;
      default:
        cluster_.SetReachable(node, false);
        state_[node] = State::kCutOff;
    }
  }
  // A call that died with its process takes effect soon or never.
  void CallsDie() {
    busy_until_.clear();
    std::multimap<absl::Duration, std::function<void()>> late;
    for (auto& [due, effect] : std::exchange(cluster_.app.late, {})) {
      if (Chance(0.5)) late.emplace(cluster_.clock.SinceBoot() + absl::Seconds(Below(3)), effect);
    }
    cluster_.app.late = std::move(late);
  }
  void ChangeDirectory() {
    if (titles_.empty() || Chance(0.3)) {
      const std::string id = absl::StrCat("u", titles_.size());
      cluster_.CreateUser(id, absl::StrCat("name-", id));
      titles_[id] = "";
      return;
    }
    const auto it = std::next(titles_.begin(), Below(static_cast<int>(titles_.size())));
    it->second = absl::StrCat("title ", ++changes_);
    cluster_.SetTitle(it->first, it->second);
  }

  Fault OnCall(const AppCall& call) {
    const Fault fault = peace_ || !Chance(0.1) ? Fault::kNone : static_cast<Fault>(1 + Below(3));
    if (!call.writes()) return Fault::kNone;
    absl::Duration& busy = busy_until_[call.id.empty() ? call.name : call.id];
    const absl::Duration now = cluster_.clock.SinceBoot();
    if (busy > now) Note(absl::StrCat("two calls of one lane at a time: ", call.verb));
    busy = now + (fault == Fault::kNone ? cluster_.app.options.latency : absl::Seconds(30));
    return fault;
  }

  void MakePeace() {
    peace_ = true;
    for (int node = 0; node < kNodes; ++node) Mend(node);
    cluster_.RunFor(absl::Seconds(30));
    if (!cluster_.RunUntilIdle(absl::Minutes(40))) Note("it never settles");
    cluster_.RunFor(absl::Seconds(15));
    const std::vector<std::string> digests = cluster_.Digests();
    if (std::set<std::string>(digests.begin(), digests.end()).size() != 1) {
      Note("the nodes' folds differ");
    }
    if (cluster_.Owner() != cluster_.OwnerAmong({0, 1, 2})) Note("another than the hash's owns it");
  }
  void CompareUsers() {
    for (const auto& [id, title] : titles_) {
      FakeApp::Account* account = cluster_.app.User("name-" + id);
      if (account == nullptr) {
        Note(absl::StrCat(id, " has no account"));
      } else if (!title.empty() && account->values["title"] != title) {
        Note(absl::StrCat(id, " has the title ", account->values["title"].dump(), ", not ", title));
      }
    }
    if (cluster_.app.users.size() > titles_.size()) Note("an account was made twice");
  }
  // Each call that writes left within 2 s after a valid `started` of who owned the app then.
  void CheckCalls() {
    const absl::Time boot = cluster_.clock.Now() - cluster_.clock.SinceBoot();
    std::map<std::string, std::set<absl::Time>> started;
    bool owned = false;
    for (const event::v1::Envelope& envelope : cluster_.Records()) {
      if (envelope.kind() == event::v1::TOOK_OVER) owned = true;
      if (envelope.kind() == event::v1::RELEASED) owned = false;
      event::v1::Started record;
      if (envelope.kind() != event::v1::STARTED || !record.ParseFromString(envelope.payload())) {
        continue;
      }
      if (!owned) Note("a start of nobody's");
      for (const auto& operation : record.operations()) {
        started[operation.operation_id()].insert(ToTime(envelope.time()));
      }
    }
    for (const AppCall& call : cluster_.app.calls) {
      if (!call.writes()) continue;
      const std::set<absl::Time>& times = started[call.operation_id];
      const auto after = times.upper_bound(boot + call.at);
      const bool in_time =
          after != times.begin() && boot + call.at - *std::prev(after) <= absl::Seconds(2);
      if (!in_time) Note(absl::StrCat("a call that was not started in time: ", call.verb));
    }
  }

  std::mt19937_64 random_;
  DeliveryCluster cluster_;
  std::map<int, State> state_;
  std::map<std::string, std::string> titles_;
  std::map<std::string, absl::Duration> busy_until_;
  int changes_ = 0;
  bool peace_ = false;
  std::vector<std::string> found_;
};

// PURSER_SIM_SEEDS=1000 for many; PURSER_SIM_SEED=17 for one alone.
TEST(TakeOverSimulation, WhateverBefallsTheNodesTheAppEndsAsTheDirectoryWants) {
  const auto from_environment = [](const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    uint64_t value = 0;
    return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
  };
  const uint64_t only = from_environment("PURSER_SIM_SEED", 0);
  const uint64_t last = only == 0 ? from_environment("PURSER_SIM_SEEDS", 100) / 5 : only;
  for (uint64_t seed = only == 0 ? 1 : only; seed <= last; ++seed) {
    const std::vector<std::string> found = TakeOverSimulation(seed).Run(40);
    EXPECT_TRUE(found.empty()) << "seed " << seed << ": " << absl::StrJoin(found, "; ");
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace purser
