// A few threads for work that must hold up neither the server's threads nor the directory's.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "broker/base/mutex.h"

namespace purser {

// Thread-safe. The destructor runs what has begun to its end and drops what has not.
class WorkThreads {
 public:
  WorkThreads(int threads, size_t max_waiting);
  ~WorkThreads();
  WorkThreads(const WorkThreads&) = delete;
  WorkThreads& operator=(const WorkThreads&) = delete;

  // False, and `work` dropped, where `max_waiting` wait already.
  bool Post(std::function<void()> work);

 private:
  void Run();
  // Empty once it is to stop.
  std::function<void()> Next();

  const size_t max_waiting_;
  Mutex mutex_;
  CondVar arrived_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace purser
