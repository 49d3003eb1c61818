#include "broker/http/outbox.h"

#include <atomic>
#include <utility>

namespace purser::http {
namespace {

// What all copies of one Respond share.
class Pending {
 public:
  Pending(std::shared_ptr<Outbox> outbox, std::weak_ptr<Connection> connection)
      : outbox_(std::move(outbox)), connection_(std::move(connection)) {}
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() { Settle(std::nullopt); }

  void Settle(std::optional<Response> response) {
    if (settled_.exchange(true)) return;
    outbox_->Put({std::move(connection_), std::move(response)});
  }

 private:
  std::atomic<bool> settled_ = false;
  const std::shared_ptr<Outbox> outbox_;
  std::weak_ptr<Connection> connection_;
};

}  // namespace

void Outbox::Put(Answer answer) {
  MutexLock lock(&mutex_);
  if (wake_ == nullptr) return;
  answers_.push_back(std::move(answer));
  if (answers_.size() == 1) wake_();
}

void Outbox::Take(std::vector<Answer>* answers) {
  MutexLock lock(&mutex_);
  answers_.swap(*answers);
}

void Outbox::Close() {
  MutexLock lock(&mutex_);
  wake_ = nullptr;
  answers_.clear();
}

Respond MakeRespond(std::shared_ptr<Outbox> outbox, std::weak_ptr<Connection> connection) {
  auto pending = std::make_shared<Pending>(std::move(outbox), std::move(connection));
  return [pending](Response response) { pending->Settle(std::move(response)); };
}

}  // namespace purser::http
