// The broker's half at work: one thread drives the control stream and every directory, another the
// log, so that a group is decided while the one before it is committed.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/auth/token_table.h"
#include "broker/base/clock.h"
#include "broker/base/mailbox.h"
#include "broker/base/metrics.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/frontdoor/directory_service.h"
#include "broker/projections/control_state.h"

namespace purser {

// Start() and WaitCurrent() block. Everything else is for any thread.
//
// Both ask the log again and again where it is out of reach, which the process's log tells, for as
// long as `wait_on`, asked now and then, says so.
class BrokerHost {
 public:
  struct Options {
    EventLog* log = nullptr;
    std::string folder;  // of the read models
    const Clock* clock = nullptr;
    MetricsRegistry* metrics = nullptr;
    auth::TokenTable* tokens = nullptr;
    // On the broker's thread: the configuration changed, or is there for the first time.
    std::function<void(std::shared_ptr<const ControlState>)> on_configuration;
    // On the log's thread: a stream that is not the broker's has new records.
    std::function<void(const StreamId&)> on_records;
    // On the broker's thread: the directory's fold has come further.
    std::function<void(const std::string& directory_id)> on_folded;
  };

  explicit BrokerHost(Options options);
  ~BrokerHost();

  // Folds the control stream to its end.
  absl::Status Start(const std::function<bool()>& wait_on);
  // Ends the threads; unsettled requests are dropped unanswered.
  void Stop();

  const ControlProjection& control() const { return control_; }

  // nullptr while there is no such directory, or it is not open yet.
  DirectoryService* Directory(const std::string& id) const;
  DirectoryService* DirectoryByName(const std::string& name) const;
  // Why that gave nullptr to a request with this Authorization header: Unavailable while it is
  // being opened. Unauthenticated for all without a token of it: they learn nothing of which there
  // are.
  absl::Status WhyNotServed(const std::string& name, absl::string_view authorization) const;

  // Appends to the control stream or to a directory's; one control write at a time, so that each is
  // decided on the committed state.
  void SubmitControl(WriteRequest request);

  // Waits until the fold of every directory has reached the end of the log as of the call.
  absl::Status WaitCurrent(const std::function<bool()>& wait_on);

 private:
  absl::StatusOr<Head> OpenControl(const std::function<bool()>& wait_on);
  absl::StatusOr<DirectoryService*> WaitOpen(const std::string& id,
                                             const std::function<bool()>& wait_on);
  absl::Status WaitCurrent(DirectoryService* directory, const std::function<bool()>& wait_on);
  void Run();
  void RunLog();
  void RunOnce(absl::Duration max_wait);
  void OnRecords(const StreamId& stream);
  void FollowControl();
  void PutTokens(const ControlState& state);
  void OpenDirectory(const DirectoryEntry& entry);
  void OnDirectoryOpen(const std::string& id, const absl::StatusOr<Head>& head);
  void FollowFolds();
  void NextControlWrite();

  const Options options_;
  ControlProjection control_;
  std::unique_ptr<StreamWriter> control_writer_;
  StreamPosition configured_ = 0;
  bool configured_once_ = false;
  Mailbox mailbox_;  // of the broker's thread
  std::thread thread_;
  std::thread log_thread_;
  std::atomic<bool> stop_{false};

  mutable Mutex mutex_;
  std::map<std::string, std::unique_ptr<DirectoryService>> directories_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> opening_;  // the broker's thread's own
  std::map<std::string, StreamPosition> told_;
  std::deque<WriteRequest> control_writes_ ABSL_GUARDED_BY(mutex_);
  bool control_writing_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace purser
