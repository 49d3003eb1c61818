#include "broker/scim/value.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/json_text.h"

namespace purser::scim {
namespace {

using nlohmann::json;

absl::Status WrongType(const Attribute& attribute, absl::string_view expected) {
  return BadRequest(ErrorType::kInvalidValue,
                    absl::StrCat("attribute \"", attribute.name, "\" must be ", expected));
}

bool IsBase64(absl::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '+' || c == '/' || c == '-' || c == '_';
  });
}

absl::StatusOr<json> CanonicalText(const Attribute& attribute, json input) {
  if (!input.is_string()) return WrongType(attribute, "a string");
  const std::string& text = *input.get_ptr<const std::string*>();
  if (text.find('\0') != std::string::npos) return WrongType(attribute, "text without U+0000");
  if (attribute.type == AttributeType::kBinary && !IsBase64(text)) {
    return WrongType(attribute, "base64");
  }
  if (attribute.type == AttributeType::kDateTime) {
    absl::Time time;
    if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) {
      return WrongType(attribute, "a dateTime");
    }
  }
  return input;
}

absl::StatusOr<json> CanonicalBoolean(const Attribute& attribute, json input) {
  if (input.is_boolean()) return input;
  if (input.is_string()) {
    const std::string& text = *input.get_ptr<const std::string*>();
    if (absl::EqualsIgnoreCase(text, "true")) return json(true);
    if (absl::EqualsIgnoreCase(text, "false")) return json(false);
  }
  return WrongType(attribute, "a boolean");
}

// One provider's {"id", "value": "25", "displayName": "Auditor"} inside a string.
json RoleInText(const std::string& text) {
  if (text.empty() || text.front() != '{') return nullptr;
  absl::StatusOr<json> inner = ParseJson(text, {.max_bytes = 4096, .max_depth = 4});
  if (!inner.ok() || !inner->is_object()) return nullptr;
  const auto value = inner->find("value");
  if (value == inner->end() || !value->is_string()) return nullptr;
  json role = {{"value", *value}};
  const auto display = inner->find("displayName");
  if (display != inner->end() && display->is_string()) role["display"] = *display;
  return role;
}

// Bare values and JSON in strings, brought into the form {"value": ..}.
void UnwrapElement(const Attribute& attribute, json* input) {
  if (attribute.accepts_bare_value && input->is_string()) {
    std::string text = std::move(*input->get_ptr<std::string*>());
    *input = json::object();
    (*input)["value"] = std::move(text);
  }
  if (!attribute.accepts_json_in_string || !input->is_object()) return;
  const auto value = input->find("value");
  if (value == input->end() || !value->is_string()) return;
  json role = RoleInText(*value->get_ptr<const std::string*>());
  if (!role.is_null()) input->update(role);
}

// {"$ref": "../Users/2819c223"} means {"value": "2819c223"}; beside a value it says nothing more.
void KeepValueAlone(json* object) {
  const auto uri = object->find("$ref");
  if (uri == object->end()) return;
  if (uri->is_string() && !object->contains("value")) {
    (*object)["value"] = std::string(IdInUri(uri->get_ref<const std::string&>()));
  }
  object->erase("$ref");
}

absl::StatusOr<json> CanonicalObject(const Attribute& attribute, json input, ValueForm form) {
  UnwrapElement(attribute, &input);
  if (!input.is_object()) return WrongType(attribute, "an object");
  json object = json::object();
  for (auto& [name, value] : *input.get_ptr<json::object_t*>()) {
    const Attribute* sub = attribute.Sub(name);
    if (sub == nullptr || sub->is_read_only()) continue;
    ASSIGN_OR_RETURN(json canonical, CanonicalValue(*sub, std::move(value), form));
    if (canonical.is_null() && form == ValueForm::kWhole) continue;
    object.emplace(sub->name, std::move(canonical));
  }
  if (attribute.refers_by_value) KeepValueAlone(&object);
  return object;
}

// {"value": ""} clears a manager, and is no member and no role.
bool IsUnassigned(const Attribute& attribute, const json& object) {
  if (object.empty()) return true;
  if (!attribute.accepts_bare_value) return false;
  const auto value = object.find("value");
  return value != object.end() && value->is_string() &&
         value->get_ref<const std::string&>().empty();
}

absl::StatusOr<json> CanonicalArray(const Attribute& attribute, json input, ValueForm form) {
  if (!input.is_array()) {
    if (form != ValueForm::kPatch) return WrongType(attribute, "an array");
    json wrapped = json::array();
    wrapped.push_back(std::move(input));
    input = std::move(wrapped);
  }
  json array = json::array();
  int primaries = 0;
  for (json& item : input) {
    ASSIGN_OR_RETURN(json element, CanonicalElement(attribute, std::move(item), ValueForm::kWhole));
    if (element.is_null()) continue;
    primaries += IsPrimary(element) ? 1 : 0;
    array.push_back(std::move(element));
  }
  if (primaries > 1) {
    return BadRequest(ErrorType::kInvalidValue,
                      absl::StrCat("attribute \"", attribute.name, "\" has two primary values"));
  }
  if (array.empty()) return json();
  return array;
}

