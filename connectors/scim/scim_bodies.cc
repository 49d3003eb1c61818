#include "connectors/scim/scim_bodies.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "connectors/api/app_client.h"

namespace purser::connectors::scim {
namespace {

using config::v1::Dialect;
using nlohmann::json;

constexpr char kPatchSchema[] = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

std::string Op(absl::string_view lower, const Dialect& dialect) {
  std::string op(lower);
  if (dialect.op_case() == Dialect::TITLE) op[0] = absl::ascii_toupper(op[0]);
  return op;
}

// Booleans in the dialect's form, at any depth.
json InDialect(json value, const Dialect& dialect) {
  if (!dialect.boolean_as_string()) return value;
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_structured()) {
    for (json& member : value) member = InDialect(std::move(member), dialect);
  }
  return value;
}

// Adds a schema's URN where it is not listed in any case.
void AddSchema(absl::string_view urn, json* body) {
  json& schemas = (*body)["schemas"];
  if (!schemas.is_array()) schemas = json::array();
  const bool listed = std::any_of(schemas.begin(), schemas.end(), [&](const json& schema) {
    return schema.is_string() && absl::EqualsIgnoreCase(schema.get_ref<const std::string&>(), urn);
  });
  if (!listed) schemas.push_back(std::string(urn));
}

absl::Status Overlay(const Targets& targets, const Attributes& values, json* body) {
  for (const auto& [target, value] : values) {
    ASSIGN_OR_RETURN(const TargetPath path, targets.Find(target));
    SetAt(path, value, body);
    if (!path.extension.empty()) AddSchema(path.extension, body);
  }
  return absl::OkStatus();
}

json SetOperation(const TargetPath& path, const json& value, const Dialect& dialect) {
  json form = path.reference && value.is_string() ? json::object({{"value", value}}) : value;
  return {{"op", Op(path.terms.empty() ? "replace" : "add", dialect)},
          {"path", path.text},
          {"value", InDialect(std::move(form), dialect)}};
}

json PatchOf(json operations) {
  return {{"schemas", {kPatchSchema}}, {"Operations", std::move(operations)}};
}

json MemberValues(const std::vector<std::string>& ids) {
  json values = json::array();
  for (const std::string& id : ids) values.push_back({{"value", id}});
  return values;
}

std::string TextOf(const json* value) {
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  return value->is_number_integer() ? value->dump() : "";
}

}  // namespace

absl::StatusOr<Targets> Targets::Of(const config::v1::ResourceMapping& mapping) {
  Targets targets;
  for (const config::v1::MappingRow& row : mapping.rows()) {
    ASSIGN_OR_RETURN(TargetPath path, ParseTargetPath(row.target()));
    if (absl::EqualsIgnoreCase(path.attribute, "members") && path.extension.empty()) continue;
    const bool manager = absl::EqualsIgnoreCase(path.extension, kEnterpriseSchema) &&
                         absl::EqualsIgnoreCase(path.attribute, "manager");
    path.reference = (row.reference() || manager) && path.sub.empty();
    path.text = row.target();
    targets.paths_.push_back(std::move(path));
  }
  return targets;
}

absl::StatusOr<TargetPath> Targets::Find(absl::string_view text) const {
  for (const TargetPath& path : paths_) {
    if (path.text == text) return path;
  }
  return ParseTargetPath(text);
}

absl::StatusOr<json> CreateBody(ResourceType type, const Targets& targets, const Attributes& wanted,
                                const Dialect& dialect) {
  json body = json::object();
  AddSchema(type == ResourceType::kUser ? kUserSchema : kGroupSchema, &body);
  RETURN_IF_ERROR(Overlay(targets, wanted, &body));
  return InDialect(std::move(body), dialect);
}

