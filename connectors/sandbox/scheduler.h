// Later, without a thread that waits.
#pragma once

#include <functional>

#include "absl/time/time.h"

namespace purser::sandbox {

// Thread-safe. Implementations: TimerThread; tests drive one of their own.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Runs `work` once `delay` has passed; work still waiting when the scheduler goes is dropped.
  virtual void After(absl::Duration delay, std::function<void()> work) = 0;
};

}  // namespace purser::sandbox
