// Whose fault is it, the app's or the resource's? And may a call be made now?
#pragma once

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/random/random.h"
#include "absl/time/time.h"
#include "connectors/api/connector.h"

namespace purser::delivery {

// Driven by one thread; times are Clock::SinceBoot().
//
// The app is at fault if Check fails too or, Check passing, five different resources in a row got
// no verdict with no success between: then the breaker opens and everything waits. Throttling is
// the app's. Refused credentials pause it.
class AppHealth {
 public:
  enum class State {
    kClosed,       // calls go out
    kOpen,         // nothing goes out but Check
    kTrial,        // Check passes, resources get no verdict: one lane at a time
    kCredentials,  // refused or not there: nothing goes out but Check, seldom
  };

  // `with_password`: probes are rare, as accounts get locked.
  explicit AppHealth(bool with_password) : with_password_(with_password) {}

  // The app is configured anew: refused credentials are tried at once.
  void Reconfigure(bool with_password, absl::Duration now);
  // An earlier process left the app in `state`: nothing goes out before a Check.
  void Resume(State state, bool not_configured, const std::string& trouble, absl::Duration now);

  State state() const { return state_; }
  const std::string& trouble() const { return trouble_; }
  // In kCredentials: they are not refused, but the configuration refers to what is not there.
  bool not_configured() const { return not_configured_; }
  // True while a resource's failure waits to know whether the app is at fault.
  bool asking() const { return check_wanted_ || check_under_way_; }

  // How many calls may be under way; `limit` while the app is well.
  int AllowedCalls(absl::Duration now, int limit) const;

  // True where Check should be called now; call BeginCheck() then.
  bool WantsCheck(absl::Duration now) const;
  void BeginCheck();
  // True where the state changed.
  bool OnCheck(const connectors::Result& result, absl::Duration now);

  // A call of that resource ended. Each may ask for a Check.
  bool OnSuccess();
  void OnNoVerdict(const std::string& resource_id, absl::Duration now);
  void OnRefused(absl::Duration now);
  void OnThrottled(const connectors::Result& result, absl::Duration now);
  void OnUnauthenticated(const connectors::Result& result, absl::Duration now);

  // The secret changed: probe at once.
  void ProbeNow(absl::Duration now) { next_probe_ = now; }
  // The next moment at which AllowedCalls() or WantsCheck() may change by itself.
  absl::Duration NextChange(absl::Duration now) const;

 private:
  void Open(State state, const std::string& trouble, absl::Duration now);
  void AskForCheck(absl::Duration now);
  absl::Duration ProbeDelay();

  bool with_password_;
  State state_ = State::kClosed;
  std::string trouble_;
  bool not_configured_ = false;
  bool check_wanted_ = false;
  bool check_under_way_ = false;
  absl::Duration last_good_check_ = -absl::InfiniteDuration();
  absl::Duration next_probe_ = absl::InfiniteDuration();
  absl::Duration throttled_until_ = -absl::InfiniteDuration();
  absl::Duration next_trial_ = -absl::InfiniteDuration();
  int probes_ = 0;
  int throttles_ = 0;
  absl::flat_hash_set<std::string> without_verdict_;  // since the last success
};

}  // namespace purser::delivery
