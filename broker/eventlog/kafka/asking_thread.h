// A thread that does one thing after the other, and can be left behind where it hangs in one.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "absl/time/time.h"

namespace purser {

class AskingThread {
 public:
  AskingThread();
  // Drops what is waiting, and waits for what is being done: at most `kPatience`, then it is left
  // to itself. So what was posted holds on to all that it uses.
  ~AskingThread();
  AskingThread(const AskingThread&) = delete;
  AskingThread& operator=(const AskingThread&) = delete;

  void Post(std::function<void()> work);

  static constexpr absl::Duration kPatience = absl::Seconds(10);

  // Its end will not wait for what is being done.
  void Abandon() { patience_ = absl::ZeroDuration(); }

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  absl::Duration patience_ = kPatience;
  std::future<void> ended_;
  std::thread thread_;
};

}  // namespace purser
