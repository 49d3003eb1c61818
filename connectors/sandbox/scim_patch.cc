#include "connectors/sandbox/scim_patch.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "connectors/sandbox/json_access.h"
#include "connectors/sandbox/scim_path.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

enum class Op { kAdd, kReplace, kRemove };

class Patcher {
 public:
  Patcher(const ScimSchema& schema, json* resource, std::vector<MemberStep>* members)
      : schema_(schema), resource_(*resource), members_(*members) {}

  Refusal ApplyOperation(const json& operation);
  void DropUnassigned();

 private:
  Refusal ApplyObject(Op op, const json& value, bool extension);
  Refusal Apply(Op op, const ScimPath& path, const json& value);
  Refusal ApplyMembers(Op op, const ScimPath& path, const json& value);
  Refusal ApplyValuePath(Op op, const ScimPath& path, const json& value, json* elements);
  Refusal ApplyElement(Op op, const ScimPath& path, const json& value, json* element);
  Refusal ApplyMulti(Op op, const ScimPath& path, const json& value, json* owner);
  Refusal ApplySub(Op op, const ScimPath& path, const json& value, json* object);
  Refusal ApplyWhole(Op op, const ScimPath& path, const json& value, json* owner);

  const ScimSchema& schema_;
  json& resource_;
  std::vector<MemberStep>& members_;
};

bool ParseOp(const std::string& text, Op* op) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "add") *op = Op::kAdd;
  if (lower == "replace") *op = Op::kReplace;
  if (lower == "remove") *op = Op::kRemove;
  return lower == "add" || lower == "replace" || lower == "remove";
}

bool IsReadOnly(absl::string_view name) {
  return absl::EqualsIgnoreCase(name, "id") || absl::EqualsIgnoreCase(name, "meta") ||
         absl::StartsWithIgnoreCase(name, "meta.") || absl::EqualsIgnoreCase(name, "groups");
}

Refusal Patcher::ApplyOperation(const json& operation) {
  Op op;
  if (!ParseOp(TextMember(operation, "op"), &op)) {
    return BadRequest("invalidSyntax", "op must be add, replace or remove");
  }
  const json* given = Member(operation, "value");
  const json value = given == nullptr ? json() : *given;
  const json* path_text = Member(operation, "path");
  if (path_text == nullptr || *path_text == "") {
    if (op == Op::kRemove) return BadRequest("noTarget", "remove needs a path");
    return ApplyObject(op, value, /*extension=*/false);
  }
  if (!path_text->is_string()) return BadRequest("invalidPath", "path must be a string");
  const std::string text = path_text->get<std::string>();
  if (IsReadOnly(text)) return BadRequest("mutability", absl::StrCat(text, " is read-only"));
  ScimPath path;
  if (Refusal no = ParsePath(schema_, text, &path)) return no;
  return Apply(op, path, value);
}

// A value without a path: an object whose keys are names, dotted names or URNs. Unknown ones are
// ignored, as in a POST.
Refusal Patcher::ApplyObject(Op op, const json& value, bool extension) {
  if (!value.is_object()) return BadRequest("invalidValue", "value must be an object");
  for (const auto& [key, member] : value.items()) {
    ScimPath path;
    const std::string text = extension ? absl::StrCat(kEnterpriseUrn, ":", key) : key;
    if (ParsePath(schema_, text, &path)) continue;
    if (Refusal no = Apply(op, path, member)) return no;
  }
  return {};
}

Refusal Patcher::Apply(Op op, const ScimPath& path, const json& value) {
  if (path.whole_extension) {
    if (op != Op::kRemove && !value.is_null()) return ApplyObject(op, value, /*extension=*/true);
    resource_.erase(kEnterpriseUrn);
    return {};
  }
  if (path.attribute->name == "members") return ApplyMembers(op, path, value);
  json& owner = path.attribute->extension ? resource_[kEnterpriseUrn] : resource_;
  if (path.attribute->multi && (path.has_filter || !path.sub.empty())) {
    return ApplyValuePath(op, path, value, &owner[path.attribute->name]);
  }
  if (path.attribute->multi) return ApplyMulti(op, path, value, &owner);
  if (!path.sub.empty()) return ApplySub(op, path, value, &owner[path.attribute->name]);
  return ApplyWhole(op, path, value, &owner);
}

Refusal Patcher::ApplyMembers(Op op, const ScimPath& path, const json& value) {
  if (path.has_filter) {
    if (op != Op::kRemove || path.terms.size() != 1 || !path.terms[0].value.is_string() ||
        !absl::EqualsIgnoreCase(path.terms[0].attribute, "value")) {
      return BadRequest("invalidPath", "members are named by value, for remove alone");
    }
    members_.push_back({MemberStep::kRemove, path.terms[0].value.get<std::string>()});
    return {};
  }
  std::vector<std::string> ids;
  if (Refusal no = MemberIds(value, &ids)) return no;
  // A remove that lists members removes those alone.
  if (op == Op::kReplace || (op == Op::kRemove && ids.empty())) {
    members_.push_back({MemberStep::kClear, ""});
  }
  const auto kind = op == Op::kRemove ? MemberStep::kRemove : MemberStep::kAdd;
  for (std::string& id : ids) members_.push_back({kind, std::move(id)});
  return {};
}

