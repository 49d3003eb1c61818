// What this node may do of that which one node at a time does: deliver to an app, push a
// directory's events.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/metrics.h"
#include "broker/base/mutex.h"
#include "broker/cluster/live_nodes.h"
#include "broker/eventlog/event_log.h"

namespace purser {

// Who has it, by the stream that says so; all empty where nobody ever had.
struct Holder {
  std::string node_id;
  std::string boot_id;
  bool released = true;
};

// RunOnce() is driven by one thread; the rest is for any.
class Membership {
 public:
  enum class Role {
    kAlone,      // nobody else shares the log: all is this node's
    kMember,     // sends heartbeats, and shares with those who do
    kBystander,  // takes nothing
  };
  struct Options {
    Role role = Role::kAlone;
    std::string node_id;             // this data folder's, kept over restarts
    std::string boot_id;             // minted anew at each start
    std::vector<std::string> parts;  // what its heartbeats tell of it
    std::string version;             // of the program; told too
    EventLog* log = nullptr;
    const Clock* clock = nullptr;
    MetricsRegistry* metrics = nullptr;  // null: none are kept
  };

  // What `options` points to outlives it. A member opens the stream of heartbeats.
  explicit Membership(Options options);

  // From now on this node could deliver, and says so.
  void Join() { joined_ = true; }
  // It takes nothing more and hands over what it has; the others are told at once.
  void Leave();

  // Hears what is new, and sends a heartbeat every 2 s; true if anything was done.
  bool RunOnce();
  // The log has heartbeats that were not read yet.
  void NewRecords() { news_ = true; }

  // Whether `thing`, a stream's text, is this node's to do. Who has it and finds that it is not
  // hands it over.
  bool IsMine(const std::string& thing) const;
  // Whether this node may take it from `holder`: it is this node's to do, and nobody has it, or who
  // has it is gone or was an earlier life of this node.
  bool MayTake(const std::string& thing, const Holder& holder);

  // The nodes that could deliver now, this one first. FailedPrecondition where it cannot tell: a
  // bystander hears nobody.
  absl::StatusOr<std::vector<NodeInfo>> Nodes() const;

  Role role() const { return options_.role; }
  const std::string& node_id() const { return options_.node_id; }
  const std::string& boot_id() const { return options_.boot_id; }

 private:
  void OpenStream();
  bool HearNew();
  void Beat(bool leaving);
  void NoteLive();

  const Options options_;
  std::atomic<bool> news_{true};
  std::atomic<bool> joined_{false};
  std::atomic<bool> left_{false};
  // Set by the log's thread, which may outlive this.
  enum class Opening { kUnderWay, kFailed, kOpen };
  const std::shared_ptr<std::atomic<Opening>> opening_ =
      std::make_shared<std::atomic<Opening>>(Opening::kUnderWay);

  // Of the thread that drives.
  StreamPosition heard_ = 0;
  absl::Duration next_beat_ = absl::ZeroDuration();  // SinceBoot
  absl::Duration open_again_ = absl::ZeroDuration();
  std::shared_ptr<Gauge> live_gauge_;

  mutable Mutex mutex_;
  LiveNodes nodes_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> live_ ABSL_GUARDED_BY(mutex_);
  // Of `live_`: what was asked for since it last changed.
  mutable std::map<std::string, bool> mine_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
