#include <algorithm>
#include <utility>

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

std::string TextOf(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

void AppWorker::SetObserved(const Attempt& attempt, const RemoteResource& account,
                            Outcome* outcome) const {
  SealedPayload sealed = Seal(attempt.id, ValuesOf(account).dump());
  outcome->set_key_id(std::move(sealed.key_id));
  outcome->set_sealed_observed(std::move(sealed.bytes));
  outcome->mutable_link()->set_remote_id(account.id);
  const auto name = account.attributes.find(attempt.wanted.name_target);
  outcome->mutable_link()->set_remote_name(
      name == account.attributes.end() ? attempt.lane.remote_name : TextOf(name->second));
  if (attempt.type != event::v1::GROUP) return;
  outcome->set_members_observed(true);
  for (const std::string& remote_id : account.member_ids) {
    event::v1::MemberReference* member = outcome->add_observed_members();
    member->set_remote_id(remote_id);
    member->set_resource_id(ResourceOf(remote_id));
  }
}

// Whose account it is, or was last; empty where it is nobody's we know. Ids of the two kinds may be
// alike; members are users first.
std::string AppWorker::ResourceOf(const std::string& remote_id) const {
  const AppReader& reader = options_.projection->reader();
  for (const event::v1::ResourceType type : {event::v1::USER, event::v1::GROUP}) {
    const auto linked = reader.LinkedTo(type, remote_id);
    if (linked.ok() && linked->has_value()) return **linked;
  }
  const auto let_go = reader.LetGo(event::v1::USER, remote_id);
  return let_go.ok() && !let_go->empty() ? let_go->back() : "";
}

void AppWorker::ReadAccount(const AttemptPtr& attempt) {
  Pace(attempt, [this, attempt] {
    connector_->Read(
        TypeOf(attempt->type), attempt->lane.remote_id, attempt->type == event::v1::GROUP,
        BeginCall(attempt.get(), "read"),
        [this, attempt, gone = gone_](const Result& result, std::vector<RemoteResource> found) {
          if (*gone) return;
          EndCall(attempt.get(), result);
          OnRead(attempt, result, found);
        });
  });
}

void AppWorker::OnRead(const AttemptPtr& attempt, const Result& result,
                       const std::vector<RemoteResource>& found) {
  const bool absent =
      result.verdict == connectors::Verdict::kNotFound || (result.ok() && found.empty());
  if (!result.ok() && !absent) {
    OnFailure(attempt, result);
    return;
  }
  health_->OnSuccess();
  Outcome outcome = OutcomeOf(*attempt);
  const auto holder = absent
                          ? absl::StatusOr<std::optional<std::string>>(std::nullopt)
                          : options_.projection->reader().LinkedTo(attempt->type, found.front().id);
  const bool taken = holder.ok() && holder->has_value() && **holder != attempt->id;
  if (absent || taken) {
    outcome.set_result(event::v1::SUPERSEDED);
    outcome.set_observed_absent(true);
  } else {
    outcome.set_result(event::v1::ALREADY_SO);
    SetObserved(*attempt, found.front(), &outcome);
    LaneRun* run = queue_.Find(attempt->id);
    run->all_members = true;
    run->conflicted = run->asked_remembered = false;
  }
  outcome.set_code("read");
  Record(attempt, std::move(outcome));
}

void AppWorker::Match(const AttemptPtr& attempt, size_t index) {
  if (index >= attempt->wanted.mapped.matching.size()) {
    NoMatch(attempt);
    return;
  }
  Pace(attempt, [this, attempt, index] {
    const mapping::MatchingAttribute& attribute = attempt->wanted.mapped.matching[index];
    attempt->looked_up_at = options_.projection->head().position;
    connector_->Find(TypeOf(attempt->type), attribute.target, TextOf(attribute.value),
                     BeginCall(attempt.get(), "find"),
                     [this, attempt, index, gone = gone_](const Result& result,
                                                          std::vector<RemoteResource> found) {
                       if (*gone) return;
                       EndCall(attempt.get(), result);
                       OnMatched(attempt, index, result, std::move(found));
                     });
  });
}

void AppWorker::OnMatched(const AttemptPtr& attempt, size_t index, const Result& result,
                          std::vector<RemoteResource> found) {
  if (!result.ok() && result.verdict != connectors::Verdict::kNotFound) {
    OnFailure(attempt, result);
    return;
  }
  const mapping::MatchingAttribute& attribute = attempt->wanted.mapped.matching[index];
  found.erase(
      std::remove_if(found.begin(), found.end(),
                     [&](const RemoteResource& account) { return !Hits(account, attribute); }),
      found.end());
  if (found.empty()) {
    Match(attempt, index + 1);
    return;
  }
  if (found.size() > 1) {
    Park(attempt, "ambiguous-match",
         "more than one account of the app matches; nothing was written");
    return;
  }
  const auto holder = options_.projection->reader().LinkedTo(attempt->type, found.front().id);
  if (WasLetGo(*attempt, found.front().id)) {
    Match(attempt, index);
  } else if (!holder.ok() || !holder->has_value() || **holder == attempt->id) {
    LinkTo(attempt, found.front());
  } else if (!HandOver(attempt, **holder, found.front())) {
    WaitFor(attempt, **holder);
  }
}

// Whether another resource has let go of the account since the look-up was sent that shows it, as
// one does whose account is deleted: then what the look-up shows may be no more.
bool AppWorker::WasLetGo(const Attempt& attempt, const std::string& remote_id) const {
  const AppReader& reader = options_.projection->reader();
  const auto let_go = reader.LetGo(attempt.type, remote_id);
  if (!let_go.ok()) return false;
  return std::any_of(let_go->begin(), let_go->end(), [&](const std::string& id) {
    const auto lane = reader.FindLane(id);
    return id != attempt.id && lane.ok() && lane->has_value() &&
           (*lane)->last_record > attempt.looked_up_at;
  });
}

// No account matches: one is made for an active user, unless the app said that the name is taken.
void AppWorker::NoMatch(const AttemptPtr& attempt) {
  LaneRun* run = queue_.Find(attempt->id);
  if (attempt->wanted.presence == Presence::kInactive) {
    Outcome outcome = OutcomeOf(*attempt);
    outcome.set_result(event::v1::ALREADY_SO);
    outcome.set_code(kNoAccount);
    outcome.set_message("inactive, and without an account there: none is made until active");
    Record(attempt, std::move(outcome));
    return;
  }
  if (run->conflicted && !attempt->lane.remote_id.empty() && !run->asked_remembered) {
    run->asked_remembered = true;
    ReadAccount(attempt);
    return;
  }
  // Who had the name may have let go of it between the refusal and the look-up.
  const bool again = run->conflicted && !std::exchange(run->tried_again, true);
  if (again) run->conflicted = run->asked_remembered = false;
  if (run->conflicted) {
    run->conflicted = run->asked_remembered = run->tried_again = false;
    if (run->refusal != nullptr) attempt->exchange = *run->refusal;
    Park(attempt, "name-taken", "the name is taken by an account that the app does not show");
    return;
  }
  if (!settings_->actions(attempt->type).creates) {
    Settled(attempt, CreatesNothing(attempt->type));
    return;
  }
  ValueChanges values = CreateValues(attempt->wanted);
  if (!WaitForName(attempt, values)) StartCall(attempt, event::v1::CREATE, std::move(values));
}

void AppWorker::LinkTo(const AttemptPtr& attempt, const RemoteResource& account) {
  health_->OnSuccess();
  Outcome outcome = OutcomeOf(*attempt);
  outcome.set_result(event::v1::ALREADY_SO);
  outcome.set_code("linked");
  SetObserved(*attempt, account, &outcome);
  LaneRun* run = queue_.Find(attempt->id);
  run->conflicted = run->asked_remembered = run->tried_again = false;
  if (attempt->type == event::v1::GROUP) {
    // A search need not show members: what is not known is read before it is changed.
    outcome.set_members_observed(false);
    outcome.clear_observed_members();
    outcome.set_acknowledged_unknown(true);
    run->all_members = true;
  }
  Record(attempt, std::move(outcome));
}

// Where the account stays when its user is gone, a re-hire takes the profile over from who is gone;
// one record lets go of it there and links it here, so that a pending disable is void.
bool AppWorker::HandOver(const AttemptPtr& attempt, const std::string& holder,
                         const RemoteResource& account) {
  if (!KeepsForGood(holder, attempt->type)) return false;
  const auto open = options_.projection->reader().OpenOperationOf(holder);
  if (!open.ok() || open->has_value() || !queue_.Hold(holder, attempt->type)) return false;
  Outcome let_go;
  let_go.set_resource_type(attempt->type);
  let_go.set_resource_id(holder);
  let_go.set_result(event::v1::SUPERSEDED);
  let_go.set_unlinked(true);
  let_go.set_lane_state(event::v1::IDLE);
  let_go.set_code("handed-over");
  let_go.set_message("its account was handed over to a re-hire");
  let_go.set_wanted_position(attempt->wanted.position);
  Outcome taken = OutcomeOf(*attempt);
  taken.set_result(event::v1::ALREADY_SO);
  taken.set_code("taken-over");
  SetObserved(*attempt, account, &taken);
  outcomes_.push_back({{std::move(let_go), std::move(taken)},
                       [this, attempt] { AfterRecord(attempt, /*link_changed=*/true); },
                       attempt,
                       holder});
  return true;
}

}  // namespace purser::delivery
