#include "connectors/delivery/app_health.h"

#include <algorithm>

namespace purser::delivery {
namespace {

constexpr size_t kResourcesWithoutVerdict = 5;
// A Check that passed this recently still speaks for the app.
constexpr absl::Duration kCheckFresh = absl::Seconds(5);

absl::Duration Doubled(absl::Duration first, int times, absl::Duration most) {
  return std::min(most, first * static_cast<double>(1 << std::min(times, 20)));
}

}  // namespace

void AppHealth::Reconfigure(bool with_password, absl::Duration now) {
  with_password_ = with_password;
  if (state_ == State::kCredentials) next_probe_ = now;
}

void AppHealth::Resume(State state, bool not_configured, const std::string& trouble,
                       absl::Duration now) {
  state_ = state;
  not_configured_ = not_configured;
  trouble_ = trouble;
  next_probe_ = now;
}

int AppHealth::AllowedCalls(absl::Duration now, int limit) const {
  if (now < throttled_until_) return 0;
  switch (state_) {
    case State::kClosed:
      return limit;
    case State::kTrial:
      return now < next_trial_ ? 0 : 1;
    case State::kOpen:
    case State::kCredentials:
      return 0;
  }
  return 0;
}

bool AppHealth::WantsCheck(absl::Duration now) const {
  if (check_under_way_ || now < throttled_until_) return false;
  return check_wanted_ || now >= next_probe_;
}

void AppHealth::BeginCheck() {
  check_wanted_ = false;
  check_under_way_ = true;
}

bool AppHealth::OnCheck(const connectors::Result& result, absl::Duration now) {
  check_under_way_ = false;
  const State before = state_;
  if (result.verdict == connectors::Verdict::kThrottled) {
    OnThrottled(result, now);
    check_wanted_ = true;
    return false;
  }
  if (result.verdict == connectors::Verdict::kUnauthenticated) {
    OnUnauthenticated(result, now);
    return before != state_;
  }
  if (!result.ok()) {
    // Refused credentials stay so while the app is down; what was not there was there to be sent.
    const bool refused = state_ == State::kCredentials && !not_configured_;
    Open(refused ? state_ : State::kOpen, result.message, now);
    return before != state_;
  }
  last_good_check_ = now;
  probes_ = 0;
  next_probe_ = absl::InfiniteDuration();
  const bool suspect = without_verdict_.size() >= kResourcesWithoutVerdict;
  state_ = suspect ? State::kTrial : State::kClosed;
  trouble_ = suspect ? "the app answers a check, but gives no verdict on any resource" : "";
  return before != state_;
}

bool AppHealth::OnSuccess() {
  without_verdict_.clear();
  throttles_ = 0;
  if (state_ != State::kTrial) return false;
  state_ = State::kClosed;
  trouble_.clear();
  return true;
}

void AppHealth::OnNoVerdict(const std::string& resource_id, absl::Duration now) {
  if (without_verdict_.size() < kResourcesWithoutVerdict) without_verdict_.insert(resource_id);
  if (state_ == State::kTrial) next_trial_ = now + ProbeDelay();
  if (state_ == State::kClosed) AskForCheck(now);
  if (state_ == State::kClosed && without_verdict_.size() >= kResourcesWithoutVerdict) {
    check_wanted_ = !check_under_way_;
  }
}

// A refusal is a verdict: in a trial it speaks for the app.
void AppHealth::OnRefused(absl::Duration now) {
  if (state_ == State::kTrial) OnSuccess();
  AskForCheck(now);
}

void AppHealth::AskForCheck(absl::Duration now) {
  if (!check_under_way_ && now - last_good_check_ > kCheckFresh) check_wanted_ = true;
}

void AppHealth::OnThrottled(const connectors::Result& result, absl::Duration now) {
  const absl::Duration pause =
      result.retry_after.value_or(Doubled(absl::Seconds(1), throttles_++, absl::Seconds(60)));
  throttled_until_ = std::max(throttled_until_, now + pause);
}

void AppHealth::OnUnauthenticated(const connectors::Result& result, absl::Duration now) {
  not_configured_ = result.not_configured;
  Open(State::kCredentials, result.message, now);
}

void AppHealth::Open(State state, const std::string& trouble, absl::Duration now) {
  if (state_ != state) probes_ = 0;
  state_ = state;
  trouble_ = trouble;
  next_probe_ = now + ProbeDelay();
}

absl::Duration AppHealth::ProbeDelay() {
  const bool seldom = with_password_ && state_ == State::kCredentials;
  return seldom ? Doubled(absl::Minutes(1), probes_++, absl::Minutes(15))
                : Doubled(absl::Seconds(5), probes_++, absl::Seconds(60));
}

absl::Duration AppHealth::NextChange(absl::Duration now) const {
  if (throttled_until_ > now) return throttled_until_;
  if (state_ == State::kTrial && next_trial_ > now) return next_trial_;
  if (check_under_way_) return absl::InfiniteDuration();
  return check_wanted_ ? now : next_probe_;
}

}  // namespace purser::delivery
