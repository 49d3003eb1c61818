// One app's delivery, whole, in one thread: directory, log, worker, application and clock.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/metrics.h"
#include "broker/projections/directory_projection.h"
#include "connectors/delivery/app_worker.h"
#include "nlohmann/json.hpp"
#include "purser/event/v1/directory.pb.h"
#include "tests/support/delivery/fake_app.h"
#include "tests/support/delivery/sim_event_log.h"
#include "tests/support/temp_dir.h"

namespace purser {

// An app like most: matches users by userName and groups by displayName, takes everyone, runs.
config::v1::App PlainApp();

class DeliveryRig {
 public:
  explicit DeliveryRig(FakeAppOptions options = {}, config::v1::App config = PlainApp());

  FakeClock clock;
  SequentialIdSource ids;
  SimEventLog log;
  FakeApp app;
  config::v1::App config;
  StreamPosition config_version = 1;
  // Of the events that follow.
  std::string trace_parent;
  // Where set, what went wrong is told here and not to the test.
  std::vector<std::string>* complaints = nullptr;
  // Between the worker and what it uses; for tests that make them misbehave.
  std::function<std::unique_ptr<connectors::Connector>(std::unique_ptr<connectors::Connector>)>
      wrap_connector;

  // The program starts, over what the log holds.
  void Start();
  // The program dies at this moment; appends under way stand, or are lost.
  void Crash(bool appends_stand = true);
  // The program stops in good order.
  void Stop();
  // After a crash: the app's fold is made anew from the log.
  void ForgetProjection();
  // `config` is applied to the running worker.
  void Reconfigure();
  bool running() const { return worker_ != nullptr; }

  // Everything that can be done now is done.
  void Pump();
  // Time passes, in steps as things are due.
  void RunFor(absl::Duration duration);
  // Until nothing is left to be done but what waits for somebody; fails after an hour.
  void Settle();

  // Events of the directory. Ids are given by the caller; the worker hears of them on Pump().
  void CreateUser(const std::string& id, const std::string& user_name,
                  nlohmann::json more = nlohmann::json::object());
  // `attribute` of the core schema; null unassigns.
  void Change(const std::string& id, const std::string& attribute, const nlohmann::json& value);
  void SetManager(const std::string& id, const std::string& manager);
  void Delete(const std::string& id, event::v1::ResourceType type = event::v1::USER);
  void CreateGroup(const std::string& id, const std::string& name,
                   const std::vector<std::string>& members = {});
  void ChangeMembers(const std::string& group, const std::vector<std::string>& added,
                     const std::vector<std::string>& removed = {});
  void RenameGroup(const std::string& id, const std::string& name);

  // An operator's command.
  void Command(event::v1::AppCommand command);
  void Command(event::v1::AppCommand::Action action, const std::vector<std::string>& ids = {});
  // Another process takes the app over.
  void TakeOver(const std::string& boot);
  // A replay of all there is, or of these alone; its job's id.
  std::string Replay(const std::vector<std::string>& ids = {});

  // What the app's fold says.
  Lane LaneOf(const std::string& id) const;
  AppRow Row() const { return *projection_->reader().App(); }
  Job JobOf(const std::string& id) const { return **projection_->reader().FindJob(id); }
  const AppReader& reader() const { return projection_->reader(); }
  const DirectoryReader& directory() const { return directory_->reader(); }
  std::vector<event::v1::Envelope> Records() const { return log.Envelopes(stream_); }
  delivery::AppWorker& worker() { return *worker_; }
  // Everything the worker started, in the order of the log.
  std::vector<event::v1::StartedOperation> Started() const;
  // What the stream of exchanges was given, in order.
  std::vector<event::v1::Exchange> Exchanges() const;
  double Gauge(const std::string& name) const;

  // Fails where the fold made anew from the log is another than the live one.
  void ExpectRebuiltEqual();

 private:
  template <typename Payload>
  void Write(event::v1::Kind kind, event::v1::ResourceType type, const std::string& id,
             const Payload& payload);
  absl::Duration NextDue() const;
  void Complain(const std::string& what);

  const StreamId directory_stream_ = StreamId::Directory("d1");
  const StreamId stream_ = StreamId::App("app1");
  TempDir dir_;
  MetricsRegistry metrics_;
  bool restless_ = false;
  int boots_ = 0;
  int jobs_ = 0;
  std::unique_ptr<DirectoryProjection> directory_;
  std::unique_ptr<DirectoryReaders> readers_;
  std::unique_ptr<delivery::FollowedEvents> events_;
  std::unique_ptr<StreamWriter> directory_writer_;
  StreamPosition directory_folded_ = 0;
  std::unique_ptr<AppProjection> projection_;
  std::unique_ptr<delivery::OwnerFold> fold_;
  std::unique_ptr<StreamWriter> writer_;
  std::unique_ptr<delivery::AppWorker> worker_;
};

}  // namespace purser
