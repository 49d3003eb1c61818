#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/message.h"
#include "broker/scim/patch.h"
#include "broker/scim/path.h"
#include "broker/scim/value.h"

namespace purser::scim {
namespace {

using nlohmann::json;

constexpr absl::string_view kPatchUrn = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

absl::Status Syntax(absl::string_view why) { return BadRequest(ErrorType::kInvalidSyntax, why); }

absl::Status TooManyOperations() {
  return ScimError(413, ErrorType::kNone, "the request holds too many operations");
}

absl::StatusOr<PatchKind> KindOf(json* operation) {
  const json* op = FindAnyCase(operation, "op");
  if (op == nullptr || !op->is_string()) return Syntax("an operation has no \"op\"");
  const std::string& name = op->get_ref<const std::string&>();
  if (absl::EqualsIgnoreCase(name, "add")) return PatchKind::kAdd;
  if (absl::EqualsIgnoreCase(name, "replace")) return PatchKind::kReplace;
  if (absl::EqualsIgnoreCase(name, "remove")) return PatchKind::kRemove;
  return Syntax("\"op\" must be add, replace or remove");
}

absl::Status ReadOnlyTarget(const Attribute& attribute) {
  return BadRequest(ErrorType::kMutability,
                    absl::StrCat("attribute \"", attribute.name, "\" is read-only"));
}

// True for an object all of whose known sub-attributes are readOnly, so that nothing is left of it.
bool HoldsReadOnlyAlone(const Attribute& attribute, const json& value) {
  if (!attribute.is_complex() || !value.is_object()) return false;
  bool any = false;
  for (const auto& [name, item] : *value.get_ptr<const json::object_t*>()) {
    const Attribute* sub = attribute.Sub(name);
    if (sub == nullptr) continue;
    if (!sub->is_read_only()) return false;
    any = true;
  }
  return any;
}

class PatchParser {
 public:
  explicit PatchParser(const ResourceSchema& schema) : schema_(schema) {
    request_.schema = &schema;
  }

  absl::Status AddOperation(json operation) {
    if (!operation.is_object()) return Syntax("an operation must be an object");
    ASSIGN_OR_RETURN(const PatchKind kind, KindOf(&operation));
    json* path = FindAnyCase(&operation, "path");
    json* value = FindAnyCase(&operation, "value");
    if (path != nullptr && !path->is_null() && !path->is_string()) {
      return BadRequest(ErrorType::kInvalidPath, "\"path\" must be a string");
    }
    if (kind != PatchKind::kRemove && value == nullptr) {
      return BadRequest(ErrorType::kInvalidValue, "an operation has no \"value\"");
    }
    json given = value != nullptr ? std::move(*value) : json();
    if (path == nullptr || path->is_null() || path->get_ref<const std::string&>().empty()) {
      return AddPathless(kind, std::move(given));
    }
    ASSIGN_OR_RETURN(Path parsed, ParsePath(schema_, path->get_ref<const std::string&>()));
    return AddTarget(kind, std::move(parsed), std::move(given));
  }

  PatchRequest Take() { return std::move(request_); }

 private:
  absl::Status AddTarget(PatchKind kind, Path path, json value) {
    switch (path.kind) {
      case Path::Kind::kResource:
        return AddPathless(kind, std::move(value));
      case Path::Kind::kExtension:
        return AddExtension(kind, *path.ref.extension, std::move(value));
      case Path::Kind::kAttribute:
        break;
    }
    return AddAttribute(kind, std::move(path), std::move(value));
  }

  absl::Status AddPathless(PatchKind kind, json value) {
    if (kind == PatchKind::kRemove) {
      return BadRequest(ErrorType::kNoTarget, "remove needs a path");
    }
    if (!value.is_object()) {
      return BadRequest(ErrorType::kInvalidValue, "without a path the value must be an object");
    }
    for (auto& [name, item] : *value.get_ptr<json::object_t*>()) {
      RETURN_IF_ERROR(AddNamed(kind, name, std::move(item)));
    }
    return absl::OkStatus();
  }

