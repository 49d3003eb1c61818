// The two clocks of the product, and the fake that tests drive.
#pragma once

#include "absl/time/time.h"

namespace purser {

// Thread-safe. Implementations: SystemClock(), FakeClock.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall-clock time; it may jump.
  virtual absl::Time Now() const = 0;

  // Time since the machine booted, suspended time included; it never goes back. Deadlines and
  // the 2 s between a `started` record and its call are measured on it.
  virtual absl::Duration SinceBoot() const = 0;
};

// CLOCK_REALTIME and CLOCK_BOOTTIME. Lives as long as the process.
const Clock& SystemClock();

// Stands still until told to move. Not thread-safe: for tests that drive one thread.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1'800'000'000)) : now_(start) {}

  absl::Time Now() const override { return now_; }
  absl::Duration SinceBoot() const override { return boot_; }

  // Moves both clocks forward.
  void Advance(absl::Duration step) {
    now_ += step;
    boot_ += step;
  }
  // Makes the wall clock leap, as an operator or NTP would.
  void SetNow(absl::Time now) { now_ = now; }

 private:
  absl::Time now_;
  absl::Duration boot_ = absl::Hours(1);
};

}  // namespace purser