// What two elements must share to be one: value and type; all of it where there is no value.
std::string ElementKey(const json& element) {
  std::string key;
  if (!element.is_object() || !element.contains("value")) {
    AppendJson(element, &key);
    return key;
  }
  AppendJson(element["value"], &key);
  key += '\n';
  const auto type = element.find("type");
  if (type != element.end() && type->is_string()) {
    key += absl::AsciiStrToLower(type->get_ref<const std::string&>());
  }
  return key;
}

absl::StatusOr<std::string> MemberId(const json& element) {
  const json* id = &element;
  if (element.is_object()) {
    id = nullptr;
    for (const auto& [name, value] : *element.get_ptr<const json::object_t*>()) {
      if (absl::EqualsIgnoreCase(name, "value")) id = &value;
    }
  }
  if (id == nullptr || !id->is_string() || id->get_ref<const std::string&>().empty()) {
    return BadRequest(ErrorType::kInvalidValue, "each of \"members\" must have a \"value\"");
  }
  return id->get<std::string>();
}

bool ElementFits(const Attribute& attribute, const json& value) {
  switch (attribute.type) {
    case AttributeType::kBoolean:
      return value.is_boolean();
    case AttributeType::kInteger:
      return value.is_number_integer();
    case AttributeType::kDecimal:
      return value.is_number();
    case AttributeType::kComplex:
      return value.is_object();
    default:
      return value.is_string();
  }
}

}  // namespace

absl::string_view IdInUri(absl::string_view uri) {
  while (absl::ConsumeSuffix(&uri, "/")) {
  }
  return uri.substr(uri.rfind('/') + 1);
}

absl::StatusOr<json> CanonicalElement(const Attribute& attribute, json input, ValueForm form) {
  if (input.is_null()) return json();
  switch (attribute.type) {
    case AttributeType::kBoolean:
      return CanonicalBoolean(attribute, std::move(input));
    case AttributeType::kInteger:
      if (!input.is_number_integer()) return WrongType(attribute, "an integer");
      return input;
    case AttributeType::kDecimal:
      if (!input.is_number()) return WrongType(attribute, "a number");
      return input;
    case AttributeType::kComplex: {
      ASSIGN_OR_RETURN(json object, CanonicalObject(attribute, std::move(input), form));
      if (IsUnassigned(attribute, object)) return json();
      return object;
    }
    default:
      return CanonicalText(attribute, std::move(input));
  }
}

absl::StatusOr<json> CanonicalValue(const Attribute& attribute, json input, ValueForm form) {
  if (input.is_null() || (input.is_structured() && input.empty())) return json();
  if (attribute.multi_valued) return CanonicalArray(attribute, std::move(input), form);
  if (attribute.accepts_bare_value && input.is_array() && input.size() == 1) {
    json only = std::move(input[0]);
    input = std::move(only);
  }
  return CanonicalElement(attribute, std::move(input), form);
}

absl::StatusOr<std::vector<std::string>> MemberIds(const json& input) {
  std::vector<std::string> ids;
  if (input.is_null()) return ids;
  if (!input.is_array()) {
    if (input.is_object() && input.empty()) return ids;
    ASSIGN_OR_RETURN(std::string id, MemberId(input));
    ids.push_back(std::move(id));
    return ids;
  }
  ids.reserve(input.size());
  absl::flat_hash_set<std::string> seen;
  for (const json& element : input) {
    if (element.is_null()) continue;
    ASSIGN_OR_RETURN(std::string id, MemberId(element));
    if (seen.insert(id).second) ids.push_back(std::move(id));
  }
  return ids;
}

bool IsPrimary(const json& element) {
  if (!element.is_object()) return false;
  const auto primary = element.find("primary");
  return primary != element.end() && primary->is_boolean() && primary->get<bool>();
}

void ClearOtherPrimaries(size_t keep, json* array) {
  for (size_t i = 0; i < array->size(); ++i) {
    if (i != keep && IsPrimary((*array)[i])) (*array)[i]["primary"] = false;
  }
}

void MergeElements(json elements, json* array) {
  if (!array->is_array()) *array = json::array();
  absl::flat_hash_map<std::string, size_t> places;
  for (size_t i = 0; i < array->size(); ++i) places.emplace(ElementKey((*array)[i]), i);
  for (json& element : elements) {
    const auto [place, is_new] = places.emplace(ElementKey(element), array->size());
    const bool primary = IsPrimary(element);
    if (is_new) {
      array->push_back(std::move(element));
    } else if (element.is_object()) {
      (*array)[place->second].update(element);
    }
    if (primary) ClearOtherPrimaries(place->second, array);
  }
}

bool FitsType(const Attribute& attribute, const json& value) {
  if (!attribute.multi_valued) return ElementFits(attribute, value);
  return value.is_array() && std::all_of(value.begin(), value.end(), [&](const json& element) {
           return ElementFits(attribute, element);
         });
}

bool SameValue(const json& a, const json& b) {
  if (a == b) return true;
  if (!a.is_array() || !b.is_array() || a.size() != b.size()) return false;
  std::vector<json> left(a.begin(), a.end()), right(b.begin(), b.end());
  std::sort(left.begin(), left.end());
  std::sort(right.begin(), right.end());
  return left == right;
}

}  // namespace purser::scim
