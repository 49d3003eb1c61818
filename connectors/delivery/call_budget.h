// How often an app may be called: `limits.calls_per_second`.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "connectors/api/http_client.h"

namespace purser::delivery {

// A token bucket that holds one second's worth of calls, and one at least: at 10 a second ten calls
// may go at once, then one every 100 ms; at 0.5 a second one, then one every 2 s.
//
// One thread; times are Clock::SinceBoot() and do not go back.
class CallBudget {
 public:
  // 0: no limit. A new rate begins with a full bucket.
  void Configure(double per_second);

  // The moment from which a call may be made, if none is spent before.
  absl::Duration ReadyAt() const { return spent_until_ - at_once_; }
  bool Ready(absl::Duration now) const { return ReadyAt() <= now; }
  // One call is made at `now`, ready or not: what was not there is owed, and later calls wait.
  void Spend(absl::Duration now);

 private:
  double per_second_ = 0;
  absl::Duration interval_;  // between calls
  absl::Duration at_once_;   // how far ahead may be spent
  absl::Duration spent_until_ = -absl::InfiniteDuration();
};

// Counts the requests of a connector: the first of each call was spent when the call was let go,
// the others (a read before a PUT, the second secret, Replicon's read-back) are owed.
//
// One thread. `next`, `budget` and `clock` outlive it.
class MeteredHttpClient : public connectors::HttpClient {
 public:
  MeteredHttpClient(connectors::HttpClient* next, CallBudget* budget, const Clock* clock)
      : next_(next), budget_(budget), clock_(clock) {}

  // Runs `call`, whose first request is spent already.
  void Run(const std::function<void()>& call) {
    spent_ = true;
    call();
    spent_ = false;
  }
  void Send(connectors::HttpRequest request, Done done) override {
    if (!std::exchange(spent_, false)) budget_->Spend(clock_->SinceBoot());
    ++*under_way_;
    next_->Send(std::move(request), [count = under_way_, done = std::move(done)](auto answer) {
      done(std::move(answer));
      --*count;
    });
  }
  // Requests that have no answer yet.
  int under_way() const { return *under_way_; }

 private:
  connectors::HttpClient* const next_;
  CallBudget* const budget_;
  const Clock* const clock_;
  bool spent_ = false;
  const std::shared_ptr<int> under_way_ = std::make_shared<int>(0);
};

}  // namespace purser::delivery
