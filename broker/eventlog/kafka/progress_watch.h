// Tells whether what was begun gets anywhere: librdkafka 2.0.2 has bugs that leave a handle silent
// for good, and the cure is a new one.
#pragma once

#include "absl/time/time.h"
#include "broker/base/mutex.h"

namespace purser {

// Thread-safe. Moments are times since boot, and never go back by much.
class ProgressWatch {
 public:
  explicit ProgressWatch(absl::Duration patience) : patience_(patience) {}

  void Begin(absl::Duration now, int count = 1);
  // One of them ended; `progress` unless it was given up.
  void End(absl::Duration now, bool progress = true);

  // Something was asked for, again and again or once, and for `patience` nothing came of any of it.
  bool IsStuck(absl::Duration now) const;

 private:
  const absl::Duration patience_;
  mutable Mutex mutex_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration last_begun_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  // Since when nothing came, though asked for.
  absl::Duration since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
};

}  // namespace purser
