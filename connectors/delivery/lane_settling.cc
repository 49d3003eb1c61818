#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/domain/caseless.h"
#include "broker/eventlog/fold.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
namespace {

using connectors::RemoteResource;
using connectors::Result;
using event::v1::Outcome;
using nlohmann::json;

connectors::ResourceType TypeOf(event::v1::ResourceType type) {
  return type == event::v1::GROUP ? connectors::ResourceType::kGroup
                                  : connectors::ResourceType::kUser;
}

bool ChangesMembers(event::v1::OperationKind kind) {
  return kind == event::v1::ADD_MEMBERS || kind == event::v1::REMOVE_MEMBERS;
}

// The matching attribute that a frozen CREATE sent, of the highest precedence.
const mapping::CompiledRow* MatchingRow(const mapping::CompiledMapping& mapping,
                                        const ValueChanges& changes) {
  const mapping::CompiledRow* best = nullptr;
  for (const mapping::CompiledRow& row : mapping.rows) {
    if (row.match == 0 || !changes.set.contains(row.target)) continue;
    if (best == nullptr || row.match < best->match) best = &row;
  }
  return best;
}

std::string TextOf(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

// An operation that was started and has no outcome: its account is read before anything else.
void AppWorker::Settle(const AttemptPtr& attempt, const OpenOperation& open) {
  attempt->operation = open.operation;
  attempt->settling = true;
  LaneRun* run = queue_.Find(attempt->id);
  run->in_doubt_since = std::min(run->in_doubt_since, options_.clock->SinceBoot());
  auto changes = OpenChanges(open.operation.key_id(), open.operation.sealed_changes());
  auto lease = options_.directory->Take();
  auto wanted = lease.ok()
                    ? ReadWanted(*settings_, **lease, options_.projection->reader(), attempt->type,
                                 attempt->id, !attempt->lane.linked, Generator())
                    : lease.status();
  if (!lease.ok()) {
    LetGo(attempt, absl::Seconds(1));
    return;
  }
  if (!changes.ok()) {
    LogError("a started operation cannot be opened",
             {{"operation", open.operation.operation_id()},
              {"trace_parent", open.operation.trace_parent()}});
    Park(attempt, "unreadable", "the started operation's values cannot be opened");
    return;
  }
  attempt->changes = *std::move(changes);
  // A mapping that no longer evaluates must not keep what is under way from being settled.
  if (wanted.ok()) attempt->wanted = *std::move(wanted);
  attempt->wanted.resource_id = attempt->id;
  attempt->wanted.type = attempt->type;
  const mapping::CompiledRow* name =
      NameRow(attempt->type == event::v1::GROUP ? settings_->groups : settings_->users);
  if (name != nullptr) attempt->wanted.name_target = name->target;
  rests_on_ = std::max(rests_on_, attempt->wanted.position);
  BeginCalling(attempt);
  if (open.operation.kind() != event::v1::CREATE) {
    Pace(attempt, [this, attempt] {
      connector_->Read(
          TypeOf(attempt->type), attempt->operation.link().remote_id(),
          ChangesMembers(attempt->operation.kind()), BeginCall(attempt.get(), "read"),
          [this, attempt, gone = gone_](const Result& result, std::vector<RemoteResource> found) {
            if (*gone) return;
            EndCall(attempt.get(), result);
            OnSettlingRead(attempt, result, found);
          });
    });
    return;
  }
  const mapping::CompiledMapping& mapping =
      attempt->type == event::v1::GROUP ? settings_->groups : settings_->users;
  const mapping::CompiledRow* row = MatchingRow(mapping, attempt->changes);
  if (row == nullptr) {
    Park(attempt, "unmatched", "an account in doubt cannot be looked up without a matching value");
    return;
  }
  const std::string target = row->target;
  Pace(attempt, [this, attempt, target] {
    attempt->looked_up_at = options_.projection->head().position;
    connector_->Find(
        TypeOf(attempt->type), target, TextOf(attempt->changes.set[target]),
        BeginCall(attempt.get(), "find"),
        [this, attempt, gone = gone_](const Result& result, std::vector<RemoteResource> found) {
          if (*gone) return;
          EndCall(attempt.get(), result);
          OnSettlingFind(attempt, result, found);
        });
  });
}

void AppWorker::OnSettlingRead(const AttemptPtr& attempt, const Result& result,
                               const std::vector<RemoteResource>& found) {
  const bool absent =
      result.verdict == connectors::Verdict::kNotFound || (result.ok() && found.empty());
  if (!result.ok() && !absent) {
    OnFailure(attempt, result);
    return;
  }
  const event::v1::OperationKind kind = attempt->operation.kind();
  if (!absent && kind == event::v1::DELETE && connector_->capabilities().delete_keeps_account) {
    SendAgain(attempt);
    return;
  }
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_code("settled");
  if (absent) {
    outcome.set_result(kind == event::v1::DELETE ? event::v1::TOOK_EFFECT : event::v1::NO_EFFECT);
    outcome.set_observed_absent(kind != event::v1::DELETE);
  } else {
    const bool shows = kind != event::v1::DELETE && !ChangesMembers(kind) &&
                       Shows(ValuesOf(found.front()), attempt->changes);
    outcome.set_result(shows ? event::v1::TOOK_EFFECT : event::v1::NO_EFFECT);
    if (shows) outcome.set_tries(0);
    SetObserved(*attempt, found.front(), &outcome);
    if (!ChangesMembers(kind)) {
      outcome.set_members_observed(false);
      outcome.clear_observed_members();
    } else if (LaneRun* run = queue_.Find(attempt->id)) {
      run->all_members = true;
    }
  }
  if (LaneRun* run = queue_.Find(attempt->id)) {
    run->in_doubt_since = absl::InfiniteDuration();
  }
  Record(attempt, std::move(outcome));
}

void AppWorker::OnSettlingFind(const AttemptPtr& attempt, const Result& result,
                               const std::vector<RemoteResource>& found) {
  if (!result.ok() && result.verdict != connectors::Verdict::kNotFound) {
    OnFailure(attempt, result);
    return;
  }
  const mapping::CompiledMapping& mapping =
      attempt->type == event::v1::GROUP ? settings_->groups : settings_->users;
  const mapping::CompiledRow* row = MatchingRow(mapping, attempt->changes);
  // One of the name may be another resource's: the app need not keep names unique.
  bool taken = false;
  const auto hit = std::find_if(found.begin(), found.end(), [&](const RemoteResource& account) {
    if (row == nullptr) return false;
    const auto it = account.attributes.find(row->target);
    if (it == account.attributes.end() ||
        CaselessKey(TextOf(it->second)) != CaselessKey(TextOf(attempt->changes.set[row->target]))) {
      return false;
    }
    const auto holder = options_.projection->reader().LinkedTo(attempt->type, account.id);
    const bool others = holder.ok() && holder->has_value() && **holder != attempt->id;
    taken |= others;
    return !others && !WasLetGo(*attempt, account.id);
  });
  LaneRun* run = queue_.Find(attempt->id);
  const bool absent = row == nullptr || hit == found.end();
  if (absent) {
    const absl::Duration waited = options_.clock->SinceBoot() - run->in_doubt_since;
    if (waited < settings_->create_visible_within) {
      Outcome outcome = OutcomeOf(*attempt);
      outcome.set_result(event::v1::IN_DOUBT);
      outcome.set_lane_state(event::v1::RETRYING);
      outcome.set_code("in-doubt");
      outcome.set_message("the reply was lost; looking for the account");
      outcome.set_wanted_position(0);
      SetTime(options_.clock->Now() + std::min(settings_->settling_time, absl::Seconds(2)),
              outcome.mutable_next_try());
      Record(attempt, std::move(outcome));
      return;
    }
    if (!taken) {
      SendAgain(attempt);
      return;
    }
  }
  run->in_doubt_since = absl::InfiniteDuration();
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_code("settled");
  outcome.set_result(absent ? event::v1::NO_EFFECT : event::v1::TOOK_EFFECT);
  if (!absent) {
    outcome.set_tries(0);
    SetObserved(*attempt, *hit, &outcome);
    outcome.set_members_observed(false);
    outcome.clear_observed_members();
    run->all_members = attempt->type == event::v1::GROUP;
  }
  Record(attempt, std::move(outcome));
}

// The same operation once more: the same id, the same body.
void AppWorker::SendAgain(const AttemptPtr& attempt) {
  LaneRun* run = queue_.Find(attempt->id);
  const bool create = attempt->operation.kind() == event::v1::CREATE;
  const bool wanted =
      attempt->wanted.presence == Presence::kActive && settings_->actions(attempt->type).creates;
  if (create && !wanted) {
    Outcome outcome = OutcomeOf(*attempt);
    outcome.set_result(event::v1::NO_EFFECT);
    outcome.set_code("settled");
    Record(attempt, std::move(outcome));
    return;
  }
  attempt->settling = false;
  attempt->operation.set_again(true);
  run->in_doubt_since = absl::InfiniteDuration();
  Pace(attempt, [this, attempt] { starts_.push_back({attempt}); });
}

}  // namespace purser::delivery
