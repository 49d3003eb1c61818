#include "broker/mapping/mapping.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

const AppRole* FindRole(const std::vector<AppRole>& roles, absl::string_view name) {
  for (const AppRole& role : roles) {
    if (absl::EqualsIgnoreCase(role.value, name) || absl::EqualsIgnoreCase(role.display, name)) {
      return &role;
    }
  }
  return nullptr;
}

void AddRole(const AppRole* role, std::vector<AppRole>* roles) {
  if (role == nullptr) return;
  if (std::find(roles->begin(), roles->end(), *role) == roles->end()) roles->push_back(*role);
}

// The names by which an element of the directory's `roles` may mean a role. One provider sends
// JSON inside a string: "{\"id\":..,\"value\":..,\"displayName\":..}".
std::vector<std::string> NamesOf(const json& element) {
  std::vector<std::string> names;
  const auto add = [&names](const json& object, const char* key) {
    const auto found = object.find(key);
    if (found != object.end() && found->is_string()) names.push_back(found->get<std::string>());
  };
  if (element.is_string()) names.push_back(element.get<std::string>());
  if (!element.is_object()) return names;
  add(element, "value");
  add(element, "display");
  if (names.empty() || !absl::StartsWith(names.front(), "{")) return names;
  const json inner = json::parse(names.front(), nullptr, false);
  if (!inner.is_object()) return names;
  add(inner, "value");
  add(inner, "displayName");
  return names;
}

// A role that the app does not list may be assigned where it lists none at all.
const AppRole* AssignedRole(const std::vector<AppRole>& known, const std::string& name,
                            AppRole* unlisted) {
  if (!known.empty()) return FindRole(known, name);
  *unlisted = {name, name};
  return name.empty() ? nullptr : unlisted;
}

// SCIM's own attributes are texts, but for `active` and `primary`.
bool IsBooleanTarget(absl::string_view target) {
  return target == "active" || absl::EndsWith(target, ".primary");
}

bool IsCoreTextTarget(absl::string_view target) {
  return absl::EndsWith(target, ".value") || absl::StartsWith(target, "name.") ||
         target == "userName" || target == "displayName" || target == "title" ||
         target == "externalId" || absl::StartsWith(target, kEnterpriseUrn);
}

// The value in the type that the target has.
json Typed(absl::string_view target, json value) {
  if (IsBooleanTarget(target) && !IsEmptyValue(value)) return TruthOf(value);
  if (value.is_primitive() && !value.is_string() && !value.is_null() && IsCoreTextTarget(target)) {
    return TextOf(value);
  }
  return value;
}

// Works out one resource, row by row.
class Mapper {
 public:
  Mapper(const CompiledMapping& mapping, const MappingInput& input)
      : mapping_(mapping), input_(input), roles_(RolesOf(mapping, input)) {
    context_.source = {input.resource, input.active, &roles_, input.groups};
    context_.generate = input.generate;
    context_.default_domain = mapping.default_domain;
    context_.time_zone = mapping.time_zone;
  }

  absl::StatusOr<MappedResource> Map();

 private:
  absl::Status MapRow(const CompiledRow& row);
  absl::StatusOr<json> RowValue(const CompiledRow& row);
  absl::StatusOr<json> SourceValue(const CompiledRow& row);
  void Place(const CompiledRow& row, json value);
  void OrderMatching();

  const CompiledMapping& mapping_;
  const MappingInput& input_;
  std::vector<AppRole> roles_;
  EvaluationContext context_;
  MappedResource result_;
};

absl::StatusOr<MappedResource> Mapper::Map() {
  if (mapping_.enabled) {
    for (const CompiledRow& row : mapping_.rows) RETURN_IF_ERROR(MapRow(row));
    OrderMatching();
  }
  return std::move(result_);
}

absl::Status Mapper::MapRow(const CompiledRow& row) {
  context_.ignore = context_.redact = context_.additive = false;
  context_.candidates.clear();
  context_.target = row.target;
  auto value = RowValue(row);
  if (!value.ok()) return Annotate(value.status(), absl::StrCat("attribute ", row.target));
  if (row.on_create) result_.on_create.insert(row.target);
  if (context_.redact) result_.redacted.insert(row.target);
  if (context_.additive) result_.additive.insert(row.target);
  Place(row, *std::move(value));
  return absl::OkStatus();
}

