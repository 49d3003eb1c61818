#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/eventlog/fold.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
namespace {

using connectors::RemoteResource;
using connectors::Result;
using connectors::Verdict;
using event::v1::Outcome;

constexpr int kRefusalsUntilParked = 3;
constexpr int kTriesUntilParked = 10;
constexpr size_t kMembersAtOnce = 100;

connectors::ResourceType TypeOf(event::v1::ResourceType type) {
  return type == event::v1::GROUP ? connectors::ResourceType::kGroup
                                  : connectors::ResourceType::kUser;
}

connectors::Changes ChangesOf(const ValueChanges& values, const Wanted& wanted) {
  connectors::Changes changes;
  changes.wanted = wanted.mapped.values;
  for (const auto& [target, value] : values.set.items()) {
    changes.set[target] = value;
    changes.wanted[target] = value;
  }
  changes.clear = values.clear;
  for (const std::string& target : values.clear) changes.wanted.erase(target);
  return changes;
}

// The app answered, and said no to this resource.
bool IsRefusal(Verdict verdict) {
  return verdict == Verdict::kRefused || verdict == Verdict::kConflict ||
         verdict == Verdict::kPrecondition || verdict == Verdict::kUnsupported ||
         verdict == Verdict::kNotFound;
}

std::string VerbOf(event::v1::OperationKind kind) {
  return absl::AsciiStrToLower(event::v1::OperationKind_Name(kind));
}

}  // namespace

void AppWorker::BeginCalling(const AttemptPtr& attempt) {
  if (attempt->calls) return;
  EndCalling(attempt);
  attempt->calls = true;
  ++calls_;
}

void AppWorker::BeginStarting(const AttemptPtr& attempt) {
  EndCalling(attempt);
  attempt->starts = true;
  ++starting_;
}

void AppWorker::EndCalling(const AttemptPtr& attempt) {
  calls_ -= std::exchange(attempt->calls, false) ? 1 : 0;
  starting_ -= std::exchange(attempt->starts, false) ? 1 : 0;
}

void AppWorker::Execute(const AttemptPtr& attempt) {
  calls_counter_->Add();
  BeginCalling(attempt);
  attempt->called_at = options_.clock->SinceBoot();
  const connectors::WriteDone done = [this, attempt, gone = gone_](const Result& result,
                                                                   RemoteResource account) {
    if (*gone) return;
    EndCall(attempt.get(), result);
    OnWritten(attempt, result, account);
  };
  const connectors::Call call = BeginCall(attempt.get(), VerbOf(attempt->operation.kind()));
  const std::string& remote_id = attempt->operation.link().remote_id();
  const connectors::ResourceType type = TypeOf(attempt->type);
  const connectors::Changes changes = ChangesOf(attempt->changes, attempt->wanted);
  connectors::MemberChanges members;
  switch (attempt->operation.kind()) {
    case event::v1::CREATE:
      connector_->Create(type, changes.set, call, done);
      return;
    case event::v1::DISABLE:
      connector_->SetActive(remote_id, false, call, done);
      return;
    case event::v1::DELETE:
      connector_->Delete(type, remote_id, call, done);
      return;
    case event::v1::ADD_MEMBERS:
    case event::v1::REMOVE_MEMBERS:
      for (const auto& member : attempt->operation.members()) {
        (attempt->operation.kind() == event::v1::ADD_MEMBERS ? members.add : members.remove)
            .push_back(member.remote_id());
      }
      connector_->ChangeMembers(remote_id, members, call, done);
      return;
    default:
      connector_->Update(type, remote_id, changes, call, done);
      return;
  }
}

void AppWorker::OnWritten(const AttemptPtr& attempt, const Result& result,
                          const RemoteResource& account) {
  const event::v1::OperationKind kind = attempt->operation.kind();
  const absl::Duration took = options_.clock->SinceBoot() - attempt->called_at;
  call_time_ += (took - call_time_) / 10;
  if (result.ok()) EndCalling(attempt);
  switch (result.verdict) {
    case Verdict::kDone:
      OnEffect(attempt, result, account);
      return;
    case Verdict::kNotFound:
      if (attempt->operation.members_size() > 0) {
        OnMembers404(attempt, result);
      } else {
        kind == event::v1::CREATE ? OnFailure(attempt, result) : OnGone(attempt);
      }
      return;
    case Verdict::kConflict:
      OnConflict(attempt, result);
      return;
    case Verdict::kUnsupported:
      if (kind == event::v1::DELETE) {
        // No DELETE here: access is taken away by a disable instead.
        deletes_refused_.insert(attempt->type);
        Outcome outcome = OutcomeOf(*attempt);
        outcome.set_result(event::v1::NO_EFFECT);
        outcome.set_code("no-delete");
        Record(attempt, std::move(outcome));
        return;
      }
      OnFailure(attempt, result);
      return;
    default:
      OnFailure(attempt, result);
      return;
  }
}

