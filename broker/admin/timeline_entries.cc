#include "broker/admin/timeline_entries.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/admin/lookup.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "broker/events/sealing.h"
#include "nlohmann/json.hpp"
#include "purser/event/v1/delivery.pb.h"
#include "purser/event/v1/directory.pb.h"

namespace purser {
namespace {

using admin::v1::TimelineEntry;
using event::v1::AppCommand;
using event::v1::Envelope;
using event::v1::Outcome;
using event::v1::StartedOperation;
using nlohmann::json;

TimelineEntry EntryOf(const Envelope& envelope, StreamPosition position,
                      const std::string& source) {
  TimelineEntry entry;
  *entry.mutable_time() = envelope.time();
  entry.set_source(source);
  entry.set_position(position);
  entry.set_actor(envelope.actor());
  entry.set_request_id(envelope.request_id());
  entry.set_reason(envelope.reason());
  return entry;
}

template <typename Payload>
absl::StatusOr<Payload> PayloadOf(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::string bytes, Open(envelope.key_id(), envelope.payload()));
  Payload payload;
  if (!payload.ParseFromString(bytes)) {
    return absl::DataLossError(absl::StrCat("event ", envelope.event_id(), " does not decode"));
  }
  return payload;
}

void AddValue(const std::string& name, const std::string& value, bool removed, bool show,
              TimelineEntry* entry) {
  admin::v1::AttributeValue* out = entry->add_attributes();
  out->set_name(name);
  if (show) out->set_value(value);
  out->set_removed(removed);
}

void AddObject(const std::string& text, bool show, TimelineEntry* entry) {
  const json attributes = json::parse(text, nullptr, false);
  if (!attributes.is_object()) return;
  for (const auto& [name, value] : attributes.items()) {
    AddValue(name, value.dump(), false, show, entry);
  }
}

std::string Names(const TimelineEntry& entry) {
  return absl::StrJoin(entry.attributes(), ", ", [](std::string* out, const auto& attribute) {
    absl::StrAppend(out, attribute.removed() ? "-" : "", attribute.name());
  });
}

void AddMemberCounts(int added, int removed, TimelineEntry* entry) {
  std::string* summary = entry->mutable_summary();
  if (added > 0) absl::StrAppend(summary, "; ", added, " members added");
  if (removed > 0) absl::StrAppend(summary, "; ", removed, " members removed");
}

template <typename Payload>
void AddMembers(const Payload& payload, TimelineEntry* entry) {
  if (payload.members_cleared()) {
    absl::StrAppend(entry->mutable_summary(), "; all members removed but ",
                    payload.members_added_size());
  } else {
    AddMemberCounts(payload.members_added_size(), payload.members_removed_size(), entry);
  }
}

void DescribeCreated(const event::v1::ResourceCreated& created, bool show, TimelineEntry* entry) {
  entry->set_kind("created");
  AddObject(created.attributes(), show, entry);
  entry->set_summary(absl::StrCat("created with ", Names(*entry)));
  AddMemberCounts(created.members_size(), 0, entry);
}

void DescribeChanged(const event::v1::ResourceChanged& changed, bool show, TimelineEntry* entry) {
  entry->set_kind("changed");
  for (const event::v1::AttributeChange& change : changed.changes()) {
    const std::string name = change.schema().empty()
                                 ? change.attribute()
                                 : absl::StrCat(change.schema(), ":", change.attribute());
    AddValue(name, change.value(), change.value().empty(), show, entry);
  }
  entry->set_summary(changed.changes().empty() ? "changed"
                                               : absl::StrCat("changed ", Names(*entry)));
  AddMembers(changed, entry);
}

void DescribeReplaced(const event::v1::ResourceReplaced& replaced, bool show,
                      TimelineEntry* entry) {
  entry->set_kind("replaced");
  AddObject(replaced.attributes(), show, entry);
  entry->set_summary(absl::StrCat("replaced by ", Names(*entry)));
  AddMembers(replaced, entry);
}

// A record that names the resource itself.
absl::Status DescribeOwn(const Envelope& envelope, bool show, TimelineEntry* entry) {
  switch (envelope.kind()) {
    case event::v1::RESOURCE_CREATED: {
      ASSIGN_OR_RETURN(const auto created, PayloadOf<event::v1::ResourceCreated>(envelope));
      DescribeCreated(created, show, entry);
      return absl::OkStatus();
    }
    case event::v1::RESOURCE_CHANGED: {
      ASSIGN_OR_RETURN(const auto changed, PayloadOf<event::v1::ResourceChanged>(envelope));
      DescribeChanged(changed, show, entry);
      return absl::OkStatus();
    }
    case event::v1::RESOURCE_REPLACED: {
      ASSIGN_OR_RETURN(const auto replaced, PayloadOf<event::v1::ResourceReplaced>(envelope));
      DescribeReplaced(replaced, show, entry);
      return absl::OkStatus();
    }
    case event::v1::RESOURCE_DELETED:
      entry->set_kind("deleted");
      entry->set_summary("deleted");
      return absl::OkStatus();
    default:
      entry->set_kind(WordOf(envelope.kind()));
      return absl::OkStatus();
  }
}

template <typename Payload>
bool Joins(const Payload& payload, const std::string& id) {
  for (const event::v1::Member& member : payload.members_added()) {
    if (member.id() == id) return true;
  }
  return false;
}

template <typename Payload>
bool Leaves(const Payload& payload, const std::string& id) {
  if (payload.members_cleared()) return true;
  for (const std::string& member : payload.members_removed()) {
    if (member == id) return true;
  }
  return false;
}

template <typename Payload>
void DescribeMembership(const Payload& payload, const std::string& id, TimelineEntry* entry) {
  if (Joins(payload, id)) {
    entry->set_kind("member_added");
  } else if (Leaves(payload, id)) {
    entry->set_kind("member_removed");
  }
}

// A record about another resource, which touched this one.
absl::Status DescribeTouch(const Envelope& envelope, const std::string& id, TimelineEntry* entry) {
  entry->set_kind("touched");
  entry->set_related_id(envelope.resource_id());
  const std::string other =
      absl::StrCat(WordOf(envelope.resource_type()), " ", envelope.resource_id());
  if (envelope.kind() == event::v1::RESOURCE_CREATED) {
    ASSIGN_OR_RETURN(const auto created, PayloadOf<event::v1::ResourceCreated>(envelope));
    for (const event::v1::Member& member : created.members()) {
      if (member.id() == id) entry->set_kind("member_added");
    }
  } else if (envelope.kind() == event::v1::RESOURCE_CHANGED) {
    ASSIGN_OR_RETURN(const auto changed, PayloadOf<event::v1::ResourceChanged>(envelope));
    DescribeMembership(changed, id, entry);
  } else if (envelope.kind() == event::v1::RESOURCE_REPLACED) {
    ASSIGN_OR_RETURN(const auto replaced, PayloadOf<event::v1::ResourceReplaced>(envelope));
    DescribeMembership(replaced, id, entry);
  }
  if (entry->kind() == "member_added") {
    entry->set_summary(absl::StrCat("became a member of ", other));
  } else if (entry->kind() == "member_removed") {
    entry->set_summary(absl::StrCat("is no member of ", other, " any more"));
  } else if (envelope.kind() == event::v1::RESOURCE_DELETED) {
    entry->set_summary(absl::StrCat(other, " was deleted"));
  } else {
    entry->set_summary(absl::StrCat("touched by a change of ", other));
  }
  return absl::OkStatus();
}

// {"set": {target: value}, "clear": [target]}, or {target: value}.
absl::Status AddSealed(const std::string& key_id, const std::string& sealed, bool show,
                       TimelineEntry* entry) {
  if (sealed.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = Open(key_id, sealed);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  const json values = json::parse(*text, nullptr, false);
  if (!values.is_object()) return absl::DataLossError("sealed values are not JSON");
  if (const auto set = values.find("set"); set != values.end()) {
    AddObject(set->dump(), show, entry);
  }
  if (const auto clear = values.find("clear"); clear != values.end() && clear->is_array()) {
    for (const json& target : *clear) {
      if (target.is_string()) AddValue(target.get<std::string>(), "", true, show, entry);
    }
  }
  return absl::OkStatus();
}

absl::Status DescribeStarted(const StartedOperation& operation, bool show, TimelineEntry* entry) {
  entry->set_kind("started");
  entry->set_operation(WordOf(operation.kind()));
  entry->set_operation_id(operation.operation_id());
  entry->set_tries(operation.try_number());
  entry->set_remote_id(operation.link().remote_id());
  RETURN_IF_ERROR(AddSealed(operation.key_id(), operation.sealed_changes(), show, entry));
  std::string* summary = entry->mutable_summary();
  absl::StrAppend(summary, entry->operation(), operation.again() ? " sent again" : " sent");
  if (operation.try_number() > 1) absl::StrAppend(summary, ", try ", operation.try_number());
  if (!entry->attributes().empty()) absl::StrAppend(summary, ": ", Names(*entry));
  if (operation.members_size() > 0) {
    absl::StrAppend(summary, ": ", operation.members_size(), " members");
  }
  return absl::OkStatus();
}

std::string OutcomeSummary(const Outcome& outcome) {
  std::string summary;
  switch (outcome.result()) {
    case event::v1::TOOK_EFFECT:
      summary = "took effect";
      break;
    case event::v1::NO_EFFECT:
      summary = "had no effect";
      break;
    case event::v1::IN_DOUBT:
      summary = "no reply: the account is read before anything else is sent";
      break;
    case event::v1::ALREADY_SO:
      summary = "the account was as wanted";
      break;
    case event::v1::SUPERSEDED:
      summary = "settled by what was read";
      break;
    default:
      summary = "noted";
  }
  const std::string state = WordOf(outcome.lane_state());
  if (!state.empty() && state != "idle") absl::StrAppend(&summary, "; ", state);
  if (outcome.http_status() != 0) absl::StrAppend(&summary, ", HTTP ", outcome.http_status());
  if (!outcome.code().empty()) absl::StrAppend(&summary, ", ", outcome.code());
  if (!outcome.message().empty()) absl::StrAppend(&summary, ": ", outcome.message());
  if (!outcome.waits_for().empty()) absl::StrAppend(&summary, "; waits for ", outcome.waits_for());
  if (!outcome.left_out().empty()) {
    absl::StrAppend(&summary, "; sent without ", absl::StrJoin(outcome.left_out(), ", "));
  }
  return summary;
}

void DescribeOutcome(const Outcome& outcome, TimelineEntry* entry) {
  entry->set_kind("outcome");
  entry->set_operation_id(outcome.operation_id());
  entry->set_result(WordOf(outcome.result()));
  entry->set_lane_state(WordOf(outcome.lane_state()));
  entry->set_code(outcome.code());
  entry->set_message(outcome.message());
  entry->set_http_status(outcome.http_status());
  entry->set_tries(outcome.tries());
  if (outcome.has_next_try() && outcome.next_try().seconds() > 0) {
    *entry->mutable_next_try() = outcome.next_try();
  }
  entry->set_remote_id(outcome.link().remote_id());
  entry->set_waits_for(outcome.waits_for());
  *entry->mutable_left_out() = outcome.left_out();
  entry->set_summary(OutcomeSummary(outcome));
}

}  // namespace

absl::Status AddDirectoryEntry(const Envelope& envelope, StreamPosition position,
                               const TimelineScope& scope, std::vector<TimelineEntry>* entries) {
  TimelineEntry entry = EntryOf(envelope, position, "directory");
  if (envelope.resource_id() == scope.resource_id) {
    RETURN_IF_ERROR(DescribeOwn(envelope, scope.show_values, &entry));
  } else {
    RETURN_IF_ERROR(DescribeTouch(envelope, scope.resource_id, &entry));
  }
  entries->push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status AddAppEntries(const Envelope& envelope, StreamPosition position,
                           const std::string& app, const TimelineScope& scope,
                           std::vector<TimelineEntry>* entries) {
  if (envelope.kind() == event::v1::STARTED) {
    ASSIGN_OR_RETURN(const auto started, PayloadOf<event::v1::Started>(envelope));
    for (const StartedOperation& operation : started.operations()) {
      if (operation.resource_id() != scope.resource_id) continue;
      entries->push_back(EntryOf(envelope, position, app));
      RETURN_IF_ERROR(DescribeStarted(operation, scope.show_values, &entries->back()));
    }
  } else if (envelope.kind() == event::v1::OUTCOMES) {
    ASSIGN_OR_RETURN(const auto outcomes, PayloadOf<event::v1::Outcomes>(envelope));
    for (const Outcome& outcome : outcomes.outcomes()) {
      if (outcome.resource_id() != scope.resource_id) continue;
      entries->push_back(EntryOf(envelope, position, app));
      DescribeOutcome(outcome, &entries->back());
    }
  } else if (envelope.kind() == event::v1::APP_COMMAND) {
    ASSIGN_OR_RETURN(const auto command, PayloadOf<AppCommand>(envelope));
    TimelineEntry entry = EntryOf(envelope, position, app);
    entry.set_kind(WordOf(command.action()));
    entry.set_summary(absl::StrCat("an operator asked: ", entry.kind()));
    entries->push_back(std::move(entry));
  }
  return absl::OkStatus();
}

}  // namespace purser
