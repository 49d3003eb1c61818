#include "connectors/delivery/call_budget.h"

#include <algorithm>

namespace purser::delivery {

void CallBudget::Configure(double per_second) {
  if (per_second == per_second_) return;
  per_second_ = per_second;
  interval_ = per_second > 0 ? absl::Seconds(1) / per_second : absl::ZeroDuration();
  at_once_ = std::max(absl::ZeroDuration(), absl::Seconds(1) - interval_);
  spent_until_ = -absl::InfiniteDuration();
}

void CallBudget::Spend(absl::Duration now) {
  spent_until_ = std::max(spent_until_, now) + interval_;
}

}  // namespace purser::delivery
