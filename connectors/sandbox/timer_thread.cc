#include "connectors/sandbox/timer_thread.h"

#include <vector>

#include "broker/base/clock.h"

namespace purser::sandbox {

TimerThread::TimerThread() : thread_([this] { Run(); }) {}

TimerThread::~TimerThread() { Stop(); }

void TimerThread::After(absl::Duration delay, std::function<void()> work) {
  const absl::Duration due = SystemClock().SinceBoot() + delay;
  MutexLock lock(&mutex_);
  if (stopping_) return;
  waiting_.emplace(std::make_pair(due, next_++), std::move(work));
  changed_.NotifyOne();
}

void TimerThread::Stop() {
  decltype(waiting_) dropped;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

void TimerThread::Run() {
  std::vector<std::function<void()>> due;
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      const absl::Duration now = SystemClock().SinceBoot();
      while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
        due.push_back(std::move(waiting_.begin()->second));
        waiting_.erase(waiting_.begin());
      }
      if (due.empty()) {
        const absl::Duration wait =
            waiting_.empty() ? absl::Hours(1) : waiting_.begin()->first.first - now;
        changed_.WaitFor(&mutex_, wait);
        continue;
      }
    }
    for (auto& work : due) work();
    due.clear();
  }
}

}  // namespace purser::sandbox
