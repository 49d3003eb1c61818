#include "connectors/replicon/replicon_user.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "broker/base/status.h"

namespace purser::connectors::replicon {
namespace {

using nlohmann::json;

constexpr std::pair<absl::string_view, const char*> kNames[] = {
    {"loginName", kLoginName},           {"ssoName", kSsoName},
    {"firstName", kFirstName},           {"lastName", kLastName},
    {"emailAddress", kEmailAddress},     {"employeeId", kEmployeeId},
    {"department", kDepartment},         {"supervisor", kSupervisor},
    {"permissionSets", kPermissionSets}, {"role", kPermissionSets},
    {"loginEnabled", kLoginEnabled},     {"isLoginEnabled", kLoginEnabled},
    {"active", kLoginEnabled},           {"startDate", kStartDate},
    {"employmentStartDate", kStartDate}, {"endDate", kEndDate},
    {"employmentEndDate", kEndDate},
};

const json* MemberOf(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto member = object.find(name);
  return member == object.end() ? nullptr : &*member;
}

bool IsNothing(const json& value) {
  return value.is_null() || (value.is_structured() && value.empty()) ||
         (value.is_string() && value.get_ref<const std::string&>().empty());
}

std::string TextOf(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer() || value.is_boolean()) return value.dump();
  return "";
}

std::optional<int> NumberOf(const json* value) {
  int number = 0;
  if (value == nullptr || !absl::SimpleAtoi(TextOf(*value), &number)) return std::nullopt;
  return number;
}

std::optional<bool> TruthOf(const json& value) {
  const std::string text = absl::AsciiStrToLower(TextOf(value));
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

json NameOf(const json& item) {
  for (const char* key : {"name", "displayText"}) {
    if (const json* name = MemberOf(item, key); name != nullptr && !IsNothing(*name)) return *name;
  }
  return nullptr;
}

// Notes that the answer speaks of `field`, and its value where there is one.
void Show(const char* field, json value, User* user) {
  user->shown.insert(field);
  if (!IsNothing(value)) user->values[field] = std::move(value);
}

void ShowText(const json& holder, const char* key, const char* field, User* user) {
  if (const json* value = MemberOf(holder, key)) Show(field, TextOf(*value), user);
}

void ParseDetails(const json& details, User* user) {
  ShowText(details, "firstName", kFirstName, user);
  ShowText(details, "lastName", kLastName, user);
  ShowText(details, "emailAddress", kEmailAddress, user);
  ShowText(details, "employeeId", kEmployeeId, user);
  if (const json* supervisor = MemberOf(details, "supervisor")) {
    const json* uri = MemberOf(*supervisor, "uri");
    Show(kSupervisor, uri == nullptr ? json() : json(TextOf(*uri)), user);
  }
  if (const json* range = MemberOf(details, "employmentDateRange")) {
    const json* start = MemberOf(*range, "startDate");
    const json* end = MemberOf(*range, "endDate");
    Show(kStartDate, start == nullptr ? json() : DateFromJson(*start), user);
    Show(kEndDate, end == nullptr ? json() : DateFromJson(*end), user);
  }
}

void ParseSecurity(const json& security, User* user) {
  ShowText(security, "loginName", kLoginName, user);
  ShowText(security, "ssoName", kSsoName, user);
  const json* enabled = MemberOf(security, "isLoginEnabled");
  if (enabled == nullptr) return;
  user->login_enabled = TruthOf(*enabled);
  if (user->login_enabled.has_value()) Show(kLoginEnabled, *user->login_enabled, user);
}

void ParseDepartment(const json& schedule, User* user) {
  json name;
  if (schedule.is_array()) {
    for (const json& entry : schedule) {
      const json* item = MemberOf(entry, "item");
      if (item == nullptr) item = MemberOf(entry, "department");
      if (item != nullptr) name = NameOf(*item);
    }
  }
  Show(kDepartment, std::move(name), user);
}

// One set as its name, several as a list: the form in which a mapping gives a role.
void ParsePermissionSets(const json& sets, User* user) {
  json names = json::array();
  if (sets.is_array()) {
    for (const json& set : sets) {
      if (json name = NameOf(set); !name.is_null()) names.push_back(std::move(name));
    }
  }
  Show(kPermissionSets, names.size() == 1 ? names[0] : names, user);
}

std::optional<User> ParseUser(const json& item) {
  const json* details = MemberOf(item, "userDetails");
  const json* uri = details == nullptr ? nullptr : MemberOf(*details, "uri");
  if (uri == nullptr || !uri->is_string() || IsNothing(*uri)) return std::nullopt;
  User user{.uri = uri->get<std::string>()};
  ParseDetails(*details, &user);
  if (const json* security = MemberOf(item, "securityConfiguration")) {
    ParseSecurity(*security, &user);
  }
  if (const json* schedule = MemberOf(item, "departmentGroupSchedule")) {
    ParseDepartment(*schedule, &user);
  }
  if (const json* sets = MemberOf(item, "permissionSets")) ParsePermissionSets(*sets, &user);
  return user;
}

// The names in a role's value: "User", ["User"], [{"value": "User"}].
std::vector<std::string> NamesIn(const json& value) {
  if (value.is_array()) {
    std::vector<std::string> names;
    for (const json& element : value) {
      for (std::string& name : NamesIn(element)) names.push_back(std::move(name));
    }
    return names;
  }
  if (value.is_object()) {
    const json* inner = MemberOf(value, "value");
    return NamesIn(inner != nullptr ? *inner : NameOf(value));
  }
  std::string text = TextOf(value);
  return text.empty() ? std::vector<std::string>{} : std::vector<std::string>{std::move(text)};
}

json PermissionSetItems(const json& value) {
  json items = json::array();
  for (const std::string& name : NamesIn(value)) {
    const json target = absl::StartsWith(name, "urn:") ? json{{"uri", name}}
                                                       : json{{"uri", nullptr}, {"name", name}};
    items.push_back({{"permissionSetPolicy", target}});
  }
  return items;
}

bool IsText(const std::string& field) {
  return field == kFirstName || field == kLastName || field == kLoginName ||
         field == kEmailAddress || field == kEmployeeId;
}

json& SecuritySettings(json* body) { return (*body)["securitySettings"]["value"]; }

void Modify(const std::string& field, const json& value, const std::string& department_uri,
            json* body) {
  if (IsText(field)) {
    (*body)[field] = {{"value", TextOf(value)}};
  } else if (field == kSsoName) {
    SecuritySettings(body)["ssoName"] = {{"value", TextOf(value)}};
  } else if (field == kLoginEnabled) {
    SecuritySettings(body)["loginEnabled"] = {{"value", TruthOf(value).value_or(false)}};
  } else if (field == kDepartment && !department_uri.empty()) {
    (*body)["departmentGroupSchedule"] =
        json::array({{{"dateRange", nullptr}, {"item", {{"uri", department_uri}}}}});
  } else if (field == kPermissionSets) {
    (*body)["permissionSets"] =
        json::array({{{"modificationOptionUri", "urn:replicon:collection-modification-option:add"},
                      {"items", PermissionSetItems(value)}}});
  }
}

bool Clear(const std::string& field, json* body) {
  if (field == kEmailAddress || field == kEmployeeId) {
    (*body)[field] = {{"value", nullptr}};
  } else if (field == kSsoName) {
    SecuritySettings(body)["ssoName"] = {{"value", nullptr}};
  } else {
    return field == kSupervisor || field == kStartDate || field == kEndDate;
  }
  return true;
}

bool SameText(const json& a, const json& b) {
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(TextOf(a)),
                                absl::StripAsciiWhitespace(TextOf(b)));
}

bool HoldsAll(const json& wanted, const json& seen) {
  const std::vector<std::string> have = NamesIn(seen);
  const std::vector<std::string> want = NamesIn(wanted);
  return std::all_of(want.begin(), want.end(), [&](const std::string& name) {
    return absl::StartsWith(name, "urn:") ||
           std::any_of(have.begin(), have.end(), [&](const std::string& other) {
             return absl::EqualsIgnoreCase(name, other);
           });
  });
}

bool Same(const std::string& field, const json& sent, const json& seen) {
  if (field == kPermissionSets) return HoldsAll(sent, seen);
  if (field == kLoginEnabled) return TruthOf(sent) == TruthOf(seen);
  if (field == kStartDate || field == kEndDate) return DateToJson(sent) == DateToJson(seen);
  return SameText(sent, seen);
}

// The milliseconds in a UUIDv7's first 48 bits (RFC 9562, section 5.7).
std::optional<absl::Time> TimeOfUuid(absl::string_view id) {
  if (id.size() != 36 || id[8] != '-' || id[13] != '-' || id[14] != '7') return std::nullopt;
  int64_t millis = 0;
  if (!absl::SimpleHexAtoi(absl::StrCat(id.substr(0, 8), id.substr(9, 4)), &millis)) {
    return std::nullopt;
  }
  return absl::FromUnixMillis(millis);
}

}  // namespace

