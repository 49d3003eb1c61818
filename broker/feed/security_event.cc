#include "broker/feed/security_event.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "broker/events/sealing.h"
#include "broker/scim/json_text.h"
#include "broker/scim/render.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"
#include "purser/event/v1/directory.pb.h"

namespace purser::feed {
namespace {

using event::v1::Envelope;
using nlohmann::json;

constexpr absl::string_view kPatchOp = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

// What one record says, in the words of RFC 9967.
struct Saying {
  std::string event;                    // "create", ...; empty: nothing
  std::vector<std::string> attributes;  // names of what was set or changed
  json data;                            // with the values
  json members;                         // of a PUT: what became of them, as a PatchOp
  json external_id;                     // where the record says it
  bool sealed = false;                  // what it said cannot be opened any more
  std::optional<bool> active;           // where the record says it, or stands for it
};

absl::StatusOr<json> ParseStored(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) return absl::DataLossError("a stored value is no JSON");
  return value;
}

bool IsExtension(absl::string_view name) { return absl::StartsWith(name, "urn:"); }

template <typename Payload>
absl::StatusOr<Payload> PayloadOf(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::string opened, Open(envelope.key_id(), envelope.payload()));
  Payload payload;
  if (!payload.ParseFromString(opened)) {
    return absl::DataLossError(absl::StrCat("event ", envelope.event_id(), " does not decode"));
  }
  return payload;
}

void NameAttributes(const json& attributes, std::vector<std::string>* names) {
  for (const auto& [name, value] : attributes.items()) {
    if (!IsExtension(name) || !value.is_object()) {
      names->push_back(name);
      continue;
    }
    for (const auto& [below, unused] : value.items()) {
      names->push_back(absl::StrCat(name, ":", below));
    }
  }
}

json MemberOf(const event::v1::Member& member) {
  return {{"value", member.id()}, {"type", member.type() == event::v1::GROUP ? "Group" : "User"}};
}

json PatchOf(json operations) {
  return {{"schemas", {kPatchOp}}, {"Operations", std::move(operations)}};
}

// Takes out of `value` what is never returned (RFC 7643, section 7); false where that is all of it,
// or where the directory knows no such attribute any more.
bool MayBeTold(const scim::Attribute* attribute, json* value) {
  if (attribute == nullptr || attribute->returned == scim::Returned::kNever) return false;
  for (const scim::Attribute& sub : attribute->sub_attributes) {
    if (sub.returned != scim::Returned::kNever) continue;
    if (value->is_object()) value->erase(sub.name);
    if (!value->is_array()) continue;
    for (json& element : *value) {
      if (element.is_object()) element.erase(sub.name);
    }
  }
  return true;
}

json Told(const scim::ResourceSchema& schema, const json& attributes) {
  json told = json::object();
  for (const auto& [name, value] : attributes.items()) {
    json kept = value;
    if (!IsExtension(name)) {
      if (MayBeTold(schema.FindCore(name), &kept)) told[name] = std::move(kept);
      continue;
    }
    const scim::Schema* extension = schema.Extension(name);
    if (extension == nullptr || !value.is_object()) continue;
    for (const auto& [below, inner] : value.items()) {
      kept = inner;
      if (MayBeTold(extension->Find(below), &kept)) told[name][below] = std::move(kept);
    }
  }
  return told;
}

bool MayBeTold(const scim::ResourceSchema& schema, const event::v1::AttributeChange& change,
               json* value) {
  if (change.schema().empty()) return MayBeTold(schema.FindCore(change.attribute()), value);
  const scim::Schema* extension = schema.Extension(change.schema());
  return extension != nullptr && MayBeTold(extension->Find(change.attribute()), value);
}

// A resource as a create or a PUT left it, without its members.
absl::Status SayResource(const Envelope& envelope, const scim::ResourceSchema& schema,
                         const std::string& text, Saying* saying) {
  ASSIGN_OR_RETURN(const json attributes, ParseStored(text));
  NameAttributes(attributes, &saying->attributes);
  saying->external_id = attributes.value("externalId", json());
  if (envelope.resource_type() == event::v1::USER) {
    saying->active = attributes.value("active", json(true)) != json(false);
  }
  saying->data = Told(schema, attributes);
  json schemas = {schema.core.urn};
  for (const auto& [name, unused] : saying->data.items()) {
    if (IsExtension(name)) schemas.push_back(name);
  }
  saying->data["schemas"] = std::move(schemas);
  saying->data["id"] = envelope.resource_id();
  return absl::OkStatus();
}

// In the words of the configuration; empty for what is no event.
std::string WordOf(event::v1::Kind kind) {
  switch (kind) {
    case event::v1::RESOURCE_CREATED:
      return "create";
    case event::v1::RESOURCE_REPLACED:
      return "put";
    case event::v1::RESOURCE_CHANGED:
      return "patch";
    case event::v1::RESOURCE_DELETED:
      return "delete";
    default:
      return "";
  }
}