void AppWorker::OnEffect(const AttemptPtr& attempt, const Result& result,
                         const RemoteResource& account) {
  health_->OnSuccess();
  if (++good_answers_ >= limit_ && limit_ < settings_->max_concurrency) {
    limit_ = std::min(limit_ * 2, settings_->max_concurrency);
    good_answers_ = 0;
  }
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_result(event::v1::TOOK_EFFECT);
  outcome.set_tries(0);
  outcome.set_http_status(static_cast<uint32_t>(result.http_status));
  for (const std::string& target : result.left_out) outcome.add_left_out(target);
  const event::v1::OperationKind kind = attempt->operation.kind();
  if (kind == event::v1::DELETE) {
    outcome.set_unlinked(connector_->capabilities().delete_keeps_account);
  } else {
    event::v1::Link link = attempt->operation.link();
    if (kind == event::v1::CREATE) link.set_remote_id(account.id);
    const auto name = attempt->changes.set.find(attempt->wanted.name_target);
    if (name != attempt->changes.set.end() && name->is_string()) {
      link.set_remote_name(name->get<std::string>());
    }
    const bool moved = link.remote_id() != attempt->lane.remote_id || !attempt->lane.linked ||
                       link.remote_name() != attempt->lane.remote_name;
    if (moved) *outcome.mutable_link() = link;
  }
  LaneRun* run = queue_.Find(attempt->id);
  if (run != nullptr) {
    run->looks = run->waits_for_groups = 0;
    run->read_after_404 = run->conflicted = false;
    run->asked_remembered = run->tried_again = false;
    run->chunk = std::min(kMembersAtOnce, run->chunk * 2);
    run->in_doubt_since = absl::InfiniteDuration();
    if (kind == event::v1::CREATE && attempt->type == event::v1::GROUP) run->all_members = true;
  }
  Record(attempt, std::move(outcome));
}

// 404 on members: the group is read; where it is there, it is a member that is not.
void AppWorker::OnMembers404(const AttemptPtr& attempt, const Result& result) {
  LaneRun* run = queue_.Find(attempt->id);
  if (run->read_after_404) {
    OnFailure(attempt, result);
    return;
  }
  run->read_after_404 = true;
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_result(event::v1::NO_EFFECT);
  outcome.set_acknowledged_unknown(true);
  outcome.set_code("gone");
  outcome.set_message("the app has no such group, or no such member");
  outcome.set_http_status(404);
  Record(attempt, std::move(outcome));
}

// 404: a delete is done; wanted inactive and absent are equal; else the account is made again.
void AppWorker::OnGone(const AttemptPtr& attempt) {
  health_->OnSuccess();
  Outcome outcome = OutcomeOf(*attempt);
  const bool deleted = attempt->operation.kind() == event::v1::DELETE;
  outcome.set_result(deleted ? event::v1::TOOK_EFFECT : event::v1::NO_EFFECT);
  outcome.set_observed_absent(!deleted);
  outcome.set_code("gone");
  outcome.set_message("the app has no such account");
  outcome.set_http_status(404);
  Record(attempt, std::move(outcome));
}

void AppWorker::OnConflict(const AttemptPtr& attempt, const Result& result) {
  if (attempt->operation.kind() != event::v1::CREATE) {
    OnFailure(attempt, result);
    return;
  }
  // Look it up and link it; what the app does not show is parked by the look-up.
  if (LaneRun* run = queue_.Find(attempt->id)) {
    run->conflicted = true;
    run->refusal = std::make_shared<event::v1::Exchange>(attempt->exchange);
  }
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_result(event::v1::NO_EFFECT);
  outcome.set_code("conflict");
  outcome.set_message("the name is taken there; looking for the account");
  outcome.set_http_status(static_cast<uint32_t>(result.http_status));
  Record(attempt, std::move(outcome));
}

// A failure may be the app's or the resource's; Check tells, where it is not known already.
void AppWorker::OnFailure(const AttemptPtr& attempt, const Result& result) {
  const absl::Duration now = options_.clock->SinceBoot();
  if (result.verdict == Verdict::kThrottled) {
    health_->OnThrottled(result, now);
    limit_ = std::max(settings_->first_concurrency, limit_ / 2);
  } else if (result.verdict == Verdict::kUnauthenticated) {
    health_->OnUnauthenticated(result, now);
  } else if (IsRefusal(result.verdict)) {
    health_->OnRefused(now);
  } else {
    health_->OnNoVerdict(attempt->id, now);
    limit_ = std::max(settings_->first_concurrency, limit_ / 2);
  }
  const bool known = result.verdict == Verdict::kThrottled ||
                     result.verdict == Verdict::kUnauthenticated || !health_->asking();
  if (known) {
    Attribute(attempt, result);
  } else {
    unattributed_.push_back({attempt, result});
  }
}