absl::StatusOr<json> Mapper::SourceValue(const CompiledRow& row) {
  switch (row.source) {
    case CompiledRow::Source::kAttribute:
      return ReadSourceComposed(row.attribute, context_.source);
    case CompiledRow::Source::kConstant:
      return row.constant;
    case CompiledRow::Source::kExpression:
      return row.expression->Evaluate(&context_);
  }
  return json();
}

absl::StatusOr<json> Mapper::RowValue(const CompiledRow& row) {
  ASSIGN_OR_RETURN(json value, SourceValue(row));
  if (IsEmptyValue(value)) {
    const bool counts = input_.creating || !row.default_on_create;
    value = counts ? row.default_value : json();
  }
  if (row.e164 && value.is_string()) value = ToE164(value.get_ref<const std::string&>());
  return Typed(row.target, std::move(value));
}

void Mapper::Place(const CompiledRow& row, json value) {
  const bool empty = IsEmptyValue(value);
  const bool has_default = row.default_on_create && !row.default_value.is_null();
  if (!input_.creating && (row.on_create || (empty && has_default))) {
    result_.keep.insert(row.target);
  } else if (empty && context_.ignore) {
    result_.keep.insert(row.target);
  } else if (empty && row.required) {
    result_.missing_required.push_back(row.target);
  } else if (!empty && row.reference) {
    result_.references.push_back({row.target, TextOf(value)});
  } else if (!empty) {
    result_.values[row.target] = value;
  }
  if (!empty && row.match != 0) result_.matching.push_back({row.target, value});
  if (input_.creating && context_.candidates.size() > 1) {
    result_.candidates[row.target] = std::move(context_.candidates);
  }
}

void Mapper::OrderMatching() {
  std::stable_sort(result_.matching.begin(), result_.matching.end(),
                   [this](const MatchingAttribute& a, const MatchingAttribute& b) {
                     return mapping_.FindRow(a.target)->match < mapping_.FindRow(b.target)->match;
                   });
}

// The digits of a number as people write it: no trunk prefix in brackets, no extension.
std::string Digits(absl::string_view text) {
  std::string digits;
  for (char c : absl::StrReplaceAll(text, {{"(0)", ""}})) {
    if (c == ';' || c == ',' || absl::ascii_isalpha(c)) break;
    if (absl::ascii_isdigit(c)) digits.push_back(c);
  }
  return digits;
}

}  // namespace

absl::StatusOr<MappedResource> MapUser(const CompiledMapping& mapping, const MappingInput& input) {
  return Mapper(mapping, input).Map();
}

absl::StatusOr<MappedResource> MapGroup(const CompiledMapping& mapping, const MappingInput& input) {
  return Mapper(mapping, input).Map();
}

std::vector<AppRole> RolesOf(const CompiledMapping& mapping, const MappingInput& input) {
  std::vector<AppRole> roles;
  const auto held = input.resource->attributes.find("roles");
  if (held != input.resource->attributes.end() && held->is_array()) {
    for (const json& element : *held) {
      for (const std::string& name : NamesOf(element))
        AddRole(FindRole(mapping.roles, name), &roles);
    }
  }
  AppRole unlisted;
  for (const std::string& name : input.assigned_roles) {
    AddRole(AssignedRole(mapping.roles, name, &unlisted), &roles);
  }
  if (roles.empty() && input.in_scope_by_all) {
    AddRole(AssignedRole(mapping.roles, mapping.default_role, &unlisted), &roles);
  }
  return roles;
}

std::string ToE164(absl::string_view phone) {
  absl::string_view rest = absl::StripAsciiWhitespace(phone);
  if (absl::StartsWithIgnoreCase(rest, "tel:")) rest.remove_prefix(4);
  if (!absl::ConsumePrefix(&rest, "+")) return std::string(phone);
  const std::string digits = Digits(rest);
  return digits.empty() ? std::string(phone) : absl::StrCat("+", digits);
}

}  // namespace purser::mapping
