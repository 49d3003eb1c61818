// One thread that runs what is due: thousands of calls can wait at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "broker/base/mutex.h"
#include "connectors/sandbox/scheduler.h"

namespace purser::sandbox {

// Owns its thread (an adapter).
class TimerThread : public Scheduler {
 public:
  TimerThread();
  // Drops what is still waiting.
  ~TimerThread() override;

  void After(absl::Duration delay, std::function<void()> work) override;
  // Drops what is waiting and takes no more; joins the thread.
  void Stop();

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  // By the time since boot at which it is due, then in the order given.
  std::map<std::pair<absl::Duration, uint64_t>, std::function<void()>> waiting_
      ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace purser::sandbox
