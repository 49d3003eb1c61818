// Several nodes that deliver to one app over one log in memory, in one thread: each with its own
// tables, all with one clock.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/metrics.h"
#include "broker/cluster/membership.h"
#include "broker/eventlog/memory/memory_event_log.h"
#include "broker/projections/directory_projection.h"
#include "connectors/delivery/app_worker.h"
#include "nlohmann/json.hpp"
#include "tests/support/delivery/fake_app.h"
#include "tests/support/temp_dir.h"

namespace purser {

// One thread. Nodes are counted from 0; who is not started does not exist.
class DeliveryCluster {
 public:
  explicit DeliveryCluster(int nodes, FakeAppOptions options = {});
  ~DeliveryCluster();

  FakeClock clock;
  SequentialIdSource ids;
  MemoryCluster cluster;
  FakeApp app;

  void Start(int node);
  // kill -9.
  void Kill(int node);
  // SIGTERM; ended once its worker has, within a minute.
  void Stop(int node);
  // SIGSTOP, and SIGCONT.
  void Pause(int node, bool paused = true);
  void SetReachable(int node, bool reachable);

  void RunFor(absl::Duration duration);
  // True once `met`, within `at_most`.
  bool RunUntil(const std::function<bool()>& met, absl::Duration at_most);
  // Nothing is left to be delivered.
  bool RunUntilIdle(absl::Duration at_most = absl::Minutes(5));

  void CreateUser(const std::string& id, const std::string& user_name);
  void SetTitle(const std::string& id, const std::string& title);

  // Who owns the app, by the log: -1 for nobody.
  int Owner();
  // Whom the hash gives the app, while all of these live.
  int OwnerAmong(const std::vector<int>& nodes) const;
  // Every valid record of the app's stream.
  std::vector<event::v1::Envelope> Records();
  // How many of them are of this kind.
  int Count(event::v1::Kind kind);
  // What the live nodes' folds of the app's stream are, made equal by then; all the same text.
  std::vector<std::string> Digests();

 private:
  struct Node;

  std::string NodeId(int node) const { return "node-" + std::to_string(node); }
  std::unique_ptr<delivery::AppWorker> NewWorker(Node* node);
  bool Turn(Node* node);
  void Pump();
  Node* Any();
  void Write(event::v1::Kind kind, const std::string& id, const std::string& payload);

  const StreamId directory_ = StreamId::Directory("d1");
  const StreamId stream_ = StreamId::App("app1");
  TempDir dir_;
  uint64_t boots_ = 0;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<Node> front_;  // takes the directory's writes, and delivers nothing
};

}  // namespace purser