std::string FieldOf(absl::string_view target) {
  for (const auto& [name, field] : kNames) {
    if (absl::EqualsIgnoreCase(name, target)) return field;
  }
  return "";
}

absl::StatusOr<Fields> Fields::Of(const config::v1::ResourceMapping& mapping) {
  Fields fields;
  for (const config::v1::MappingRow& row : mapping.rows()) {
    const std::string field = FieldOf(row.target());
    if (field.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("target ", row.target(), ": Replicon has no such field"));
    }
    fields.fields_[row.target()] = field;
  }
  return fields;
}

Attributes Fields::ToFields(const Attributes& by_target) {
  Attributes by_field;
  for (const auto& [target, value] : by_target) {
    if (const std::string field = FieldOf(target); !field.empty()) by_field[field] = value;
  }
  return by_field;
}

Attributes Fields::ToTargets(const Attributes& by_field) const {
  Attributes by_target;
  for (const auto& [target, field] : fields_) {
    if (const auto value = by_field.find(field); value != by_field.end()) {
      by_target[target] = value->second;
    }
  }
  return by_target;
}

std::string Fields::TargetOf(const std::string& field) const {
  for (const auto& [target, mapped] : fields_) {
    if (mapped == field) return target;
  }
  return field;
}

std::vector<User> ParseUsers(const json& items) {
  std::vector<User> users;
  if (!items.is_array()) return users;
  for (const json& item : items) {
    if (auto user = ParseUser(item)) users.push_back(*std::move(user));
  }
  return users;
}