absl::StatusOr<Saying> SayCreated(const Envelope& envelope, const scim::ResourceSchema& schema) {
  Saying saying;
  ASSIGN_OR_RETURN(const auto created, PayloadOf<event::v1::ResourceCreated>(envelope));
  RETURN_IF_ERROR(SayResource(envelope, schema, created.attributes(), &saying));
  if (created.members().empty()) return saying;
  saying.attributes.emplace_back("members");
  for (const event::v1::Member& member : created.members()) {
    saying.data["members"].push_back(MemberOf(member));
  }
  return saying;
}

// What became of the members, as operations of a PATCH.
template <typename Payload>
json MemberOperations(const Payload& payload) {
  json operations = json::array();
  json added = json::array();
  for (const event::v1::Member& member : payload.members_added()) added.push_back(MemberOf(member));
  if (payload.members_cleared()) {
    json cleared = {{"op", added.empty() ? "remove" : "replace"}, {"path", "members"}};
    if (!added.empty()) cleared["value"] = std::move(added);
    operations.push_back(std::move(cleared));
    return operations;
  }
  for (const std::string& id : payload.members_removed()) {
    operations.push_back(
        {{"op", "remove"}, {"path", absl::StrCat("members[value eq \"", id, "\"]")}});
  }
  if (!added.empty()) {
    operations.push_back({{"op", "add"}, {"path", "members"}, {"value", std::move(added)}});
  }
  return operations;
}

absl::StatusOr<Saying> SayReplaced(const Envelope& envelope, const scim::ResourceSchema& schema) {
  Saying saying;
  ASSIGN_OR_RETURN(const auto replaced, PayloadOf<event::v1::ResourceReplaced>(envelope));
  RETURN_IF_ERROR(SayResource(envelope, schema, replaced.attributes(), &saying));
  // A record holds of them what changed alone.
  json operations = MemberOperations(replaced);
  if (operations.empty()) return saying;
  saying.attributes.emplace_back("members");
  saying.members = PatchOf(std::move(operations));
  return saying;
}

absl::StatusOr<json> OperationOf(const event::v1::AttributeChange& change,
                                 const std::string& path) {
  if (change.value().empty()) return json{{"op", "remove"}, {"path", path}};
  ASSIGN_OR_RETURN(json value, ParseStored(change.value()));
  return json{{"op", "replace"}, {"path", path}, {"value", std::move(value)}};
}

absl::StatusOr<Saying> SayChanged(const Envelope& envelope, const scim::ResourceSchema& schema) {
  Saying saying;
  ASSIGN_OR_RETURN(const auto changed, PayloadOf<event::v1::ResourceChanged>(envelope));
  json operations = json::array();
  for (const event::v1::AttributeChange& change : changed.changes()) {
    const std::string path = change.schema().empty()
                                 ? change.attribute()
                                 : absl::StrCat(change.schema(), ":", change.attribute());
    ASSIGN_OR_RETURN(json operation, OperationOf(change, path));
    if (path == "externalId") saying.external_id = operation.value("value", json());
    if (path == "active" && envelope.resource_type() == event::v1::USER) {
      saying.active = operation.value("value", json(true)) != json(false);
    }
    saying.attributes.push_back(path);
    json none;
    json* value = operation.contains("value") ? &operation["value"] : &none;
    if (MayBeTold(schema, change, value)) operations.push_back(std::move(operation));
  }
  for (json& operation : MemberOperations(changed)) {
    if (saying.attributes.empty() || saying.attributes.back() != "members") {
      saying.attributes.emplace_back("members");
    }
    operations.push_back(std::move(operation));
  }
  saying.data = PatchOf(std::move(operations));
  return saying;
}

absl::StatusOr<Saying> SayPayload(const Envelope& envelope, const scim::ResourceSchema& schema) {
  switch (envelope.kind()) {
    case event::v1::RESOURCE_CREATED:
      return SayCreated(envelope, schema);
    case event::v1::RESOURCE_REPLACED:
      return SayReplaced(envelope, schema);
    case event::v1::RESOURCE_CHANGED:
      return SayChanged(envelope, schema);
    default:
      return Saying();
  }
}

absl::StatusOr<Saying> Say(const Envelope& envelope, const scim::SchemaSet& schemas) {
  absl::StatusOr<Saying> saying = SayPayload(envelope, schemas.Of(envelope.resource_type()));
  if (absl::IsNotFound(saying.status())) {
    saying = Saying();
    saying->sealed = true;
  }
  if (saying.ok()) saying->event = WordOf(envelope.kind());
  return saying;
}

// "activate" or "deactivate", where the record made the user that.
absl::StatusOr<std::string> Turned(const Envelope& envelope, const Saying& saying,
                                   StreamPosition position, const WasActive& was_active) {
  if (!saying.active.has_value() || saying.event == "create") return std::string();
  ASSIGN_OR_RETURN(const bool before, was_active(envelope.resource_id(), position));
  if (before == *saying.active) return std::string();
  return std::string(before ? "deactivate" : "activate");
}

// What stands in an event of the resource after it.
json BodyOf(const char* member, json value, StreamPosition position) {
  return {{"version", scim::EntityTag(position)}, {member, std::move(value)}};
}

