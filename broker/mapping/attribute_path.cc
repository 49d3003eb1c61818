#include "broker/mapping/attribute_path.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

constexpr absl::string_view kShortEnterprise = "enterprise:";
constexpr absl::string_view kCoreUrns[] = {"urn:ietf:params:scim:schemas:core:2.0:User",
                                           "urn:ietf:params:scim:schemas:core:2.0:Group"};

absl::Status Malformed(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("attribute path \"", text, "\": ", why));
}

bool IsAttributeName(absl::string_view name) {
  if (name.empty() || !(absl::ascii_isalpha(name[0]) || name[0] == '$')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '$';
  });
}

// Takes an URN, long or short, off the front of `head`.
std::string TakeUrn(absl::string_view* head) {
  if (absl::StartsWithIgnoreCase(*head, kShortEnterprise)) {
    head->remove_prefix(kShortEnterprise.size());
    return std::string(kEnterpriseUrn);
  }
  const size_t colon = head->rfind(':');
  if (!absl::StartsWithIgnoreCase(*head, "urn:") || colon == absl::string_view::npos) return "";
  const absl::string_view urn = head->substr(0, colon);
  head->remove_prefix(colon + 1);
  for (absl::string_view core : kCoreUrns) {
    if (absl::EqualsIgnoreCase(urn, core)) return "";
  }
  if (absl::EqualsIgnoreCase(urn, kEnterpriseUrn)) return std::string(kEnterpriseUrn);
  return std::string(urn);
}

absl::StatusOr<ElementSelector> ParseSelector(absl::string_view text, absl::string_view inner) {
  inner = absl::StripAsciiWhitespace(inner);
  const size_t space = inner.find(' ');
  if (space == absl::string_view::npos) return Malformed(text, "expected [attribute eq value]");
  ElementSelector selector;
  selector.sub_attribute = std::string(inner.substr(0, space));
  absl::string_view rest = absl::StripLeadingAsciiWhitespace(inner.substr(space));
  if (!IsAttributeName(selector.sub_attribute) || !absl::StartsWithIgnoreCase(rest, "eq ")) {
    return Malformed(text, "expected [attribute eq value]");
  }
  rest = absl::StripAsciiWhitespace(rest.substr(3));
  selector.value = json::parse(rest.begin(), rest.end(), nullptr, false);
  if (selector.value.is_discarded() || selector.value.is_structured()) {
    return Malformed(text, "the value after eq must be a quoted text, a number, true or false");
  }
  return selector;
}

// "True" and true are the same in a selector: identity providers write both.
bool Picks(const ElementSelector& selector, const json& element) {
  if (!element.is_object()) return false;
  const auto found = element.find(selector.sub_attribute);
  if (found == element.end()) return false;
  if (found->is_string() && selector.value.is_string()) {
    return absl::EqualsIgnoreCase(found->get_ref<const std::string&>(),
                                  selector.value.get_ref<const std::string&>());
  }
  if (found->is_boolean() && selector.value.is_string()) {
    return absl::EqualsIgnoreCase(selector.value.get_ref<const std::string&>(),
                                  found->get<bool>() ? "true" : "false");
  }
  return *found == selector.value;
}

bool IsPrimary(const json& element) {
  if (!element.is_object()) return false;
  const auto primary = element.find("primary");
  return primary != element.end() && *primary == json(true);
}

const json* PickElement(const json& values, const ElementSelector& selector) {
  const json* first = nullptr;
  for (const json& element : values) {
    if (!Picks(selector, element)) continue;
    if (IsPrimary(element)) return &element;
    if (first == nullptr) first = &element;
  }
  return first;
}

json SubAttribute(const json& value, const std::string& name) {
  if (value.is_object()) {
    const auto found = value.find(name);
    return found == value.end() ? json() : *found;
  }
  if (!value.is_array()) return json();
  json values = json::array();
  for (const json& element : value) {
    json sub = SubAttribute(element, name);
    if (!sub.is_null()) values.push_back(std::move(sub));
  }
  return values.empty() ? json() : values;
}

// What follows the attribute's name: ".givenName" after name, ".value" after ].
absl::Status TakeSubAttribute(absl::string_view text, absl::string_view rest, AttributePath* path) {
  if (rest.empty()) return absl::OkStatus();
  if (!absl::ConsumePrefix(&rest, ".")) return Malformed(text, "expected . after ]");
  if (!IsAttributeName(rest)) return Malformed(text, "not an attribute's name");
  path->sub_attribute = std::string(rest);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AttributePath> ParseAttributePath(absl::string_view text) {
  const absl::string_view whole = absl::StripAsciiWhitespace(text);
  const size_t bracket = whole.find('[');
  absl::string_view head = whole.substr(0, bracket);
  AttributePath path;
  path.urn = TakeUrn(&head);
  absl::string_view rest;
  if (bracket != absl::string_view::npos) {
    const size_t close = whole.rfind(']');
    if (close == absl::string_view::npos || close < bracket) {
      return Malformed(text, "the closing ] is missing");
    }
    ASSIGN_OR_RETURN(path.selector,
                     ParseSelector(text, whole.substr(bracket + 1, close - bracket - 1)));
    rest = whole.substr(close + 1);
  } else if (const size_t dot = head.find('.'); dot != absl::string_view::npos) {
    rest = head.substr(dot);
    head = head.substr(0, dot);
  }
  RETURN_IF_ERROR(TakeSubAttribute(text, rest, &path));
  if (!IsAttributeName(head)) return Malformed(text, "not an attribute's name");
  path.name = std::string(head);
  return path;
}

std::string FormatAttributePath(const AttributePath& path) {
  std::string text = path.urn.empty() ? path.name : absl::StrCat(path.urn, ":", path.name);
  if (path.selector.has_value()) {
    absl::StrAppend(&text, "[", path.selector->sub_attribute, " eq ", path.selector->value.dump(),
                    "]");
  }
  if (!path.sub_attribute.empty()) absl::StrAppend(&text, ".", path.sub_attribute);
  return text;
}

json ValueAt(const json& attributes, const AttributePath& path) {
  const json* holder = &attributes;
  if (!path.urn.empty()) {
    const auto extension = attributes.find(path.urn);
    if (extension == attributes.end()) return json();
    holder = &*extension;
  }
  if (!holder->is_object()) return json();
  const auto found = holder->find(path.name);
  if (found == holder->end()) return json();
  const json* value = &*found;
  if (path.selector.has_value()) value = PickElement(*value, *path.selector);
  if (value == nullptr) return json();
  return path.sub_attribute.empty() ? *value : SubAttribute(*value, path.sub_attribute);
}

}  // namespace purser::mapping
