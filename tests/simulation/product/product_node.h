// One `purser serve` without sockets and threads: its log, front door, membership and apps.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/auth/token_table.h"
#include "broker/base/metrics.h"
#include "broker/cluster/membership.h"
#include "broker/eventlog/memory/memory_transport.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/projections/control_state.h"
#include "connectors/delivery/app_worker.h"
#include "tests/simulation/product/bugs.h"

namespace purser::simulation {

inline constexpr char kDirectory[] = "d1";

// A node's own wall clock; time passes as everywhere.
class SkewedClock : public Clock {
 public:
  SkewedClock(const Clock* real, absl::Duration ahead) : real_(real), ahead_(ahead) {}
  absl::Time Now() const override { return real_->Now() + ahead_; }
  absl::Duration SinceBoot() const override { return real_->SinceBoot(); }

 private:
  const Clock* const real_;
  const absl::Duration ahead_;
};

// One thread. Destroyed as by kill -9; what lies in its folder remains.
class ProductNode {
 public:
  // All of it outlives the node.
  struct Around {
    MemoryCluster* cluster = nullptr;
    const Clock* clock = nullptr;
    IdSource* ids = nullptr;
    std::map<std::string, FakeApp*> apps;  // by id
    BugKit* bugs = nullptr;
  };
  struct Identity {
    std::string node_id;
    std::string boot_id;
    std::string folder;  // is there
    absl::Duration clock_ahead;
    uint64_t seed = 0;
  };

  ProductNode(const Around& around, const Identity& identity);
  ~ProductNode();

  // Does what can be done now; true if anything was.
  bool RunOnce();
  // SinceBoot of the next thing that is due by itself.
  absl::Duration NextDue() const;

  // It takes requests.
  bool ready() const { return directory_ != nullptr; }
  void Handle(http::Request request, http::Respond respond);
  void SubmitControl(WriteRequest request) { control_writer_->Submit(std::move(request)); }
  // False where the app is not open yet; `request` is dropped then.
  bool SubmitToApp(const std::string& app, WriteRequest request);

  // SIGTERM: to be destroyed once it is stopped(), or takes too long.
  void BeginStop();
  bool stopping() const { return stopping_; }
  bool stopped() const;

  const std::string& node_id() const { return identity_.node_id; }
  const std::string& folder() const { return identity_.folder; }
  MemoryTransport& transport() { return *transport_; }
  const EventLog& log() const { return *log_; }
  // nullptr where it is not open yet.
  DirectoryService* directory() { return directory_.get(); }
  delivery::AppWorker* worker(const std::string& app);
  AppReaders* readers(const std::string& app);
  const AppReader& reader(const std::string& app) { return apps_[app].projection->reader(); }
  // Why something takes no writes any more; OK where all is well.
  absl::Status Health() const;

 private:
  struct App {
    AppEntry entry;
    bool open = false;
    StreamPosition opened_at = 0;
    std::unique_ptr<AppProjection> projection;
    std::unique_ptr<AppReaders> readers;
    std::unique_ptr<delivery::OwnerFold> fold;
    std::unique_ptr<Fold> planted_fold;
    std::unique_ptr<StreamWriter> writer;
    std::unique_ptr<delivery::AppWorker> worker;
  };

  void OpenLog();
  void Open(const StreamId& stream, std::function<void(const Head&)> opened);
  void OnRecords(const StreamId& stream);
  bool RunInbox();
  void FollowControl();
  void OpenDirectory();
  void MakeApp(const std::string& id, App* app);
  void RenewWorker(App* app);
  void Configure(App* app);
  void FollowDirectory();
  void JoinOnceFolded();

  const Around around_;
  const Identity identity_;
  const SkewedClock clock_;
  // What other parts of the world have for this node: it may be gone by then.
  const std::shared_ptr<std::deque<std::function<void()>>> inbox_ =
      std::make_shared<std::deque<std::function<void()>>>();
  MetricsRegistry metrics_;
  MemoryTransport* transport_ = nullptr;
  std::unique_ptr<EventLog> real_log_;
  std::unique_ptr<EventLog> planted_log_;
  EventLog* log_ = nullptr;
  std::unique_ptr<Membership> membership_;
  ControlProjection control_;
  std::unique_ptr<StreamWriter> control_writer_;
  bool control_open_ = false;
  StreamPosition configured_ = 0;
  auth::TokenTable tokens_;
  std::unique_ptr<ScimEndpoints> endpoints_;
  bool directory_opening_ = false;
  StreamPosition directory_told_ = 0;
  std::unique_ptr<DirectoryService> directory_;
  std::unique_ptr<delivery::FollowedEvents> events_;  // of the directory
  std::map<std::string, App> apps_;
  uint64_t workers_ = 0;
  bool joined_ = false;
  bool stopping_ = false;
};

}  // namespace purser::simulation
