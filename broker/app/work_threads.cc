#include "broker/app/work_threads.h"

#include <utility>

namespace purser {

WorkThreads::WorkThreads(int threads, size_t max_waiting) : max_waiting_(max_waiting) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WorkThreads::~WorkThreads() {
  {
    MutexLock lock(&mutex_);
    stop_ = true;
    arrived_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

bool WorkThreads::Post(std::function<void()> work) {
  MutexLock lock(&mutex_);
  if (stop_ || waiting_.size() >= max_waiting_) return false;
  waiting_.push_back(std::move(work));
  arrived_.NotifyOne();
  return true;
}

void WorkThreads::Run() {
  while (const std::function<void()> work = Next()) work();
}

std::function<void()> WorkThreads::Next() {
  MutexLock lock(&mutex_);
  while (!stop_ && waiting_.empty()) arrived_.WaitFor(&mutex_, absl::Seconds(60));
  if (stop_) return nullptr;
  std::function<void()> work = std::move(waiting_.front());
  waiting_.pop_front();
  return work;
}

}  // namespace purser
