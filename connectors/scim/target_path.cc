#include "connectors/scim/target_path.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"

namespace purser::connectors::scim {
namespace {

using nlohmann::json;

absl::Status Malformed(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("target ", text, ": ", why));
}

bool IsName(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '$';
  });
}

// The URN before an attribute: "urn:x:User" of "urn:x:User:department"; a URN may hold dots.
absl::string_view TakeUrn(absl::string_view* path) {
  if (!absl::StartsWithIgnoreCase(*path, "urn:")) return {};
  const size_t colon = path->rfind(':', path->find('['));
  const absl::string_view urn = path->substr(0, colon);
  path->remove_prefix(colon + 1);
  return urn;
}

// The terms between the brackets, split at " and " outside of quotes.
std::vector<std::string> SplitTerms(absl::string_view filter) {
  std::vector<std::string> terms(1);
  bool quoted = false;
  for (size_t at = 0; at < filter.size(); ++at) {
    if (filter[at] == '"' && (at == 0 || filter[at - 1] != '\\')) quoted = !quoted;
    if (!quoted && absl::StartsWithIgnoreCase(filter.substr(at), " and ")) {
      terms.emplace_back();
      at += 4;
    } else {
      terms.back().push_back(filter[at]);
    }
  }
  return terms;
}

absl::StatusOr<TargetPath::Term> ParseTerm(absl::string_view text, absl::string_view whole) {
  const std::vector<std::string> parts =
      absl::StrSplit(absl::StripAsciiWhitespace(text), absl::MaxSplits(' ', 2));
  if (parts.size() != 3 || !IsName(parts[0]) || !absl::EqualsIgnoreCase(parts[1], "eq")) {
    return Malformed(whole, "a filter here is made of terms like type eq \"work\"");
  }
  json value = json::parse(parts[2], nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) value = parts[2];
  if (!value.is_primitive()) return Malformed(whole, "a filter compares with a plain value");
  return TargetPath::Term{parts[0], std::move(value)};
}

bool SameValue(const json& a, const json& b) {
  if (a == b) return true;
  if (const auto x = AsBoolean(a), y = AsBoolean(b); x && y) return *x == *y;
  return a.is_string() && b.is_string() &&
         absl::EqualsIgnoreCase(a.get_ref<const std::string&>(), b.get_ref<const std::string&>());
}

bool Matches(const json& element, const std::vector<TargetPath::Term>& terms) {
  return element.is_object() && std::all_of(terms.begin(), terms.end(), [&](const auto& term) {
           const json* member = MemberOf(element, term.attribute);
           return member != nullptr && SameValue(*member, term.value);
         });
}

// The key an object has for that name in any case, else the name as given.
std::string KeyFor(const json& object, absl::string_view name) {
  for (const auto& [key, value] : object.items()) {
    if (absl::EqualsIgnoreCase(key, name)) return key;
  }
  return std::string(name);
}

json& ObjectAt(json* object, absl::string_view name) {
  json& member = (*object)[KeyFor(*object, name)];
  if (!member.is_object()) member = json::object();
  return member;
}

json& ElementFor(const TargetPath& path, json* holder) {
  json& list = (*holder)[KeyFor(*holder, path.attribute)];
  if (!list.is_array()) list = json::array();
  for (json& element : list) {
    if (Matches(element, path.terms)) return element;
  }
  json element = json::object();
  for (const TargetPath::Term& term : path.terms) element[term.attribute] = term.value;
  list.push_back(std::move(element));
  return list.back();
}

// The element the terms choose. A server that drops `type` from a sole element still means ours.
const json* ChosenElement(const TargetPath& path, const json& list) {
  for (const json& element : list) {
    if (Matches(element, path.terms)) return &element;
  }
  if (list.size() != 1 || !list[0].is_object()) return nullptr;
  const bool untold = std::all_of(path.terms.begin(), path.terms.end(), [&](const auto& term) {
    return MemberOf(list[0], term.attribute) == nullptr;
  });
  return untold ? &list[0] : nullptr;
}

bool IsUnassigned(const json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_structured() && value.empty());
}

void NormalizeBooleans(json* value) {
  if (value->is_array()) {
    for (json& element : *value) NormalizeBooleans(&element);
  } else if (value->is_object()) {
    for (auto& [key, member] : value->items()) {
      if (!absl::EqualsIgnoreCase(key, "primary")) continue;
      if (const auto truth = AsBoolean(member)) member = *truth;
    }
  }
}

// The id of a reference, whichever way it is written: "7", {"value": "7"} or [{"value": "7"}].
json ReferenceValue(const json& value) {
  if (value.is_array()) return value.empty() ? json() : ReferenceValue(value[0]);
  if (!value.is_object()) return value;
  const json* id = MemberOf(value, "value");
  return id == nullptr ? json() : *id;
}

void EraseMember(json* object, absl::string_view name) { object->erase(KeyFor(*object, name)); }

