#include "connectors/sandbox/replicon_directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

// "urn:replicon-tenant:acme:user:7" -> 7; 0 where it is none of this company's.
uint64_t NumberOf(absl::string_view uri, absl::string_view company) {
  uint64_t number = 0;
  if (!absl::ConsumePrefix(&uri, absl::StrCat("urn:replicon-tenant:", company, ":user:"))) return 0;
  return absl::SimpleAtoi(uri, &number) ? number : 0;
}

std::vector<RepliconItem> Items(absl::string_view company, absl::string_view kind,
                                std::initializer_list<absl::string_view> names) {
  std::vector<RepliconItem> items;
  for (absl::string_view name : names) {
    items.push_back({std::string(name), absl::StrCat("urn:replicon-tenant:", company, ":", kind,
                                                     ":", items.size() + 1)});
  }
  return items;
}

const RepliconItem* FindItem(const std::vector<RepliconItem>& items, absl::string_view wanted) {
  for (const RepliconItem& item : items) {
    if (item.uri == wanted || absl::EqualsIgnoreCase(item.name, wanted)) return &item;
  }
  return nullptr;
}

json ItemJson(const RepliconItem& item) { return {{"displayText", item.name}, {"uri", item.uri}}; }

bool BooleanMember(const json& object, absl::string_view name, bool fallback) {
  const json* value = Member(object, name);
  return value == nullptr ? fallback : AsBoolean(*value).value_or(fallback);
}

}  // namespace

RepliconDirectory::RepliconDirectory(std::string company) : company_(std::move(company)) {
  departments_ = Items(company_, "department",
                       {"Root", "Sales", "Engineering", "Finance", "Human Resources", "Marketing",
                        "Operations", "Support", "IT", "Legal", "Product"});
  permission_sets_ = Items(
      company_, "permission-set",
      {"End User", "User", "Supervisor", "Project Manager", "Payroll Manager", "Administrator"});
}

const RepliconUser* RepliconDirectory::FindByUri(absl::string_view uri) const {
  const auto found = users_.find(NumberOf(uri, company_));
  return found == users_.end() ? nullptr : &found->second;
}

const RepliconUser* RepliconDirectory::Find(const UserTarget& target) const {
  if (target.kind == "uri") return FindByUri(target.value);
  if (target.kind == "loginName") {
    const auto found = by_login_.find(absl::AsciiStrToLower(target.value));
    return found == by_login_.end() ? nullptr : &users_.at(found->second);
  }
  const auto found = by_employee_id_.find(target.value);
  return found == by_employee_id_.end() ? nullptr : &users_.at(*found->second.begin());
}

bool RepliconDirectory::LoginTaken(absl::string_view login, absl::string_view own_uri) const {
  const auto found = by_login_.find(absl::AsciiStrToLower(login));
  return found != by_login_.end() && users_.at(found->second).uri != own_uri;
}

std::string RepliconDirectory::NewUri() {
  return absl::StrCat("urn:replicon-tenant:", company_, ":user:", next_number_++);
}

void RepliconDirectory::Put(RepliconUser user) {
  const uint64_t number = NumberOf(user.uri, company_);
  const auto known = users_.find(number);
  if (known != users_.end()) {
    by_login_.erase(absl::AsciiStrToLower(known->second.login_name));
    const auto same_id = by_employee_id_.find(known->second.employee_id);
    if (same_id != by_employee_id_.end()) {
      same_id->second.erase(number);
      if (same_id->second.empty()) by_employee_id_.erase(same_id);
    }
  }
  by_login_[absl::AsciiStrToLower(user.login_name)] = number;
  if (!user.employee_id.empty()) by_employee_id_[user.employee_id].insert(number);
  next_number_ = std::max(next_number_, number + 1);
  users_.insert_or_assign(number, std::move(user));
}

const RepliconItem* RepliconDirectory::Department(absl::string_view name_or_uri) const {
  return FindItem(departments_, name_or_uri);
}

const RepliconItem* RepliconDirectory::PermissionSet(absl::string_view name_or_uri) const {
  return FindItem(permission_sets_, name_or_uri);
}