std::string ItemErrorOf(const json& items) {
  if (!items.is_array()) return "";
  for (const json& item : items) {
    const json* error = MemberOf(item, "error");
    if (error == nullptr || !error->is_object()) continue;
    const json* type = MemberOf(*error, "type");
    const std::string text = type == nullptr ? "" : TextOf(*type);
    return text.empty() ? "an error without a type" : text;
  }
  return "";
}

json DateToJson(const json& date) {
  absl::CivilDay day;
  const std::string text = TextOf(date).substr(0, 10);
  if (text.size() != 10 || !absl::ParseCivilTime(text, &day)) return nullptr;
  return {{"year", day.year()}, {"month", day.month()}, {"day", day.day()}};
}

json DateFromJson(const json& date) {
  const auto year = NumberOf(MemberOf(date, "year"));
  const auto month = NumberOf(MemberOf(date, "month"));
  const auto day = NumberOf(MemberOf(date, "day"));
  if (!year || !month || !day) return nullptr;
  return absl::StrFormat("%04d-%02d-%02d", *year, *month, *day);
}

json DateRange(const json& start, const json& end) {
  return {{"startDate", DateToJson(start)}, {"endDate", DateToJson(end)}};
}

Modifications ModificationsFor(const Attributes& set, const std::vector<std::string>& clear,
                               const std::string& department_uri) {
  Modifications made;
  for (const auto& [field, value] : set) Modify(field, value, department_uri, &made.body);
  for (const std::string& field : clear) {
    if (!Clear(field, &made.body)) made.left_out.push_back(field);
  }
  return made;
}

std::vector<std::string> Differences(const Attributes& sent,
                                     const std::vector<std::string>& cleared, const User& seen) {
  std::vector<std::string> differing;
  for (const auto& [field, value] : sent) {
    if (!seen.shown.contains(field)) continue;
    const auto shown = seen.values.find(field);
    if (shown == seen.values.end() || !Same(field, value, shown->second)) {
      differing.push_back(field);
    }
  }
  for (const std::string& field : cleared) {
    if (seen.values.contains(field)) differing.push_back(field);
  }
  return differing;
}

std::string DayOf(absl::string_view operation_id, absl::Time now, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%d", TimeOfUuid(operation_id).value_or(now), zone);
}

}  // namespace purser::connectors::replicon
