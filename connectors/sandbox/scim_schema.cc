#include "connectors/sandbox/scim_schema.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

// "emails[type eq \"work\"].value" in its parts.
struct RowPath {
  bool extension = false;
  std::string attribute;
  std::string type;  // "work"
  std::string sub;
};

RowPath SplitRow(absl::string_view path) {
  RowPath parts;
  parts.extension = absl::ConsumePrefix(&path, absl::StrCat(kEnterpriseUrn, ":"));
  const size_t end = path.find_first_of("[.");
  parts.attribute = std::string(path.substr(0, end));
  const size_t quote = path.find('"');
  if (quote != absl::string_view::npos) {
    parts.type = std::string(path.substr(quote + 1, path.find('"', quote + 1) - quote - 1));
  }
  const size_t dot = path.rfind('.');
  if (dot != absl::string_view::npos) parts.sub = std::string(path.substr(dot + 1));
  return parts;
}

bool IsMulti(absl::string_view name) {
  return name == "emails" || name == "phoneNumbers" || name == "addresses" || name == "roles" ||
         name == "members";
}

std::string Key(absl::string_view name, bool extension) {
  return absl::StrCat(extension ? "+" : "", absl::AsciiStrToLower(name));
}

bool Unassigned(const json& value) {
  return value.is_null() || ((value.is_array() || value.is_object()) && value.empty());
}

Refusal CanonicalPlain(absl::string_view name, bool boolean, const json& value, json* output) {
  if (value.is_null()) {
    *output = nullptr;
    return {};
  }
  if (boolean) {
    const std::optional<bool> truth = AsBoolean(value);
    if (!truth) return BadRequest("invalidValue", absl::StrCat(name, " must be a boolean"));
    *output = *truth;
    return {};
  }
  if (!value.is_string()) {
    return BadRequest("invalidValue", absl::StrCat(name, " must be a string"));
  }
  *output = value;
  return {};
}

// An object with the attribute's sub-attributes; a bare string stands for its "value".
Refusal CanonicalComplex(const ScimAttribute& attribute, const json& value, json* output) {
  *output = json::object();
  if (value.is_string() && !attribute.Sub("value").empty()) {
    (*output)["value"] = value;
    return {};
  }
  if (!value.is_object()) {
    return BadRequest("invalidValue", absl::StrCat(attribute.name, " must be an object"));
  }
  for (const auto& [key, member] : value.items()) {
    const std::string sub = attribute.Sub(key);
    if (sub.empty()) continue;
    json plain;
    if (Refusal no = CanonicalPlain(sub, sub == "primary", member, &plain)) return no;
    if (!plain.is_null()) (*output)[sub] = std::move(plain);
  }
  return {};
}

}  // namespace

Refusal BadRequest(std::string scim_type, std::string detail) {
  return {400, std::move(scim_type), std::move(detail)};
}

std::string ScimAttribute::Sub(absl::string_view name) const {
  for (const std::string& sub : subs) {
    if (absl::EqualsIgnoreCase(sub, name)) return sub;
  }
  return "";
}

ScimSchema::ScimSchema(std::string urn, std::vector<AttributeRow> rows)
    : urn_(std::move(urn)), rows_(std::move(rows)) {
  for (const AttributeRow& row : rows_) Add(row.path);
}

void ScimSchema::Add(absl::string_view path) {
  const RowPath parts = SplitRow(path);
  ScimAttribute& attribute = attributes_[Key(parts.attribute, parts.extension)];
  attribute.name = parts.attribute;
  attribute.extension = parts.extension;
  attribute.multi = IsMulti(parts.attribute);
  attribute.boolean = parts.attribute == "active";
  std::vector<std::string> subs;
  if (!parts.sub.empty()) subs.push_back(parts.sub);
  if (attribute.multi) subs.insert(subs.end(), {"type", "primary", "display"});
  if (attribute.multi && parts.attribute != "addresses") subs.push_back("value");
  if (parts.attribute == "manager") subs.insert(subs.end(), {"value", "displayName"});
  for (std::string& sub : subs) {
    if (attribute.Sub(sub).empty()) attribute.subs.push_back(std::move(sub));
  }
}

const ScimAttribute* ScimSchema::Find(absl::string_view name, bool extension) const {
  const auto found = attributes_.find(Key(name, extension));
  return found == attributes_.end() ? nullptr : &found->second;
}

Refusal ScimSchema::CanonicalValue(const ScimAttribute& attribute, const json& value,
                                   json* output) const {
  *output = nullptr;
  if (Unassigned(value)) return {};
  if (attribute.subs.empty()) {
    return CanonicalPlain(attribute.name, attribute.boolean, value, output);
  }
  const json& single = value.is_array() ? value[0] : value;
  if (!attribute.multi) {
    if (Refusal no = CanonicalComplex(attribute, single, output)) return no;
    // A manager of "" is how one provider clears it.
    const bool cleared = attribute.name == "manager" && TextMember(*output, "value").empty();
    if (cleared || output->empty()) *output = nullptr;
    return {};
  }
  json elements = json::array();
  for (const json& element : value.is_array() ? value : json::array({value})) {
    if (Unassigned(element)) continue;
    json canonical;
    if (Refusal no = CanonicalComplex(attribute, element, &canonical)) return no;
    const bool known = std::find(elements.begin(), elements.end(), canonical) != elements.end();
    if (!canonical.empty() && !known) elements.push_back(std::move(canonical));
  }
  if (!elements.empty()) *output = std::move(elements);
  return {};
}

Refusal ScimSchema::Canonicalize(const json& input, json* output) const {
  *output = json::object();
  if (!input.is_object()) return BadRequest("invalidSyntax", "the body must be an object");
  for (const auto& [key, value] : input.items()) {
    const bool extension = absl::EqualsIgnoreCase(key, kEnterpriseUrn);
    if (extension && !value.is_null() && !value.is_object()) {
      return BadRequest("invalidValue", "the extension must be an object");
    }
    const json members = extension && value.is_object() ? value : json{{key, value}};
    for (const auto& [name, member] : members.items()) {
      const ScimAttribute* attribute = Find(name, extension);
      if (attribute == nullptr || attribute->name == "members") continue;
      json canonical;
      if (Refusal no = CanonicalValue(*attribute, member, &canonical)) return no;
      if (canonical.is_null()) continue;
      (extension ? (*output)[kEnterpriseUrn] : *output)[attribute->name] = std::move(canonical);
    }
  }
  return {};
}

std::string ScimSchema::Missing(const json& resource, const json* before) const {
  for (const AttributeRow& row : rows_) {
    if (!row.required || ValueAt(resource, row.path) != nullptr) continue;
    if (before == nullptr || ValueAt(*before, row.path) != nullptr) return row.path;
  }
  return "";
}

const json* ValueAt(const json& resource, absl::string_view path) {
  const RowPath parts = SplitRow(path);
  const json* owner = parts.extension ? Member(resource, kEnterpriseUrn) : &resource;
  const json* value = owner == nullptr ? nullptr : Member(*owner, parts.attribute);
  if (value == nullptr) return nullptr;
  if (value->is_array() && !parts.sub.empty()) {
    for (const json& element : *value) {
      if (absl::EqualsIgnoreCase(TextMember(element, "type"), parts.type)) {
        const json* found = Member(element, parts.sub);
        if (found != nullptr && *found != "") return found;
      }
    }
    return nullptr;
  }
  if (!parts.sub.empty()) value = Member(*value, parts.sub);
  return value == nullptr || *value == "" ? nullptr : value;
}

}  // namespace purser::sandbox
