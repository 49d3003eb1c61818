#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/events/sealing.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/fold_file.h"

namespace purser {
namespace {

using event::v1::AppCommand;
using event::v1::Outcome;
using event::v1::StartedOperation;
using nlohmann::json;

// The values of a sealed {"set": .., "clear": ..}; {} where there are none.
absl::StatusOr<json> OpenValues(const std::string& key_id, const std::string& sealed) {
  if (sealed.empty()) return json::object();
  ASSIGN_OR_RETURN(const std::string text, purser::Open(key_id, sealed));
  json values = json::parse(text, nullptr, false);
  if (!values.is_object()) return absl::DataLossError("sealed values are not JSON");
  return values;
}

// What the app holds once `operation` has taken effect on `lane`.
absl::Status TakeEffect(const StartedOperation& operation, Lane* lane) {
  ASSIGN_OR_RETURN(const json changes, OpenValues(operation.key_id(), operation.sealed_changes()));
  if (operation.kind() == event::v1::DELETE) {
    lane->linked = false;
    lane->acknowledged = json();
    lane->acknowledged_known = true;
    return absl::OkStatus();
  }
  if (operation.kind() == event::v1::CREATE || !lane->acknowledged.is_object()) {
    lane->acknowledged = json::object();
  }
  if (operation.kind() == event::v1::CREATE) lane->acknowledged_known = true;
  const auto set = changes.find("set");
  if (set != changes.end() && set->is_object()) lane->acknowledged.update(*set);
  const auto clear = changes.find("clear");
  if (clear == changes.end() || !clear->is_array()) return absl::OkStatus();
  for (const json& target : *clear) {
    if (target.is_string()) lane->acknowledged.erase(target.get<std::string>());
  }
  return absl::OkStatus();
}

// True where an operator skipped what this operation was to bring: its failure changes nothing.
bool StaysSkipped(const Lane& lane, const Outcome& outcome, const StartedOperation* operation) {
  const bool failed = outcome.lane_state() == event::v1::PARKED ||
                      outcome.lane_state() == event::v1::RETRYING ||
                      outcome.lane_state() == event::v1::WAITING;
  return lane.state == event::v1::SKIPPED && failed && operation != nullptr &&
         operation->wanted_position() <= lane.settled;
}

void SetProgress(const Outcome& outcome, Lane* lane) {
  lane->state = outcome.lane_state() == event::v1::LANE_STATE_UNSPECIFIED ? event::v1::IDLE
                                                                          : outcome.lane_state();
  lane->code = outcome.code();
  lane->message = outcome.message();
  lane->http_status = static_cast<int>(outcome.http_status());
  lane->tries = static_cast<int>(outcome.tries());
  lane->next_try = ToTime(outcome.next_try());
  lane->waits_for = outcome.waits_for();
  lane->left_out.assign(outcome.left_out().begin(), outcome.left_out().end());
  lane->settled = std::max<StreamPosition>(lane->settled, outcome.wanted_position());
  if (outcome.mapping_version() != 0) lane->mapping_version = outcome.mapping_version();
}

}  // namespace

absl::Status AppProjection::ApplyStarted(const event::v1::Started& started,
                                         StreamPosition position) {
  for (const StartedOperation& operation : started.operations()) {
    RETURN_IF_ERROR(database_->Prepare("INSERT OR REPLACE INTO operations VALUES(?,?,?,0,?)")
                        .Bind(operation.operation_id())
                        .Bind(operation.resource_id())
                        .Bind(position)
                        .BindBlob(operation.SerializeAsString())
                        .Run());
    RETURN_IF_ERROR(Note(operation.resource_id(), position));
  }
  return absl::OkStatus();
}

absl::Status AppProjection::CloseOperation(const std::string& operation_id) {
  return database_->Prepare("DELETE FROM operations WHERE operation_id=?").Bind(operation_id).Run();
}

absl::Status AppProjection::SaveLane(const Lane& lane) {
  return database_
      ->Prepare("INSERT OR REPLACE INTO lanes VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .Bind(lane.resource_id)
      .Bind(static_cast<int>(lane.type))
      .Bind(lane.linked ? 1 : 0)
      .Bind(lane.remote_id)
      .Bind(lane.remote_name)
      .Bind(CaselessKey(lane.remote_name))
      .Bind(lane.acknowledged.is_null() ? std::string() : lane.acknowledged.dump())
      .Bind(lane.acknowledged_known ? 1 : 0)
      .Bind(lane.settled)
      .Bind(static_cast<int>(lane.state))
      .Bind(lane.code)
      .Bind(lane.message)
      .Bind(lane.http_status)
      .Bind(lane.tries)
      .Bind(lane.next_try == absl::InfinitePast() ? int64_t{0} : ToStored(lane.next_try))
      .Bind(lane.waits_for)
      .Bind(absl::StrJoin(lane.left_out, ","))
      .Bind(lane.mapping_version)
      .Bind(lane.last_record)
      .Run();
}

absl::Status AppProjection::ApplyOutcomes(const event::v1::Outcomes& outcomes,
                                          StreamPosition position) {
  bool deposed = false;
  if (!outcomes.boot_id().empty()) {
    ASSIGN_OR_RETURN(const AppRow app, reader_.App());
    deposed = app.owner_boot != outcomes.boot_id();
  }
  for (const Outcome& outcome : outcomes.outcomes()) {
    RETURN_IF_ERROR(deposed ? ApplyReport(outcome, position) : ApplyOutcome(outcome, position));
  }
  return absl::OkStatus();
}

// The owner settles the operation by reading the account, and may have done so before the call took
// effect: what it knows of the account counts no longer.
absl::Status AppProjection::ApplyReport(const Outcome& outcome, StreamPosition position) {
  ASSIGN_OR_RETURN(std::optional<Lane> lane, reader_.FindLane(outcome.resource_id()));
  if (lane) {
    lane->acknowledged_known = false;
    lane->last_record = position;
    RETURN_IF_ERROR(SaveLane(*lane));
  }
  applied_reports_.push_back({outcome.resource_id(), outcome.resource_type()});
  return Note(outcome.resource_id(), position);
}

absl::Status AppProjection::ApplyOutcome(const Outcome& outcome, StreamPosition position) {
  ASSIGN_OR_RETURN(std::optional<Lane> found, reader_.FindLane(outcome.resource_id()));
  Lane lane = found.value_or(Lane{outcome.resource_id(), outcome.resource_type()});
  std::optional<StartedOperation> operation;
  if (!outcome.operation_id().empty()) {
    ASSIGN_OR_RETURN(auto open, reader_.OpenOperationOf(outcome.resource_id()));
    if (open && open->operation.operation_id() == outcome.operation_id()) {
      operation = std::move(open->operation);
    }
  }
  if (outcome.result() == event::v1::IN_DOUBT) {
    RETURN_IF_ERROR(database_->Prepare("UPDATE operations SET in_doubt=1 WHERE operation_id=?")
                        .Bind(outcome.operation_id())
                        .Run());
  } else if (outcome.result() != event::v1::OUTCOME_RESULT_UNSPECIFIED && operation) {
    RETURN_IF_ERROR(CloseOperation(outcome.operation_id()));
  }
  if (outcome.result() == event::v1::TOOK_EFFECT && operation) {
    RETURN_IF_ERROR(TakeEffect(*operation, &lane));
  }
  if (!outcome.sealed_observed().empty()) {
    ASSIGN_OR_RETURN(lane.acknowledged, OpenValues(outcome.key_id(), outcome.sealed_observed()));
    lane.acknowledged_known = true;
  }
  if (outcome.unlinked() || outcome.observed_absent()) {
    lane.linked = false;
    lane.acknowledged = json();
    lane.acknowledged_known = true;
  }
  if (outcome.acknowledged_unknown()) lane.acknowledged_known = false;
  if (outcome.acknowledged_believed()) lane.acknowledged_known = true;
  if (!StaysSkipped(lane, outcome, operation ? &*operation : nullptr)) SetProgress(outcome, &lane);
  RETURN_IF_ERROR(LinkLane(outcome, &lane));
  lane.last_record = position;
  RETURN_IF_ERROR(SaveLane(lane));
  RETURN_IF_ERROR(ApplyMembers(outcome, operation ? &*operation : nullptr, lane));
  return Note(outcome.resource_id(), position);
}

// A link is exclusive: an account that is another resource's stays that one's, and the lane waits.
absl::Status AppProjection::LinkLane(const Outcome& outcome, Lane* lane) {
  const event::v1::Link& link = outcome.link();
  if (link.remote_id().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto holder, reader_.LinkedTo(lane->type, link.remote_id()));
  if (holder && *holder != lane->resource_id) {
    lane->linked = false;
    lane->acknowledged = json();
    lane->state = event::v1::WAITING;
    lane->code = "account-held";
    lane->message = "the account is another resource's";
    lane->waits_for = *holder;
    return absl::OkStatus();
  }
  lane->linked = true;
  lane->remote_id = link.remote_id();
  lane->remote_name = link.remote_name();
  return absl::OkStatus();
}

// Memberships are the account's: they end with it, stay where it stays without an owner, and go
// with it to its next one.
absl::Status AppProjection::ApplyMemberships(const Outcome& outcome, bool gone, const Lane& lane) {
  if (gone && !outcome.unlinked()) {
    return database_->Prepare("DELETE FROM acknowledged_members WHERE member_id=?")
        .Bind(outcome.resource_id())
        .Run();
  }
  if (outcome.link().remote_id().empty() || !lane.linked) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> before, reader_.LetGo(lane.type, lane.remote_id));
  before.push_back(absl::StrCat("account:", lane.remote_id));
  for (const std::string& member : before) {
    RETURN_IF_ERROR(database_
                        ->Prepare("UPDATE OR REPLACE acknowledged_members SET member_id=?"
                                  " WHERE member_id=? AND remote_id=?")
                        .Bind(lane.resource_id)
                        .Bind(member)
                        .Bind(lane.remote_id)
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status AppProjection::ApplyMembers(const Outcome& outcome, const StartedOperation* operation,
                                         const Lane& lane) {
  const std::string& group = outcome.resource_id();
  const bool gone = outcome.unlinked() || outcome.observed_absent() ||
                    (operation != nullptr && operation->kind() == event::v1::DELETE &&
                     outcome.result() == event::v1::TOOK_EFFECT);
  RETURN_IF_ERROR(ApplyMemberships(outcome, gone, lane));
  if (outcome.resource_type() == event::v1::GROUP && (gone || outcome.members_observed())) {
    RETURN_IF_ERROR(
        database_->Prepare("DELETE FROM acknowledged_members WHERE group_id=?").Bind(group).Run());
  }
  const auto set = [&](const event::v1::MemberReference& member) {
    // A member of no resource of ours is kept under the account's own id.
    return database_->Prepare("INSERT OR REPLACE INTO acknowledged_members VALUES(?,?,?)")
        .Bind(group)
        .Bind(member.resource_id().empty() ? absl::StrCat("account:", member.remote_id())
                                           : member.resource_id())
        .Bind(member.remote_id())
        .Run();
  };
  for (const auto& member : outcome.observed_members()) RETURN_IF_ERROR(set(member));
  if (operation == nullptr || outcome.result() != event::v1::TOOK_EFFECT) return absl::OkStatus();
  for (const auto& member : operation->members()) {
    if (operation->kind() == event::v1::REMOVE_MEMBERS) {
      RETURN_IF_ERROR(
          database_->Prepare("DELETE FROM acknowledged_members WHERE group_id=? AND member_id=?")
              .Bind(group)
              .Bind(member.resource_id())
              .Run());
    } else if (operation->kind() == event::v1::ADD_MEMBERS ||
               operation->kind() == event::v1::CREATE) {
      RETURN_IF_ERROR(set(member));
    }
  }
  return absl::OkStatus();
}

absl::Status AppProjection::ReleaseLanes(const AppCommand& command) {
  const bool retry = command.action() == AppCommand::RETRY;
  const std::string change =
      retry ? absl::StrCat("state=", event::v1::RETRYING, ", tries=0, next_try=0, code='retry'")
            : absl::StrCat("state=", event::v1::SKIPPED, ", code='skipped', waits_for='',",
                           " settled=max(settled, (SELECT highest_directory FROM app))");
  if (command.resource_ids().empty()) {
    return database_
        ->Prepare(absl::StrCat("UPDATE lanes SET ", change, " WHERE state=", event::v1::PARKED))
        .Run();
  }
  for (const std::string& id : command.resource_ids()) {
    RETURN_IF_ERROR(
        database_
            ->Prepare(absl::StrCat("UPDATE lanes SET ", change,
                                   " WHERE resource_id=? AND state IN (", event::v1::PARKED, ",",
                                   event::v1::RETRYING, ",", event::v1::SKIPPED, ")"))
            .Bind(id)
            .Run());
  }
  return absl::OkStatus();
}

}  // namespace purser
