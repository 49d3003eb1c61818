// A cluster in memory that several nodes share: one sequence of bytes a stream, and what is still
// on its way there. For tests and simulation.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/events/stream_id.h"

namespace purser {

// Events in the order of their time, then of their posting. Thread-safe.
class TimedQueue {
 public:
  void Post(absl::Duration at, std::function<void()> work);
  // Runs what is due at `now`, what that posts included; true if anything ran.
  bool RunDue(absl::Duration now);
  // Waits until something was posted or woken, or the real time `at_most` has passed.
  void Wait(absl::Duration at_most);
  void Wake();
  absl::Duration next_due() const;

 private:
  struct Event {
    absl::Duration at;
    uint64_t number;
    std::shared_ptr<std::function<void()>> work;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  mutable Mutex mutex_;
  CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::priority_queue<Event> events_ ABSL_GUARDED_BY(mutex_);
};

// Thread-safe. Outlives the transports that use it.
class MemoryCluster {
 public:
  // True if it was not there.
  bool Create(const StreamId& stream);
  bool Exists(const StreamId& stream) const;
  // Appends and tells the offset of the first. NotFound for a topic that is not there.
  absl::StatusOr<int64_t> Append(const StreamId& stream, const std::vector<std::string>& records);
  absl::StatusOr<Watermarks> GetWatermarks(const StreamId& stream) const;
  // Records from `from` on, at most `max`. OutOfRange before `low` or after `high`.
  absl::StatusOr<std::vector<CarriedRecord>> Read(const StreamId& stream, int64_t from,
                                                  size_t max) const;

  // What may befall a topic: everything from `end` on is lost; the records before `low` are
  // deleted; it is deleted, or deleted and made anew.
  void Truncate(const StreamId& stream, int64_t end);
  void DeleteBefore(const StreamId& stream, int64_t low);
  void Delete(const StreamId& stream);
  void Recreate(const StreamId& stream);

  // Every byte string of the stream, in order: what a reader who trusts nobody judges.
  std::vector<std::string> Records(const StreamId& stream) const;

  // What is on its way to the cluster, whoever sent it; run by the nodes and by the test.
  TimedQueue& in_flight() { return in_flight_; }

  // Calls `appended` after each append, until the returned token dies.
  using AppendedFn = std::function<void(const StreamId&)>;
  std::shared_ptr<AppendedFn> Watch(AppendedFn appended);

 private:
  struct Topic {
    int64_t low = 0;
    std::vector<std::string> records;  // from offset 0; those before `low` are not shown
  };
  mutable Mutex mutex_;
  absl::flat_hash_map<StreamId, Topic> topics_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<AppendedFn>> watchers_ ABSL_GUARDED_BY(mutex_);
  TimedQueue in_flight_;
};

}  // namespace purser