void AppWorker::Attribute(const AttemptPtr& attempt, const Result& result) {
  Outcome outcome = OutcomeOf(*attempt);
  const bool started = !attempt->operation.operation_id().empty();
  const bool in_doubt = started && (attempt->settling || result.verdict == Verdict::kInDoubt ||
                                    result.verdict == Verdict::kNotTheProtocol);
  if (started) outcome.set_result(in_doubt ? event::v1::IN_DOUBT : event::v1::NO_EFFECT);
  outcome.set_lane_state(event::v1::RETRYING);
  outcome.set_code(result.not_configured ? "not-configured" : CodeOf(result.verdict));
  outcome.set_message(result.message);
  outcome.set_http_status(static_cast<uint32_t>(result.http_status));
  SetExchange(*attempt, &outcome);
  // What is not settled is no position to build on.
  outcome.set_wanted_position(0);
  const AppHealth::State state = health_->state();
  const bool app_at_fault = state == AppHealth::State::kOpen || state == AppHealth::State::kTrial ||
                            state == AppHealth::State::kCredentials ||
                            result.verdict == Verdict::kThrottled;
  if (in_doubt) {
    LaneRun* run = queue_.Find(attempt->id);
    run->in_doubt_since = std::min(run->in_doubt_since, options_.clock->SinceBoot());
    run->settles_after = options_.clock->SinceBoot() + settings_->settling_time;
    SetTime(options_.clock->Now() + settings_->settling_time, outcome.mutable_next_try());
  }
  // A trial's refusal has closed the breaker by now, and is the resource's.
  if (app_at_fault) {
    Record(attempt, std::move(outcome));
  } else if (IsRefusal(result.verdict)) {
    AttributeRefusal(attempt, result, std::move(outcome));
  } else {
    AttributeNoVerdict(attempt, result, std::move(outcome));
  }
}

void AppWorker::AttributeRefusal(const AttemptPtr& attempt, const Result& result, Outcome outcome) {
  if (!attempt->settling && SplitChunk(attempt)) {
    Record(attempt, std::move(outcome));
    return;
  }
  if (result.verdict == Verdict::kPrecondition) outcome.set_acknowledged_unknown(true);
  const int tries = attempt->lane.tries + 1;
  outcome.set_tries(static_cast<uint32_t>(tries));
  if (tries >= kRefusalsUntilParked || result.verdict == Verdict::kUnsupported) {
    outcome.set_lane_state(event::v1::PARKED);
    outcome.set_wanted_position(attempt->wanted.position);
  } else {
    SetTime(options_.clock->Now() + Backoff(tries, absl::Seconds(1), absl::Seconds(30)),
            outcome.mutable_next_try());
  }
  Record(attempt, std::move(outcome));
}

void AppWorker::AttributeNoVerdict(const AttemptPtr& attempt, const Result&, Outcome outcome) {
  const int tries = attempt->lane.tries + 1;
  outcome.set_tries(static_cast<uint32_t>(tries));
  const absl::Time now = options_.clock->Now();
  if (tries >= kTriesUntilParked) {
    // For all to see, and still tried.
    outcome.set_lane_state(event::v1::PARKED);
    outcome.set_wanted_position(attempt->wanted.position);
    SetTime(now + absl::Hours(1), outcome.mutable_next_try());
  } else {
    const absl::Duration pause = std::max(
        Backoff(tries, absl::Seconds(1), absl::Minutes(15)),
        outcome.result() == event::v1::IN_DOUBT ? settings_->settling_time : absl::ZeroDuration());
    SetTime(now + pause, outcome.mutable_next_try());
  }
  Record(attempt, std::move(outcome));
}

mapping::Generate AppWorker::Generator() const {
  return [this](mapping::Generated what, const std::string&) {
    const absl::Time now = options_.clock->Now();
    if (what != mapping::Generated::kNow) return options_.ids->NewId(now);
    return absl::FormatTime(absl::RFC3339_full, now, absl::UTCTimeZone());
  };
}

// Full jitter: anywhere up to the doubled step, so that lanes that failed together part.
absl::Duration AppWorker::Backoff(int tries, absl::Duration first, absl::Duration most) {
  const absl::Duration step = std::min(most, first * static_cast<double>(1 << std::min(tries, 20)));
  return step * std::uniform_real_distribution<double>(0.0, 1.0)(random_);
}

}  // namespace purser::delivery
