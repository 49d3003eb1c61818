// Which lanes have something to do, and in which order.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
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
  bool urgent = false;   // what happened takes access away
  // The earliest position of the directory that it has not settled, and the same of what it is at
  // since it was taken; 0: none is known.
  StreamPosition since = 0;
  StreamPosition taken = 0;
  // The latest event about it that was followed, and the trace that it is in.
  StreamPosition traced_at = 0;
  std::string trace_parent;
  absl::Duration waiting_since = absl::InfiniteDuration();  // SinceBoot, as all of these
  // An operation of it is in doubt: nothing before then, whatever happens.
  absl::Duration settles_after = -absl::InfiniteDuration();
  // Its next try was set by an earlier process.
  absl::Duration not_before = -absl::InfiniteDuration();
  bool waits = false;  // rests because somebody else must act first: no backlog
  std::optional<absl::Duration> rests_until;
  absl::Duration in_doubt_since = absl::InfiniteDuration();
  int tries = 0;            // without a verdict, in a row
  bool conflicted = false;  // the app said that its name is taken
  // How it said so, or refused a member: for when the lane is parked for it.
  std::shared_ptr<const event::v1::Exchange> refusal;
  bool asked_remembered = false;  // then the account it had before was asked for
  bool tried_again = false;       // then, as none was found, another create was sent
  bool mended = false;            // an account came or went that its refusal may have been about
  bool read_after_404 = false;    // of a group: a 404 on its members was not the group's
  int waits_for_groups = 0;       // how often a delete let memberships go first
  int looks = 0;                  // at a name that is held
  std::set<std::string> jobs;

  // Of a group: members whose membership may differ; all of them where `all_members`.
  bool all_members = false;
  absl::btree_set<std::string> members;
  absl::btree_set<std::string> refused_members;  // alone, so they are the reason
  size_t chunk = 100;
};

// One thread. Leavers go before the others; of the others a lane that goes on and one that has not
// begun take turns, each first come, first served: what is begun is soon done, and a lane that
// never is keeps nobody waiting. A queue may name a lane that is no longer queued: only what the
// run says counts.
class LaneQueue {
 public:
  // The lane's run, made where there is none.
  LaneRun& Run(const std::string& id, event::v1::ResourceType type);
  LaneRun* Find(const std::string& id);

  // The lane has something to do now, or once it is no longer busy.
  void Wake(const std::string& id, bool urgent = false);
  // The lane rests until `until`.
  void Rest(const std::string& id, absl::Duration until);
  // Lanes that rested long enough join those that may go.
  void EndRests(absl::Duration now);
  // The next lane that may go; it is busy from then on.
  std::optional<std::string> Take();
  // Nothing is done with the lane until it is released; false where it is busy already. What it had
  // to do it has then.
  bool Hold(const std::string& id, event::v1::ResourceType type);
  // Its business is done: it goes on if something happened meanwhile, else it is forgotten unless
  // it rests.
  void Release(const std::string& id);

  // The next moment at which a resting lane may go.
  absl::Duration NextRest() const;
  // The earliest position that some lane has not settled; `otherwise` where there is none.
  StreamPosition OldestUnsettled(StreamPosition otherwise) const;

  size_t size() const { return runs_.size(); }
  bool empty() const { return runs_.empty(); }
  // Lanes that could go but have not been taken, and those that were.
  size_t pending() const { return pending_; }
  size_t busy() const { return busy_; }
  // Lanes with something to do, now or later, that depends on no other lane and nobody's help; and
  // since when the oldest of them has had it.
  size_t Backlog() const;
  std::optional<absl::Duration> OldestWait() const;

 private:
  void Enqueue(const std::string& id, LaneRun* run, std::deque<std::string>* queue);
  std::optional<std::string> TakeFrom(std::deque<std::string>* queue);
  static bool Waits(const LaneRun& run) { return run.waits && !run.queued && !run.busy; }

  absl::flat_hash_map<std::string, std::unique_ptr<LaneRun>> runs_;
  std::deque<std::string> urgent_;
  std::deque<std::string> ready_;
  std::deque<std::string> again_;  // went already, and go on
  bool again_next_ = true;         // whose turn it is
  std::multimap<absl::Duration, std::string> resting_;
  size_t pending_ = 0;
  size_t busy_ = 0;
};

}  // namespace purser::delivery
