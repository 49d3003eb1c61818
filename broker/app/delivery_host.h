// The connectors' half at work: one thread drives every app's worker and the HTTP client; another
// sends and hears heartbeats, so that long work of the first is not taken for its death. Every node
// follows every app's stream; who owns an app delivers to it.
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
#include "broker/cluster/membership.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/control_state.h"
#include "connectors/delivery/app_worker.h"
#include "connectors/delivery/owner_fold.h"
#include "connectors/http/curl_http_client.h"

namespace purser {

// All but Start() and Stop() is for any thread.
class DeliveryHost {
 public:
  struct Options {
    EventLog* log = nullptr;
    std::string folder;           // of the read models
    Membership* nodes = nullptr;  // which of them delivers; driven here
    const Clock* clock = nullptr;
    IdSource* ids = nullptr;
    MetricsRegistry* metrics = nullptr;
    // nullptr while the directory is not open.
    std::function<DirectoryReaders*(const std::string& directory_id)> directory;
  };

  explicit DeliveryHost(Options options);
  ~DeliveryHost();

  absl::Status Start();
  // All of the read model is there: from the moment on at which the apps' folds are too, this node
  // takes its share of the apps.
  void Join() { may_join_ = true; }
  // Starts no new call, and releases the apps as calls under way end.
  void BeginStop();
  // The same, waits for that at most `drain`, and ends the thread. What is still under way then is
  // left `started`, to be settled by the next owner.
  void Stop(absl::Duration drain);

  // Brings the workers to this configuration.
  void Configure(std::shared_ptr<const ControlState> state);
  void NewRecords(const StreamId& stream);
  void DirectoryMoved(const std::string& directory_id);

  // Appends to an app's stream. NotFound (through `done`) where there is no such app yet.
  void Submit(const std::string& app_id, WriteRequest request);

  // How many of the app's lanes wait to be sent, since when, and up to where all is settled, as of
  // a second ago at most; nullopt while this node does not own the app.
  struct Waiting {
    uint64_t lanes = 0;
    absl::Duration oldest;  // how long the oldest has waited
    StreamPosition settled = 0;
  };
  std::optional<Waiting> WaitingLanes(absl::string_view app_id) const;

  // How far an app's stream is folded; 0 while that has not begun. True of all: as far as it went
  // when it was opened.
  StreamPosition Folded(const std::string& app_id) const;
  bool Folded() const;

  // As StreamWriter::WhenAt(), of an app's fold; Unavailable (through `done`) while there is none.
  void WhenAt(const std::string& app_id, StreamPosition position, absl::Duration deadline,
              std::function<void(absl::Status)> done);

  // nullptr while there is no such app.
  AppReaders* Readers(absl::string_view app_id) const;
  // True once every app of the configuration at `position` of the control stream has its worker.
  bool Configured(StreamPosition position) const { return configured_.load() >= position; }

 private:
  struct App {
    AppEntry entry;
    bool opening = false;
    StreamPosition opened_at = 0;  // where its stream ended when it was opened
    std::unique_ptr<AppProjection> projection;
    std::unique_ptr<AppReaders> readers;
    std::unique_ptr<delivery::OwnerFold> fold;
    std::unique_ptr<StreamWriter> writer;
    std::unique_ptr<delivery::AppWorker> worker;  // there once all before it are
  };

  void Run();
  void RunBeats();
  bool RunOnce(absl::Duration max_wait);
  void Post(std::function<void()> work);
  void ConfigureHere(const ControlState& state);
  void OpenApp(const std::string& id);
  void MakeApp(const std::string& id);
  std::unique_ptr<delivery::AppWorker> NewWorker(const std::string& id, const App& app);
  void RenewWorkers();
  void JoinOnceFolded();
  void ConfigureWorker(App* app);
  void NoteConfigured();

  const Options options_;
  std::unique_ptr<connectors::CurlHttpClient> http_;
  Mailbox mailbox_;
  std::thread thread_;
  std::thread beats_;
  Mutex beats_mutex_;
  CondVar beats_due_;
  // When the first thread last came round, SinceBoot in milliseconds.
  std::atomic<int64_t> last_turn_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> may_join_{false};
  bool joined_ = false;  // the thread's own
  std::atomic<bool> draining_{false};
  std::atomic<bool> drained_{false};
  std::atomic<StreamPosition> configured_{0};
  std::shared_ptr<const ControlState> state_;  // the thread's own
  // By directory, the thread's own.
  std::map<std::string, std::unique_ptr<delivery::FollowedEvents>> events_;
  mutable Mutex mutex_;
  // Changed by the thread alone, under the lock; others read under it.
  std::map<std::string, App, std::less<>> apps_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