void RemoveFromElements(const TargetPath& path, json* list) {
  json kept = json::array();
  for (json& element : *list) {
    if (!Matches(element, path.terms)) {
      kept.push_back(std::move(element));
      continue;
    }
    if (path.sub.empty()) continue;
    EraseMember(&element, path.sub);
    if (element.size() > path.terms.size()) kept.push_back(std::move(element));
  }
  *list = std::move(kept);
}

}  // namespace

absl::StatusOr<TargetPath> ParseTargetPath(absl::string_view text) {
  TargetPath path;
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  path.text = std::string(rest);
  const absl::string_view urn = TakeUrn(&rest);
  if (!absl::EqualsIgnoreCase(urn, kUserSchema) && !absl::EqualsIgnoreCase(urn, kGroupSchema)) {
    path.extension = std::string(urn);
  }
  const size_t open = rest.find('[');
  if (open != absl::string_view::npos) {
    const size_t close = rest.rfind(']');
    if (close == absl::string_view::npos || close < open) return Malformed(text, "no closing ]");
    for (const std::string& term : SplitTerms(rest.substr(open + 1, close - open - 1))) {
      ASSIGN_OR_RETURN(TargetPath::Term parsed, ParseTerm(term, text));
      path.terms.push_back(std::move(parsed));
    }
    path.attribute = std::string(rest.substr(0, open));
    rest.remove_prefix(close + 1);
    if (!rest.empty() && !absl::ConsumePrefix(&rest, ".")) return Malformed(text, "ends oddly");
    path.sub = std::string(rest);
  } else {
    const std::pair<std::string, std::string> names = absl::StrSplit(rest, absl::MaxSplits('.', 1));
    path.attribute = names.first;
    path.sub = names.second;
  }
  if (!IsName(path.attribute) || (!path.sub.empty() && !IsName(path.sub))) {
    return Malformed(text, "is not a path to an attribute");
  }
  return path;
}

void SetAt(const TargetPath& path, const json& value, json* document) {
  json& holder = path.extension.empty() ? *document : ObjectAt(document, path.extension);
  const json form = path.reference && value.is_string() ? json::object({{"value", value}}) : value;
  if (!path.terms.empty()) {
    json& element = ElementFor(path, &holder);
    if (!path.sub.empty()) {
      element[KeyFor(element, path.sub)] = form;
    } else if (form.is_object()) {
      element.update(form);
    } else {
      element["value"] = form;
    }
    return;
  }
  json& target = path.sub.empty() ? holder : ObjectAt(&holder, path.attribute);
  const std::string& name = path.sub.empty() ? path.attribute : path.sub;
  target[KeyFor(target, name)] = form;
}

void RemoveAt(const TargetPath& path, json* document) {
  json* holder = document;
  if (!path.extension.empty()) {
    if (MemberOf(*document, path.extension) == nullptr) return;
    holder = &ObjectAt(document, path.extension);
  }
  if (MemberOf(*holder, path.attribute) == nullptr) return;
  json& member = (*holder)[KeyFor(*holder, path.attribute)];
  if (!path.terms.empty() && member.is_array()) {
    RemoveFromElements(path, &member);
    if (!member.empty()) return;
  } else if (!path.sub.empty() && member.is_object()) {
    EraseMember(&member, path.sub);
    if (!member.empty()) return;
  }
  EraseMember(holder, path.attribute);
}

std::optional<json> ValueAt(const TargetPath& path, const json& document) {
  const json* at = &document;
  if (!path.extension.empty()) at = MemberOf(*at, path.extension);
  if (at != nullptr) at = MemberOf(*at, path.attribute);
  if (at != nullptr && !path.terms.empty()) {
    at = at->is_array() ? ChosenElement(path, *at) : nullptr;
  }
  if (at != nullptr && !path.sub.empty()) at = MemberOf(*at, path.sub);
  if (at == nullptr) return std::nullopt;
  json value = path.reference ? ReferenceValue(*at) : *at;
  if (IsUnassigned(value)) return std::nullopt;
  const std::string& last = path.sub.empty() ? path.attribute : path.sub;
  const bool boolean =
      absl::EqualsIgnoreCase(last, "active") || absl::EqualsIgnoreCase(last, "primary");
  if (const auto truth = AsBoolean(value); boolean && truth) return json(*truth);
  NormalizeBooleans(&value);
  return value;
}

const json* MemberOf(const json& object, absl::string_view name) {
  if (!object.is_object()) return nullptr;
  for (auto member = object.begin(); member != object.end(); ++member) {
    if (absl::EqualsIgnoreCase(member.key(), name)) return &*member;
  }
  return nullptr;
}

std::optional<bool> AsBoolean(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (absl::EqualsIgnoreCase(text, "true")) return true;
  if (absl::EqualsIgnoreCase(text, "false")) return false;
  return std::nullopt;
}

}  // namespace purser::connectors::scim