// The events in the words of RFC 9967 that the receiver wants; none: an empty object.
absl::StatusOr<json> EventsOf(const Envelope& envelope, Saying saying, StreamPosition position,
                              const FeedSettings& feed, const WasActive& was_active) {
  json events = json::object();
  const bool full = feed.full && !saying.sealed;
  if (feed.Wants(saying.event)) {
    json& body = events[EventUri(saying.event, full)] = json::object();
    if (saying.event != "delete") {
      body = full ? BodyOf("data", std::move(saying.data), position)
                  : BodyOf("attributes", saying.attributes, position);
    }
    if (full && !saying.members.is_null()) {
      events[EventUri("patch", true)] = BodyOf("data", std::move(saying.members), position);
    }
  }
  if (feed.Wants("activate") || feed.Wants("deactivate")) {
    ASSIGN_OR_RETURN(const std::string turned, Turned(envelope, saying, position, was_active));
    if (feed.Wants(turned)) events[EventUri(turned, feed.full)] = json::object();
  }
  return events;
}

json SubjectOf(const Envelope& envelope, const Saying& saying) {
  const absl::string_view endpoint = scim::EndpointOf(envelope.resource_type());
  json subject = {{"format", "scim"}, {"uri", absl::StrCat(endpoint, "/", envelope.resource_id())}};
  if (saying.external_id.is_string()) subject["externalId"] = saying.external_id;
  return subject;
}

// What it says, who it is about, and in which transaction; without events where that is nothing.
absl::StatusOr<json> ChangeClaims(const Envelope& envelope, StreamPosition position,
                                  const FeedSettings& feed, const WasActive& was_active) {
  ASSIGN_OR_RETURN(Saying saying, Say(envelope, *feed.schemas));
  if (saying.event.empty()) return json::object();
  json claims = {{"txn", envelope.request_id()}, {"sub_id", SubjectOf(envelope, saying)}};
  ASSIGN_OR_RETURN(claims["events"],
                   EventsOf(envelope, std::move(saying), position, feed, was_active));
  return claims;
}

// What an operation of an asynchronous request came to (RFC 9967, section 2.5.1.3).
absl::StatusOr<json> CompletionClaims(const Envelope& envelope, const FeedSettings& feed) {
  if (!feed.Wants("asyncresp")) return json::object();
  const auto completed = PayloadOf<event::v1::RequestCompleted>(envelope);
  if (absl::IsNotFound(completed.status())) return json::object();
  RETURN_IF_ERROR(completed.status());
  json body = {{"method", completed->method()}, {"status", absl::StrCat(completed->status())}};
  if (!completed->bulk_id().empty()) body["bulkId"] = completed->bulk_id();
  if (completed->version() != 0) body["version"] = scim::EntityTag(completed->version());
  if (!completed->response().empty()) {
    ASSIGN_OR_RETURN(body["response"], ParseStored(completed->response()));
  }
  std::string uri = completed->location();
  if (uri.empty()) uri = std::string(scim::EndpointOf(envelope.resource_type()));
  json claims = {{"sub_id", {{"format", "scim"}, {"uri", std::move(uri)}}}};
  claims["txn"] = completed->bulk()
                      ? absl::StrCat(envelope.request_id(), ":", completed->operation())
                      : envelope.request_id();
  claims["events"][EventUri("asyncresp", feed.full)] = std::move(body);
  return claims;
}

}  // namespace

std::string JtiOf(StreamPosition position, absl::string_view event_id) {
  return absl::StrCat(position, ".", event_id);
}

std::optional<StreamPosition> PositionIn(absl::string_view jti) {
  StreamPosition position = 0;
  const size_t dot = jti.find('.');
  if (dot == absl::string_view::npos || !absl::SimpleAtoi(jti.substr(0, dot), &position)) {
    return std::nullopt;
  }
  return position;
}

absl::StatusOr<std::optional<bool>> ActiveIn(const Envelope& envelope) {
  ASSIGN_OR_RETURN(const Saying saying, Say(envelope, *scim::StandardSchemas()));
  return saying.active;
}

absl::StatusOr<std::optional<SecurityEvent>> SecurityEventOf(const Envelope& envelope,
                                                             StreamPosition position,
                                                             const FeedSettings& feed,
                                                             const WasActive& was_active) {
  ASSIGN_OR_RETURN(json claims, envelope.kind() == event::v1::REQUEST_COMPLETED
                                    ? CompletionClaims(envelope, feed)
                                    : ChangeClaims(envelope, position, feed, was_active));
  if (!claims.contains("events") || claims["events"].empty()) return std::nullopt;
  claims["iss"] = feed.issuer;
  claims["aud"] = feed.audience;
  claims["iat"] = envelope.time().seconds();
  SecurityEvent event{.position = position, .jti = JtiOf(position, envelope.event_id())};
  claims["jti"] = event.jti;
  scim::AppendJson(claims, &event.claims);
  return event;
}

}  // namespace purser::feed
