// Several nodes of the tiny application on one cluster that goes wrong, all from one seed; and the
// checker of what they told.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/simulation/eventlog/claims_node.h"

namespace purser::simulation {

class ContentionWorld {
 public:
  ContentionWorld(uint64_t seed, Planted planted);
  ~ContentionWorld();

  // Runs with faults, then without until all is quiet.
  void Run(int steps);

  // What is wrong, one sentence each; empty if nothing is.
  std::vector<std::string> Check();

 private:
  struct NodeState {
    std::unique_ptr<ClaimsNode> app;
    absl::Duration paused_until;
    absl::Duration back_at;  // when it is reachable, or started, again
    bool cut_off = false;
  };

  void Step();
  void Trouble(NodeState* node);
  void Recover(NodeState* node, bool at_once);
  void SubmitSome();
  bool DrainOnce();
  void FollowLog();
  MemoryFaults DrawFaults();
  void CheckAnswers(std::vector<std::string>* wrong);
  void CheckNodes(std::vector<std::string>* wrong);
  bool WasJustified(const Request& request) const;
  bool Chance(double share);
  uint64_t Draw(uint64_t below) { return random_() % below; }

  std::mt19937_64 random_;
  const StreamId stream_ = StreamId::Directory("sim");
  const std::filesystem::path folder_;
  FakeClock clock_;
  SequentialIdSource ids_;
  MemoryCluster cluster_;
  std::vector<NodeState> nodes_;
  std::vector<RequestPtr> requests_;

  // The log as one who trusts nobody judges it.
  size_t judged_ = 0;
  Head head_;
  Claims claims_;
  std::vector<std::string> valid_;              // their bytes
  std::map<std::string, int> valid_requests_;   // how often each stands
  std::vector<std::map<int, std::string>> at_;  // who held what after so many valid records
  std::vector<std::string> broken_rules_;
};

}  // namespace purser::simulation
