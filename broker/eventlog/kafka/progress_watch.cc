#include "broker/eventlog/kafka/progress_watch.h"

#include <algorithm>

namespace purser {

void ProgressWatch::Begin(absl::Duration now, int count) {
  MutexLock lock(&mutex_);
  // An old failure says nothing of what is asked now.
  const bool anew = under_way_ == 0 && now - last_begun_ >= patience_;
  if (anew || since_ == absl::InfiniteDuration()) since_ = now;
  under_way_ += count;
  last_begun_ = now;
}

void ProgressWatch::End(absl::Duration now, bool progress) {
  MutexLock lock(&mutex_);
  --under_way_;
  if (progress) since_ = under_way_ > 0 ? now : absl::InfiniteDuration();
}

bool ProgressWatch::IsStuck(absl::Duration now) const {
  MutexLock lock(&mutex_);
  const bool asked = under_way_ > 0 || now - last_begun_ < patience_;
  return asked && now - since_ >= patience_;
}

}  // namespace purser
