// Which lanes have something to do, and in which order.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "broker/events/record.h"
#include "purser/event/v1/delivery.pb.h"

namespace purser::delivery {

// What is in memory of one lane while it has something to do; what must outlive the process is in
// the app's stream.
struct LaneRun {
  event::v1::ResourceType type = event::v1::USER;
  bool queued = false;
  bool busy = false;     // a read, a call or a record of it is under way: one at a time
  bool changed = false;  // something happened since it was last planned
  // The earliest position of the directory that it has not settled; 0: none is known.
  StreamPosition since = 0;
  StreamPosition latest = 0;     // the newest event that touched it
  absl::Duration waiting_since;  // SinceBoot
  std::optional<absl::Duration> rests_until;
  absl::Duration in_doubt_since = absl::InfiniteDuration();
  int tries = 0;            // without a verdict, in a row
  bool conflicted = false;  // the app said that its name is taken
  std::set<std::string> jobs;

  // Of a group: members whose membership may differ; all of them where `all_members`.
  bool all_members = false;
  absl::flat_hash_set<std::string> members;
  absl::flat_hash_set<std::string> refused_members;  // alone, so they are the reason
  size_t chunk = 100;
};

// One thread. First come, first served; leavers before the others.
class LaneQueue {
 public:
  // The lane's run, made where there is none.
  LaneRun& Run(const std::string& id, event::v1::ResourceType type);
  LaneRun* Find(const std::string& id);

  // The lane has something to do now, or once it is no longer busy.
  void Wake(const std::string& id, bool urgent = false);
  // The lane rests until `until`.
  void Rest(const std::string& id, absl::Duration until);
  // The next lane that may go; it is busy from then on. Lanes that rested long enough join.
  std::optional<std::string> Take(absl::Duration now);
  // Its business is done: it goes on if something happened meanwhile, else it is forgotten unless
  // it rests.
  void Release(const std::string& id);

  // The next moment at which a resting lane may go.
  absl::Duration NextRest() const;
  // The earliest position that some lane has not settled; `otherwise` where there is none.
  StreamPosition OldestUnsettled(StreamPosition otherwise) const;

  size_t size() const { return runs_.size(); }
  bool empty() const { return runs_.empty(); }
  // Lanes that could go but have not been taken, those that were, and since when the oldest waits.
  size_t pending() const { return pending_; }
  size_t busy() const { return busy_; }
  std::optional<absl::Duration> OldestWait() const;

 private:
  void Enqueue(const std::string& id, LaneRun* run, bool urgent);

  absl::flat_hash_map<std::string, std::unique_ptr<LaneRun>> runs_;
  std::deque<std::string> urgent_;
  std::deque<std::string> ready_;
  std::multimap<absl::Duration, std::string> resting_;
  size_t pending_ = 0;
  size_t busy_ = 0;
};

}  // namespace purser::delivery