  // A name that is unknown is ignored, as it is in POST.
  absl::Status AddNamed(PatchKind kind, const std::string& name, json value) {
    absl::StatusOr<Path> path = ParsePath(schema_, name);
    if (path.ok()) return AddTarget(kind, *std::move(path), std::move(value));
    return absl::StrContains(name, '[') ? path.status() : absl::OkStatus();
  }

  absl::Status AddExtension(PatchKind kind, const Schema& extension, json value) {
    const bool unassigns = value.is_null() || (value.is_structured() && value.empty());
    if (kind == PatchKind::kRemove || (kind == PatchKind::kReplace && unassigns)) {
      request_.attributes.push_back(
          {.kind = PatchKind::kRemove, .target = {&extension, nullptr, nullptr}});
      return absl::OkStatus();
    }
    if (unassigns) return absl::OkStatus();
    if (!value.is_object()) {
      return BadRequest(ErrorType::kInvalidValue, "an extension's value must be an object");
    }
    for (auto& [name, item] : *value.get_ptr<json::object_t*>()) {
      const ResolvedName found = ResolveName(schema_, absl::StrCat(extension.urn, ":", name));
      if (found.kind != ResolvedName::Kind::kAttribute) continue;
      RETURN_IF_ERROR(AddAttribute(kind, Path{Path::Kind::kAttribute, found.ref, std::nullopt},
                                   std::move(item)));
    }
    return absl::OkStatus();
  }

  absl::Status AddAttribute(PatchKind kind, Path path, json value) {
    const Attribute& attribute = *path.ref.attribute;
    const bool core = path.ref.extension == nullptr;
    const bool schemas = core && attribute.name == "schemas";
    if (schemas && kind != PatchKind::kRemove) return absl::OkStatus();
    if (core && attribute.name == "id" && kind != PatchKind::kRemove && value.is_string()) {
      request_.ids.push_back(value.get<std::string>());
      return absl::OkStatus();
    }
    if (schemas || attribute.is_read_only() || path.ref.leaf().is_read_only() ||
        HoldsReadOnlyAlone(attribute, value)) {
      return ReadOnlyTarget(path.ref.leaf());
    }
    if (attribute.refers_by_value && path.ref.sub != nullptr && path.ref.sub->name == "$ref") {
      path.ref.sub = attribute.Sub("value");
      if (value.is_string()) value = std::string(IdInUri(value.get_ref<const std::string&>()));
    }
    if (core && attribute.name == "members")
      return AddMembers(kind, std::move(path), std::move(value));
    AttributeOperation operation{
        .kind = kind, .target = path.ref, .filter = std::move(path.filter)};
    RETURN_IF_ERROR(SetValue(std::move(value), &operation));
    if (attribute.mutability == Mutability::kWriteOnly) return absl::OkStatus();
    if (request_.attributes.size() >= kMaxAttributeOperations) return TooManyOperations();
    request_.attributes.push_back(std::move(operation));
    return absl::OkStatus();
  }

  static absl::Status SetValue(json value, AttributeOperation* operation) {
    const AttributeRef& target = operation->target;
    if (operation->kind == PatchKind::kRemove) return SetRemoved(std::move(value), operation);
    if (target.sub != nullptr) {
      if (SetRole(value, operation)) return absl::OkStatus();
      ASSIGN_OR_RETURN(operation->value,
                       CanonicalValue(*target.sub, std::move(value), ValueForm::kPatch));
      return absl::OkStatus();
    }
    if (!operation->filter.has_value()) {
      ASSIGN_OR_RETURN(operation->value,
                       CanonicalValue(*target.attribute, std::move(value), ValueForm::kPatch));
      return absl::OkStatus();
    }
    operation->merge_element = operation->kind == PatchKind::kAdd && target.attribute->is_complex();
    if (value.is_array() && value.size() == 1) {
      json only = std::move(value[0]);
      value = std::move(only);
    }
    if (value.is_structured() && value.empty()) value = nullptr;
    ASSIGN_OR_RETURN(
        operation->value,
        CanonicalElement(*target.attribute, std::move(value),
                         operation->merge_element ? ValueForm::kPatch : ValueForm::kWhole));
    return absl::OkStatus();
  }