// The elements that `emails[type eq "work"]` selects, or of `emails.value` all.
Refusal Patcher::ApplyValuePath(Op op, const ScimPath& path, const json& value, json* elements) {
  if (!elements->is_array()) *elements = json::array();
  bool found = false;
  for (json& element : *elements) {
    if (!Matches(element, path.terms)) continue;
    found = true;
    if (Refusal no = ApplyElement(op, path, value, &element)) return no;
  }
  if (found || op == Op::kRemove) return {};
  if (op == Op::kReplace && path.has_filter) {
    return BadRequest("noTarget", "no element matches the value path");
  }
  json element = json::object();
  for (const EqualTerm& term : path.terms) {
    const std::string sub = path.attribute->Sub(term.attribute);
    if (!sub.empty()) element[sub] = term.value;
  }
  if (Refusal no = ApplyElement(op, path, value, &element)) return no;
  elements->push_back(std::move(element));
  return {};
}

Refusal Patcher::ApplyElement(Op op, const ScimPath& path, const json& value, json* element) {
  if (!path.sub.empty()) return ApplySub(op, path, value, element);
  if (op == Op::kRemove || value.is_null()) {
    element->clear();
    return {};
  }
  json canonical;
  if (Refusal no = schema_.CanonicalValue(*path.attribute, value, &canonical)) return no;
  if (!canonical.is_array()) return BadRequest("invalidValue", "value must be an object");
  if (op == Op::kReplace) element->clear();
  element->update(canonical[0]);
  return {};
}

Refusal Patcher::ApplyMulti(Op op, const ScimPath& path, const json& value, json* owner) {
  json canonical;
  if (Refusal no = schema_.CanonicalValue(*path.attribute, value, &canonical)) return no;
  json& elements = (*owner)[path.attribute->name];
  if (!elements.is_array()) elements = json::array();
  if (op == Op::kReplace || (op == Op::kRemove && canonical.is_null())) elements = json::array();
  if (canonical.is_null()) return {};
  for (json& element : canonical) {
    const auto known = std::find(elements.begin(), elements.end(), element);
    if (op == Op::kRemove) {
      if (known != elements.end()) elements.erase(known);
    } else if (known == elements.end()) {
      elements.push_back(std::move(element));
    }
  }
  return {};
}

Refusal Patcher::ApplySub(Op op, const ScimPath& path, const json& value, json* object) {
  if (!object->is_object()) *object = json::object();
  if (op == Op::kRemove || value.is_null()) {
    object->erase(path.sub);
    return {};
  }
  const bool boolean = path.sub == "primary";
  if (boolean ? !AsBoolean(value).has_value() : !value.is_string()) {
    return BadRequest("invalidValue", absl::StrCat(path.sub, " has a value of another type"));
  }
  (*object)[path.sub] = boolean ? json(*AsBoolean(value)) : value;
  return {};
}

Refusal Patcher::ApplyWhole(Op op, const ScimPath& path, const json& value, json* owner) {
  json& target = (*owner)[path.attribute->name];
  if (op == Op::kRemove) {
    target = nullptr;
    return {};
  }
  json canonical;
  if (Refusal no = schema_.CanonicalValue(*path.attribute, value, &canonical)) return no;
  if (canonical.is_object() && target.is_object()) {
    target.update(canonical);
  } else {
    target = std::move(canonical);
  }
  return {};
}

// Elements that say no more than their type, empty objects and nulls.
void Patcher::DropUnassigned() {
  const auto drop = [](json& owner) {
    for (auto member = owner.begin(); member != owner.end();) {
      if (member->is_array()) {
        auto& elements = member->get_ref<json::array_t&>();
        std::erase_if(elements, [](const json& element) {
          return element.size() == element.count("type") + element.count("primary");
        });
      }
      const bool unassigned = member->is_null() || (member->is_structured() && member->empty()) ||
                              (member.key() == "manager" && TextMember(*member, "value").empty());
      member = unassigned ? owner.erase(member) : std::next(member);
    }
  };
  if (resource_.contains(kEnterpriseUrn)) {
    json& extension = resource_[kEnterpriseUrn];
    if (extension.is_object()) drop(extension);
  }
  drop(resource_);
}

}  // namespace

Refusal MemberIds(const json& value, std::vector<std::string>* ids) {
  if (value.is_null()) return {};
  for (const json& member : value.is_array() ? value : json::array({value})) {
    const std::string id =
        member.is_string() ? member.get<std::string>() : TextMember(member, "value");
    if (id.empty()) return BadRequest("invalidValue", "a member needs a value");
    ids->push_back(id);
  }
  return {};
}

Refusal ApplyPatch(const ScimSchema& schema, const json& body, json* resource,
                   std::vector<MemberStep>* members) {
  const json* operations = Member(body, "Operations");
  if (operations == nullptr || !operations->is_array()) {
    return BadRequest("invalidSyntax", "Operations must be a list");
  }
  Patcher patcher(schema, resource, members);
  for (const json& operation : *operations) {
    if (Refusal no = patcher.ApplyOperation(operation)) return no;
  }
  patcher.DropUnassigned();
  return {};
}

}  // namespace purser::sandbox
