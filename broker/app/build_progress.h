// How far the read models of a starting node are: what it has still to fetch from the log and to
// fold, as of the start.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "broker/app/broker_host.h"
#include "broker/app/delivery_host.h"
#include "broker/base/clock.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/event_log.h"

namespace purser {

struct StreamProgress {
  StreamId stream;
  uint64_t read = 0;  // records fetched from a log elsewhere
  uint64_t to_read = 0;
  StreamPosition folded = 0;
  StreamPosition end = 0;
};

struct Progress {
  std::vector<StreamProgress> streams;
  double built = 0;  // 0 to 1
  // As it went so far; infinite where that says nothing.
  absl::Duration left = absl::InfiniteDuration();

  // For whoever asks why the node is not ready: a line in all, and one a stream that is not done.
  std::string ToString() const;
};

// Thread-safe. All that it is given outlives it.
class BuildProgress {
 public:
  BuildProgress(const EventLog* log, const BrokerHost* broker, const DeliveryHost* delivery,
                const Clock* clock)
      : log_(log), broker_(broker), delivery_(delivery), clock_(clock) {}

  // From the first call on.
  Progress Look() const;
  // All is there from now on, whatever comes to the log.
  void SetDone();

 private:
  void AddStream(const StreamId& stream, StreamPosition folded, Progress* progress) const;

  const EventLog* const log_;
  const BrokerHost* const broker_;
  const DeliveryHost* const delivery_;
  const Clock* const clock_;
  mutable Mutex mutex_;
  // When it was first asked, and what was done then.
  mutable absl::Duration began_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  mutable double built_then_ ABSL_GUARDED_BY(mutex_) = 0;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace purser