  // roles[primary eq "True"].value = "{\"value\":\"25\",\"displayName\":\"Auditor\"}" sets both.
  static bool SetRole(const json& value, AttributeOperation* operation) {
    const Attribute& attribute = *operation->target.attribute;
    if (!attribute.accepts_json_in_string || operation->target.sub->name != "value") return false;
    absl::StatusOr<json> role =
        CanonicalElement(attribute, json{{"value", value}}, ValueForm::kWhole);
    if (!role.ok() || !role->is_object() || (*role)["value"] == value) return false;
    operation->value = *std::move(role);
    operation->target.sub = nullptr;
    operation->merge_element = true;
    return true;
  }

  // {"op": "remove", "path": "emails", "value": [..]} removes those listed, not all.
  static absl::Status SetRemoved(json value, AttributeOperation* operation) {
    const AttributeRef& target = operation->target;
    const bool lists = target.attribute->multi_valued && target.sub == nullptr &&
                       !operation->filter.has_value() && !value.is_null();
    if (!lists) return absl::OkStatus();
    ASSIGN_OR_RETURN(operation->value,
                     CanonicalValue(*target.attribute, std::move(value), ValueForm::kPatch));
    if (operation->value.is_null()) operation->value = json::array();
    return absl::OkStatus();
  }

  absl::Status AddMembers(PatchKind kind, Path path, json value) {
    if (path.filter.has_value()) return AddMemberPath(kind, std::move(path));
    if (path.ref.sub != nullptr) {
      return BadRequest(ErrorType::kMutability, "a member is added or removed, never changed");
    }
    using Kind = MemberOperation::Kind;
    if (kind == PatchKind::kRemove && value.is_null()) {
      request_.members.push_back({.kind = Kind::kRemoveAll});
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(std::vector<std::string> ids, MemberIds(value));
    const Kind member_kind = kind == PatchKind::kAdd      ? Kind::kAdd
                             : kind == PatchKind::kRemove ? Kind::kRemove
                                                          : Kind::kReplaceAll;
    request_.members.push_back({.kind = member_kind, .ids = std::move(ids)});
    return absl::OkStatus();
  }

  absl::Status AddMemberPath(PatchKind kind, Path path) {
    using Kind = MemberOperation::Kind;
    if (kind != PatchKind::kRemove || path.ref.sub != nullptr) {
      return BadRequest(ErrorType::kMutability, "a member is added or removed, never changed");
    }
    const std::optional<IndexedEquality> one = FindIndexedEquality(*path.filter);
    const bool only_value = path.filter->root().kind == Filter::Kind::kCompare;
    if (one.has_value() && one->key == IndexedEquality::Key::kMemberId && only_value) {
      request_.members.push_back({.kind = Kind::kRemove, .ids = {one->value}});
    } else {
      request_.members.push_back({.kind = Kind::kRemoveMatching, .filter = std::move(path.filter)});
    }
    return absl::OkStatus();
  }

  const ResourceSchema& schema_;
  PatchRequest request_;
};

}  // namespace

absl::StatusOr<PatchRequest> ParsePatch(const ResourceSchema& schema, absl::string_view body,
                                        const JsonLimits& limits, const ClearValues& clear) {
  ASSIGN_OR_RETURN(json parsed, ParseJson(body, limits));
  return ReadPatch(schema, std::move(parsed), clear);
}

absl::StatusOr<PatchRequest> ReadPatch(const ResourceSchema& schema, json body,
                                       const ClearValues& clear) {
  if (!body.is_object()) return Syntax("the body must be a JSON object");
  RETURN_IF_ERROR(CheckMessageSchema(&body, kPatchUrn));
  json* operations = FindAnyCase(&body, "Operations");
  if (operations == nullptr || !operations->is_array()) {
    return Syntax("\"Operations\" must be a list");
  }
  ClearInOperations(clear, operations);
  if (operations->size() > kMaxPatchOperations) {
    return TooManyOperations();
  }
  PatchParser parser(schema);
  for (json& operation : *operations) {
    RETURN_IF_ERROR(parser.AddOperation(std::move(operation)));
  }
  return parser.Take();
}

}  // namespace purser::scim
