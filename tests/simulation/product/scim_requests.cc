#include "tests/simulation/product/scim_requests.h"

#include "absl/strings/str_cat.h"

namespace purser::simulation {
namespace {

using nlohmann::json;
using Kind = Operation::Kind;

constexpr char kUserUrn[] = "urn:ietf:params:scim:schemas:core:2.0:User";
constexpr char kGroupUrn[] = "urn:ietf:params:scim:schemas:core:2.0:Group";
constexpr char kPatchUrn[] = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
constexpr char kBulkUrn[] = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

json MemberList(const std::vector<std::string>& ids) {
  json members = json::array();
  for (const std::string& id : ids) members.push_back({{"value", id}});
  return members;
}

json PatchBody(const Operation& operation) {
  json operations = json::array();
  for (const auto& value : operation.values.items()) {
    operations.push_back({{"op", "replace"}, {"path", value.key()}, {"value", value.value()}});
  }
  if (operation.manager.has_value()) {
    json change = {{"op", operation.manager->empty() ? "remove" : "replace"},
                   {"path", absl::StrCat(kEnterpriseUrn, ":manager")}};
    if (!operation.manager->empty()) change["value"] = {{"value", *operation.manager}};
    operations.push_back(change);
  }
  if (!operation.added.empty()) {
    operations.push_back(
        {{"op", "add"}, {"path", "members"}, {"value", MemberList(operation.added)}});
  }
  for (const std::string& id : operation.removed) {
    operations.push_back(
        {{"op", "remove"}, {"path", absl::StrCat("members[value eq \"", id, "\"]")}});
  }
  return {{"schemas", {kPatchUrn}}, {"Operations", operations}};
}

json ResourceBody(const Operation& operation) {
  json body = operation.values;
  body["schemas"] = {operation.type == event::v1::USER ? kUserUrn : kGroupUrn};
  if (operation.type == event::v1::GROUP) body["members"] = MemberList(operation.added);
  if (!operation.manager.value_or("").empty()) {
    body["schemas"].push_back(kEnterpriseUrn);
    body[kEnterpriseUrn] = {{"manager", {{"value", *operation.manager}}}};
  }
  return body;
}

const char* MethodOf(Kind kind) {
  switch (kind) {
    case Kind::kCreate:
    case Kind::kBulk:
      return "POST";
    case Kind::kPatch:
      return "PATCH";
    case Kind::kReplace:
      return "PUT";
    case Kind::kDelete:
      return "DELETE";
    default:
      return "GET";
  }
}

std::string PathOf(const Operation& operation) {
  if (operation.kind == Kind::kBulk) return "/Bulk";
  const char* endpoint = operation.type == event::v1::USER ? "/Users" : "/Groups";
  return operation.id.empty() ? endpoint : absl::StrCat(endpoint, "/", operation.id);
}

json BulkBody(const Operation& operation);

// Null where the request has none.
json BodyOf(const Operation& operation) {
  if (operation.kind == Kind::kBulk) return BulkBody(operation);
  if (operation.kind == Kind::kPatch) return PatchBody(operation);
  const bool whole = operation.kind == Kind::kReplace || operation.kind == Kind::kCreate;
  return whole ? ResourceBody(operation) : json();
}

json BulkBody(const Operation& operation) {
  json parts = json::array();
  for (const OperationPtr& part : operation.parts) {
    json one = {{"method", MethodOf(part->kind)}, {"path", PathOf(*part)}};
    if (!part->bulk_id.empty()) one["bulkId"] = part->bulk_id;
    if (part->if_match != 0) one["version"] = EntityTag(part->if_match);
    if (const json data = BodyOf(*part); !data.is_null()) one["data"] = data;
    parts.push_back(one);
  }
  json body = {{"schemas", {kBulkUrn}}, {"Operations", parts}};
  if (operation.fail_on_errors != 0) body["failOnErrors"] = operation.fail_on_errors;
  return body;
}

}  // namespace

http::Request RequestOf(const Operation& operation) {
  http::Request request;
  request.method = MethodOf(operation.kind);
  request.path = absl::StrCat("/scim/v2", PathOf(operation));
  if (operation.kind == Kind::kFind) {
    request.query = {{"filter", absl::StrCat("userName eq ", operation.values["userName"].dump())}};
  }
  if (const json body = BodyOf(operation); !body.is_null()) request.body = body.dump();
  request.headers = {{"Authorization", absl::StrCat("Bearer ", kSecret)},
                     {"Content-Type", "application/scim+json"},
                     {"X-Request-Id", operation.request_id}};
  if (operation.if_match != 0) {
    request.headers.emplace_back("If-Match", EntityTag(operation.if_match));
  }
  request.scheme = "https";
  request.host = "id.example.com";
  return request;
}

}  // namespace purser::simulation
