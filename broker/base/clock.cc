#include "broker/base/clock.h"

#include <ctime>

namespace purser {
namespace {

absl::Duration Read(clockid_t id) {
  timespec ts;
  clock_gettime(id, &ts);
  return absl::DurationFromTimespec(ts);
}

class RealClock : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + Read(CLOCK_REALTIME); }
  absl::Duration SinceBoot() const override { return Read(CLOCK_BOOTTIME); }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

}  // namespace purser