absl::StatusOr<json> PatchBody(const Targets& targets, const Changes& changes,
                               const Dialect& dialect) {
  json operations = json::array();
  for (const auto& [target, value] : changes.set) {
    ASSIGN_OR_RETURN(const TargetPath path, targets.Find(target));
    operations.push_back(SetOperation(path, value, dialect));
  }
  for (const std::string& target : changes.clear) {
    operations.push_back({{"op", Op("remove", dialect)}, {"path", target}});
  }
  return PatchOf(std::move(operations));
}

json MembersPatchBody(const MemberChanges& changes, const Dialect& dialect) {
  json operations = json::array();
  if (!changes.add.empty()) {
    operations.push_back(
        {{"op", Op("add", dialect)}, {"path", "members"}, {"value", MemberValues(changes.add)}});
  }
  const std::string remove = Op("remove", dialect);
  if (dialect.member_removal() == Dialect::LISTED) {
    if (!changes.remove.empty()) {
      operations.push_back(
          {{"op", remove}, {"path", "members"}, {"value", MemberValues(changes.remove)}});
    }
    return PatchOf(std::move(operations));
  }
  for (const std::string& id : changes.remove) {
    operations.push_back(
        {{"op", remove}, {"path", absl::StrCat("members[value eq ", ToText(json(id)), "]")}});
  }
  return PatchOf(std::move(operations));
}

absl::StatusOr<json> PutBody(ResourceType type, const Targets& targets, json current,
                             const Changes& changes, const Dialect& dialect) {
  current.erase("meta");
  AddSchema(type == ResourceType::kUser ? kUserSchema : kGroupSchema, &current);
  RETURN_IF_ERROR(Overlay(targets, changes.wanted, &current));
  RETURN_IF_ERROR(Overlay(targets, changes.set, &current));
  for (const std::string& target : changes.clear) {
    ASSIGN_OR_RETURN(const TargetPath path, targets.Find(target));
    RemoveAt(path, &current);
  }
  return InDialect(std::move(current), dialect);
}

json MembersPutBody(json current, const MemberChanges& changes) {
  current.erase("meta");
  std::set<std::string> gone(changes.remove.begin(), changes.remove.end());
  gone.insert(changes.add.begin(), changes.add.end());
  json members = MemberValues(changes.add);
  if (const json* before = MemberOf(current, "members"); before != nullptr && before->is_array()) {
    for (const json& member : *before) {
      if (!gone.contains(TextOf(MemberOf(member, "value")))) members.push_back(member);
    }
  }
  current["members"] = std::move(members);
  return current;
}

std::string FilterFor(const TargetPath& path, absl::string_view value) {
  const std::string literal = ToText(json(std::string(value)));
  const std::string attribute =
      path.extension.empty() ? path.attribute : absl::StrCat(path.extension, ":", path.attribute);
  if (path.terms.empty()) {
    const std::string sub = path.reference ? "value" : path.sub;
    return absl::StrCat(attribute, sub.empty() ? "" : ".", sub, " eq ", literal);
  }
  std::string filter = absl::StrCat(attribute, "[");
  for (const TargetPath::Term& term : path.terms) {
    absl::StrAppend(&filter, term.attribute, " eq ", ToText(term.value), " and ");
  }
  return absl::StrCat(filter, path.sub.empty() ? "value" : path.sub, " eq ", literal, "]");
}

RemoteResource ParseResource(const Targets& targets, const json& body) {
  RemoteResource resource;
  resource.id = TextOf(MemberOf(body, "id"));
  for (const TargetPath& path : targets.paths()) {
    if (auto value = ValueAt(path, body)) resource.attributes[path.text] = *std::move(value);
  }
  if (const json* active = MemberOf(body, "active")) resource.active = AsBoolean(*active);
  if (const json* meta = MemberOf(body, "meta")) resource.etag = TextOf(MemberOf(*meta, "version"));
  if (const json* members = MemberOf(body, "members"); members != nullptr && members->is_array()) {
    for (const json& member : *members) {
      std::string id = TextOf(MemberOf(member, "value"));
      if (!id.empty()) resource.member_ids.insert(std::move(id));
    }
  }
  return resource;
}

}  // namespace purser::connectors::scim
