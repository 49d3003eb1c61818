// A whole Purser of several nodes, its clients and two applications, in one thread and from one
// seed; and all that must hold whatever befalls them.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/product/app_judge.h"
#include "tests/simulation/product/product_node.h"
#include "tests/simulation/product/scim_history.h"
#include "tests/support/temp_dir.h"

namespace purser::simulation {

// A plain world is without what hides some bugs: nobody edits accounts in the apps, so that no
// replay mends them; clients ask for one small thing at a time, and nobody has a manager.
enum class WorldKind { kFull, kPlain };

class ProductWorld {
 public:
  explicit ProductWorld(uint64_t seed, Bug bug = Bug::kNone, WorldKind kind = WorldKind::kFull);
  ~ProductWorld();

  // Random steps, then peace; what did not hold. Ends at the first thing.
  std::vector<std::string> Run(int steps);

  // What happened, to see that enough did.
  struct Counts {
    ScimHistory::Counts requests;
    int deaths = 0;
    int take_overs = 0;
    size_t calls = 0;
    size_t faults = 0;  // of those
    uint64_t inert = 0;
    int runs = 0;     // events of several records
    int replays = 0;  // that were done
  };
  Counts counts() const;
  // The same for equal seeds, whoever runs them.
  std::string Fingerprint() const;

 private:
  enum class State { kUp, kDown, kAsleep, kCutOff, kStopping };
  struct Place {
    State state = State::kDown;
    int boots = 0;
    int lives = 0;  // how often its disk was new
    absl::Duration stop_by;
    std::set<std::string> kept;  // files of which a state of before lies beside them
    std::unique_ptr<ProductNode> node;
  };
  struct App {
    std::unique_ptr<FakeApp> app;
    std::unique_ptr<AppJudge> judge;
    config::v1::App config;
    double fault_share = 0;
    bool drifted = false;  // somebody edited it
  };
  // How restless it is: how likely each is at a step.
  struct Temper {
    double trouble = 0;       // of a node
    double misbehaviour = 0;  // of an app
    double long_step = 0;
    double bulk = 0;   // a request is one
    double drift = 0;  // an app is edited, or replayed
  };

  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }
  bool Chance(double share) { return Below(1000) < static_cast<int>(share * 1000); }
  void Note(const std::string& what) { found_.push_back(what); }

  // product_world.cc: the run of things.
  void AddApp(const std::string& id, bool unique_names);
  void Configure(ProductNode* node);
  void Step();
  bool Pump();
  void RunFor(absl::Duration duration);
  absl::Duration NextDue();
  void Follow();
  void CompareDigests(bool all);
  void MakePeace();
  bool IsQuiet();
  bool IsSettled(const std::string& app);
  void Judge();
  void CheckOwner(const std::string& app);

  // product_trouble.cc: what befalls nodes, log and apps.
  void Start(int index);
  void Kill(int index);
  void Mend(int index);
  void Befall(int index);
  void EndStopped();
  void Sync(int index);
  void LoseUnsynced(Place* place, const std::string& folder);
  void Misbehave();
  void CallsDie(int index);
  void SetFaults(int index, bool any);
  MemoryFaults DrawFaults();
  Fault OnCall(App* app, const AppCall& call);

  // product_replay.cc: what changes in the apps, replays, and other commands.
  void Drift(App* app);
  void Replay(const std::string& app);
  void ReplayDrifted();
  void CommandAll(event::v1::AppCommand::Action action);
  void Command(const std::string& app, const event::v1::AppCommand& command);

  // product_clients.cc: what is asked at the front doors.
  void Ask();
  ProductNode* AnyDoor();
  void Send(OperationPtr operation);
  OperationPtr DrawOperation();
  OperationPtr DrawUserChange(const std::string& id);
  OperationPtr DrawGroupChange();
  std::string DrawTitle();

  // product_bulk.cc
  OperationPtr DrawBulk();
  void AddPart(OperationPtr part, Operation* bulk);
  std::string DrawId(event::v1::ResourceType type);

  const bool plain_;
  std::mt19937_64 random_;
  std::vector<std::string> found_;
  TempDir dir_;
  FakeClock clock_;
  SequentialIdSource ids_;
  MemoryCluster cluster_;
  ScimHistory history_;
  BugKit bugs_;
  Temper temper_;
  std::map<std::string, App> apps_;
  std::map<std::string, std::map<StreamPosition, std::string>> digests_;  // by stream
  std::vector<Place> places_;
  int running_ = -1;  // whose turn it is
  bool peace_ = false;
  int deaths_ = 0;
  int requests_ = 0;
  int jobs_ = 0;
};

}  // namespace purser::simulation
