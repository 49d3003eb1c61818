// The feeds of all directories at work: one thread drives them, and the HTTP client that pushes.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/mailbox.h"
#include "broker/base/metrics.h"
#include "broker/base/mutex.h"
#include "broker/cluster/membership.h"
#include "broker/crypto/signing_key.h"
#include "broker/eventlog/event_log.h"
#include "broker/feed/directory_feeds.h"
#include "broker/frontdoor/directory_service.h"
#include "broker/frontdoor/scim_request.h"
#include "broker/projections/control_state.h"
#include "connectors/http/curl_http_client.h"

namespace purser {

// All but Start() and Stop() is for any thread.
class FeedHost {
 public:
  struct Options {
    EventLog* log = nullptr;
    std::string folder;           // of the read models
    Membership* nodes = nullptr;  // which of them pushes
    const Clock* clock = nullptr;
    IdSource* ids = nullptr;
    MetricsRegistry* metrics = nullptr;
    // nullptr while the directory is not open.
    std::function<DirectoryService*(const std::string& directory_id)> directory;
    // A PEM that signs where a directory names no key; empty: none.
    std::string dev_key;
  };

  explicit FeedHost(Options options);
  ~FeedHost();

  absl::Status Start();
  // Answers the polls that wait, and takes no more; pushes nothing more.
  void BeginStop();
  // Waits at most `drain` for what is being pushed, so that another node goes on where it ends.
  void Stop(absl::Duration drain);

  void Configure(std::shared_ptr<const ControlState> state);
  void NewRecords(const StreamId& stream);
  // Some directory has new records.
  void DirectoryMoved();

  // A request below a directory's "/Feeds".
  void Handle(const ScimRequestPtr& request);
  // The keys that verify a directory's events (RFC 7517); nothing where it has none.
  std::optional<std::string> PublicKeys(const std::string& directory_id) const;

 private:
  struct Directory {
    DirectoryEntry entry;
    bool opening = false;
    std::unique_ptr<feed::DirectoryFeeds> feeds;  // nullptr while it has none, or they are not open
  };

  void Run();
  absl::Duration RunFeeds();
  void ConfigureHere(const ControlState& state);
  void OpenMissing();
  void OnOpen(const std::string& id, const absl::Status& opened);
  void ConfigureFeeds(Directory* directory);
  std::shared_ptr<const SigningKey> ReadKeys(const DirectoryEntry& entry);
  void Post(std::function<void()> work);
  void Push(feed::PushRequest request, std::function<void(feed::PushAnswer)> done);
  void HandleHere(const ScimRequestPtr& request);

  const Options options_;
  std::unique_ptr<connectors::CurlHttpClient> http_;
  Mailbox mailbox_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> drained_{false};
  std::atomic<bool> moved_{false};  // some directory has

  // The thread's own.
  std::map<std::string, Directory> directories_;
  bool ending_ = false;

  mutable Mutex mutex_;
  std::map<std::string, std::string> published_ ABSL_GUARDED_BY(mutex_);  // JWK sets
};

}  // namespace purser