json RepliconDirectory::ToJson(const RepliconUser& user) const {
  json details = {{"uri", user.uri},
                  {"displayText", absl::StrCat(user.last_name, ", ", user.first_name)},
                  {"firstName", user.first_name},
                  {"lastName", user.last_name},
                  {"emailAddress", user.email},
                  {"employeeId", user.employee_id},
                  {"isEnabled", user.enabled},
                  {"employmentDateRange", sandbox::ToJson(user.employment)},
                  {"supervisor", nullptr}};
  if (!user.supervisor.empty()) details["supervisor"] = {{"uri", user.supervisor}};
  json sets = json::array();
  for (const std::string& name : user.permission_sets) {
    if (const RepliconItem* set = PermissionSet(name)) sets.push_back(ItemJson(*set));
  }
  json departments = json::array();
  if (const RepliconItem* department = Department(user.department)) {
    departments.push_back({{"dateRange", nullptr},
                           {"item",
                            {{"name", department->name},
                             {"displayText", department->name},
                             {"uri", department->uri}}}});
  }
  return {{"userDetails", std::move(details)},
          {"securityConfiguration",
           {{"loginName", user.login_name},
            {"ssoName", user.sso_name},
            {"isLoginEnabled", user.login_enabled},
            {"enabledAuthenticationTypeUris", json::array()}}},
          {"permissionSets", std::move(sets)},
          {"departmentGroupSchedule", std::move(departments)}};
}

json RepliconDirectory::State() const {
  json state = {{"users", json::array()},
                {"groups", json::array()},
                {"departments", json::array()},
                {"permissionSets", json::array()}};
  for (const auto& [number, user] : users_) state["users"].push_back(ToJson(user));
  for (const auto& item : departments_) state["departments"].push_back(ItemJson(item));
  for (const auto& item : permission_sets_) state["permissionSets"].push_back(ItemJson(item));
  return state;
}

absl::Status RepliconDirectory::Load(const json& item) {
  const json* details = Member(item, "userDetails");
  const json* security = Member(item, "securityConfiguration");
  if (details == nullptr || security == nullptr || TextMember(*security, "loginName").empty()) {
    return absl::InvalidArgumentError(
        "replicon: a user needs userDetails, and securityConfiguration with its loginName");
  }
  RepliconUser user;
  user.uri = TextMember(*details, "uri");
  if (NumberOf(user.uri, company_) == 0) user.uri = NewUri();
  user.first_name = TextMember(*details, "firstName");
  user.last_name = TextMember(*details, "lastName");
  user.email = TextMember(*details, "emailAddress");
  user.employee_id = TextMember(*details, "employeeId");
  user.enabled = BooleanMember(*details, "isEnabled", true);
  const json* range = Member(*details, "employmentDateRange");
  if (range != nullptr && ParseDateRange(*range, &user.employment)) {
    return absl::InvalidArgumentError("replicon: an employmentDateRange is none");
  }
  const json* supervisor = Member(*details, "supervisor");
  if (supervisor != nullptr) user.supervisor = TextMember(*supervisor, "uri");
  user.login_name = TextMember(*security, "loginName");
  user.sso_name = TextMember(*security, "ssoName");
  user.login_enabled = BooleanMember(*security, "isLoginEnabled", true);
  if (const json* sets = Member(item, "permissionSets"); sets != nullptr && sets->is_array()) {
    for (const json& set : *sets) user.permission_sets.insert(TextMember(set, "displayText"));
  }
  const json* schedule = Member(item, "departmentGroupSchedule");
  if (schedule != nullptr && schedule->is_array() && !schedule->empty()) {
    const json* department = Member(schedule->front(), "item");
    if (department != nullptr) user.department = TextMember(*department, "name");
  }
  Put(std::move(user));
  return absl::OkStatus();
}

absl::Status RepliconDirectory::SetState(const json& state) {
  RepliconDirectory loaded(company_);
  loaded.next_number_ = next_number_;
  for (auto [name, items] : {std::make_pair("departments", &loaded.departments_),
                             std::make_pair("permissionSets", &loaded.permission_sets_)}) {
    const json* list = Member(state, name);
    if (list == nullptr || !list->is_array()) continue;
    items->clear();
    for (const json& item : *list) {
      items->push_back({TextMember(item, "displayText"), TextMember(item, "uri")});
    }
  }
  if (const json* users = Member(state, "users")) {
    for (const json& user : *users) RETURN_IF_ERROR(loaded.Load(user));
  }
  *this = std::move(loaded);
  return absl::OkStatus();
}

}  // namespace purser::sandbox
