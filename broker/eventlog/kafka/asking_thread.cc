#include "broker/eventlog/kafka/asking_thread.h"

#include <atomic>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/mailbox.h"

namespace purser {

struct AskingThread::Shared {
  Mailbox work;
  std::atomic<bool> stopping = false;
  std::atomic<bool> busy = false;
};

AskingThread::AskingThread() : shared_(std::make_shared<Shared>()) {
  std::promise<void> ended;
  ended_ = ended.get_future();
  thread_ = std::thread([shared = shared_, ended = std::move(ended)]() mutable {
    while (!shared->stopping) shared->work.RunOnce(absl::Seconds(1));
    shared.reset();
    ended.set_value();
  });
}

AskingThread::~AskingThread() {
  shared_->stopping = true;
  shared_->work.Wake();
  if (!shared_->busy ||
      ended_.wait_for(absl::ToChronoMilliseconds(patience_)) == std::future_status::ready) {
    thread_.join();
    return;
  }
  LogWarning("a thread hangs in the Kafka client; left behind");
  thread_.detach();
}

void AskingThread::Post(std::function<void()> work) {
  shared_->work.Post([shared = shared_.get(), work = std::move(work)] {
    shared->busy = true;  // before the look at `stopping`: who ends it looks the other way round
    if (!shared->stopping) work();
    shared->busy = false;
  });
}

}  // namespace purser
