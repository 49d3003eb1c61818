// The connectors' half at work: one thread drives every app's worker and the HTTP client.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/mailbox.h"
#include "broker/base/metrics.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/control_state.h"
#include "connectors/delivery/app_worker.h"
#include "connectors/http/curl_http_client.h"

namespace purser {

// All but Start() and Stop() is for any thread.
class DeliveryHost {
 public:
  struct Options {
    EventLog* log = nullptr;
    std::string folder;   // of the read models
    std::string node_id;  // this data folder's, kept over restarts
    const Clock* clock = nullptr;
    IdSource* ids = nullptr;
    MetricsRegistry* metrics = nullptr;
    // nullptr while the directory is not open.
    std::function<DirectoryReaders*(const std::string& directory_id)> directory;
  };

  explicit DeliveryHost(Options options);
  ~DeliveryHost();

  absl::Status Start();
  // Starts no new call, waits at most `drain` for those under way, releases the apps, and ends the
  // thread. What is still under way then is left `started`, to be settled by the next start.
  void Stop(absl::Duration drain);

  // Brings the workers to this configuration.
  void Configure(std::shared_ptr<const ControlState> state);
  void NewRecords(const StreamId& stream);
  void DirectoryMoved(const std::string& directory_id);

  // Appends to an app's stream. NotFound (through `done`) where there is no such app yet.
  void Submit(const std::string& app_id, WriteRequest request);

  // How many of the app's lanes wait to be sent, since when, and up to where all is settled, as of
  // a second ago at most; nullopt while there is no such app.
  struct Waiting {
    uint64_t lanes = 0;
    absl::Duration oldest;  // how long the oldest has waited
    StreamPosition settled = 0;
  };
  std::optional<Waiting> WaitingLanes(absl::string_view app_id) const;

  // nullptr while there is no such app.
  AppReaders* Readers(absl::string_view app_id) const;
  // True once every app of the configuration at `position` of the control stream has its worker.
  bool Configured(StreamPosition position) const { return configured_.load() >= position; }

 private:
  struct App {
    AppEntry entry;
    bool opening = false;
    std::unique_ptr<AppProjection> projection;
    std::unique_ptr<AppReaders> readers;
    std::unique_ptr<delivery::AppWorker> worker;
  };

  void Run();
  bool RunOnce(absl::Duration max_wait);
  void Post(std::function<void()> work);
  void ConfigureHere(const ControlState& state);
  void OpenApp(const std::string& id);
  void MakeWorker(const std::string& id);
  void ConfigureWorker(App* app);
  void NoteConfigured();

  const Options options_;
  const std::string boot_id_;
  std::unique_ptr<connectors::CurlHttpClient> http_;
  Mailbox mailbox_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> drained_{false};
  std::atomic<StreamPosition> configured_{0};
  std::shared_ptr<const ControlState> state_;  // the thread's own
  mutable Mutex mutex_;
  // Changed by the thread alone, under the lock; others read under it.
  std::map<std::string, App, std::less<>> apps_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
