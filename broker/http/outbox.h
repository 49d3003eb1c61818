// Answers on their way from any thread to the one thread that owns the connection.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "broker/base/mutex.h"
#include "broker/http/server.h"

namespace purser::http {

class Connection;

// An answer, or none where its Respond was dropped.
struct Answer {
  std::weak_ptr<Connection> connection;
  std::optional<Response> response;
};

// Thread-safe. Outlives its server as long as a Respond is held anywhere; what is put in after
// Close() is dropped.
class Outbox {
 public:
  // `wake` makes the owning thread call Take(); it runs under the lock, on the thread that puts the
  // first answer in.
  explicit Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Put(Answer answer);
  // Moves what is waiting into `answers`, which must be empty; its memory is used again.
  void Take(std::vector<Answer>* answers);
  void Close();

 private:
  Mutex mutex_;
  std::function<void()> wake_ ABSL_GUARDED_BY(mutex_);
  std::vector<Answer> answers_ ABSL_GUARDED_BY(mutex_);
};

// A Respond for the request that `connection` has just handed over: the first call puts the answer
// into `outbox`; if it is destroyed without a call, "no answer" goes there instead.
Respond MakeRespond(std::shared_ptr<Outbox> outbox, std::weak_ptr<Connection> connection);

}  // namespace purser::http
