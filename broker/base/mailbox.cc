#include "broker/base/mailbox.h"

#include <utility>

namespace purser {

void Mailbox::Post(std::function<void()> work) {
  MutexLock lock(&mutex_);
  posted_.push_back(std::move(work));
  arrived_.NotifyOne();
}

bool Mailbox::RunOnce(absl::Duration max_wait) {
  std::vector<std::function<void()>> batch;
  {
    MutexLock lock(&mutex_);
    if (posted_.empty() && !woken_ && max_wait > absl::ZeroDuration()) {
      arrived_.WaitFor(&mutex_, max_wait);
    }
    woken_ = false;
    batch.swap(posted_);
  }
  for (auto& work : batch) work();
  return !batch.empty();
}

void Mailbox::Wake() {
  MutexLock lock(&mutex_);
  woken_ = true;
  arrived_.NotifyOne();
}

}  // namespace purser
