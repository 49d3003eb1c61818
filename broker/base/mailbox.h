// Work handed from any thread to the one thread that drives a part.
#pragma once

#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "broker/base/mutex.h"

namespace purser {

// Post() is for any thread; RunOnce() for the owner's alone. Closures run in the order posted.
class Mailbox {
 public:
  void Post(std::function<void()> work);

  // Runs all that was posted before the call, waiting at most `max_wait` for the first; true if
  // anything ran.
  bool RunOnce(absl::Duration max_wait);

  // Ends a wait in RunOnce() without posting anything.
  void Wake();

 private:
  Mutex mutex_;
  CondVar arrived_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::function<void()>> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
