#include "connectors/sandbox/replicon_modifications.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

// {"value": x}: x, which may be null to clear; nullptr where the member leaves the value.
const json* Wrapped(const json& modifications, absl::string_view name) {
  const json* member = Member(modifications, name);
  if (member == nullptr || !member->is_object()) return nullptr;
  const auto value = member->find("value");
  return value == member->end() ? nullptr : &*value;
}

RepliconFault ApplyText(const json& modifications, const char* name, bool required,
                        std::string* text) {
  const json* value = Wrapped(modifications, name);
  if (value == nullptr) return {};
  if (!value->is_null() && !AsText(*value)) {
    return InvalidModification("User", absl::StrCat(name, " must be a string."));
  }
  const std::string wanted = value->is_null() ? "" : *AsText(*value);
  if (required && wanted.empty()) {
    return InvalidModification("User", absl::StrCat(name, " cannot be empty."));
  }
  *text = wanted;
  return {};
}

RepliconFault ApplyLoginEnabled(const json& modifications, const char* name, RepliconUser* user) {
  const json* value = Wrapped(modifications, name);
  if (value == nullptr || value->is_null()) return {};
  const std::optional<bool> enabled = AsBoolean(*value);
  if (!enabled) return InvalidModification("User", absl::StrCat(name, " must be a boolean."));
  user->login_enabled = *enabled;
  return {};
}

RepliconFault ApplySecurity(const json& modifications, RepliconUser* user) {
  if (RepliconFault fault = ApplyLoginEnabled(modifications, "isLoginEnabled", user)) return fault;
  const json* settings = Wrapped(modifications, "securitySettings");
  if (settings == nullptr) return {};
  if (RepliconFault fault = ApplyLoginEnabled(*settings, "loginEnabled", user)) return fault;
  return ApplyText(*settings, "ssoName", /*required=*/false, &user->sso_name);
}

// The item in force at the end of a schedule: [{"dateRange": null, "item": {...}}]. False where the
// member leaves the schedule; a schedule without an item clears it.
bool ScheduledItem(const json& modifications, const char* name, const json** item) {
  const json* schedule = Member(modifications, name);
  if (schedule == nullptr || !schedule->is_array()) return false;
  *item = schedule->empty() ? nullptr : Member(schedule->back(), "item");
  return true;
}

RepliconFault ApplyDepartment(const json& modifications, const RepliconDirectory& directory,
                              RepliconUser* user) {
  const json* item = nullptr;
  if (!ScheduledItem(modifications, "departmentGroupSchedule", &item)) return {};
  if (item == nullptr) {
    user->department.clear();
    return {};
  }
  const std::string uri = TextMember(*item, "uri");
  const std::string wanted = uri.empty() ? TextMember(*item, "name") : uri;
  const RepliconItem* department = directory.Department(wanted);
  if (department == nullptr) {
    return InvalidTarget("DepartmentGroup", "The department does not exist.");
  }
  user->department = department->name;
  return {};
}

RepliconFault ApplySupervisor(const json& modifications, const RepliconDirectory& directory,
                              const SupervisorRules& rules, RepliconUser* user) {
  const json* item = nullptr;
  if (!ScheduledItem(modifications, "supervisorSchedule", &item)) return {};
  user->supervisor.clear();
  if (item == nullptr) return {};
  UserTarget target;
  if (RepliconFault fault = ParseUserTarget(*item, &target)) return fault;
  const RepliconUser* supervisor = directory.Find(target);
  const std::string uri = supervisor == nullptr ? "" : supervisor->uri;
  if (RepliconFault fault = CheckSupervisor(directory, rules, *user, uri)) return fault;
  user->supervisor = uri;
  return {};
}

// One of {"modificationOptionUri": "...:add", "items": [{"permissionSetPolicy": {"name": "X"}}]}.
RepliconFault ApplyPermissionSets(const json& change, const RepliconDirectory& directory,
                                  RepliconUser* user) {
  const std::string option = TextMember(change, "modificationOptionUri");
  const bool remove = absl::EndsWith(option, ":remove");
  if (!remove && !absl::EndsWith(option, ":add") && !absl::EndsWith(option, ":replace")) {
    return InvalidModification("Collection", "The modification option is not known.");
  }
  if (absl::EndsWith(option, ":replace")) user->permission_sets.clear();
  const json* items = Member(change, "items");
  if (items == nullptr || !items->is_array()) return {};
  for (const json& item : *items) {
    const json* policy = Member(item, "permissionSetPolicy");
    const std::string uri = policy == nullptr ? "" : TextMember(*policy, "uri");
    const std::string name = policy == nullptr ? "" : TextMember(*policy, "name");
    const RepliconItem* set = directory.PermissionSet(uri.empty() ? name : uri);
    if (set == nullptr) {
      return InvalidTarget("PermissionSetPolicy", "The permission set does not exist.");
    }
    if (remove) {
      user->permission_sets.erase(set->name);
    } else {
      user->permission_sets.insert(set->name);
    }
  }
  return {};
}

}  // namespace

RepliconFault CheckSupervisor(const RepliconDirectory& directory, const SupervisorRules& rules,
                              const RepliconUser& user, absl::string_view supervisor_uri) {
  const RepliconUser* supervisor = directory.FindByUri(supervisor_uri);
  if (supervisor == nullptr) return InvalidTarget("User", "The supervisor does not exist.");
  if (supervisor->uri == user.uri) {
    return InvalidModification("Supervisor", "Users cannot supervise themselves.");
  }
  if (!supervisor->enabled || (rules.needs_login && !supervisor->login_enabled)) {
    return InvalidModification("Supervisor", "The supervisor is not enabled.");
  }
  if (rules.needs_permission && supervisor->permission_sets.count("Supervisor") == 0) {
    return InvalidModification("Supervisor", "The supervisor has no Supervisor permission set.");
  }
  return {};
}

RepliconFault ApplyModifications(const json& modifications, const RepliconDirectory& directory,
                                 const SupervisorRules& rules, RepliconUser* user) {
  const struct {
    const char* name;
    bool required;
    std::string* text;
  } texts[] = {{"firstName", true, &user->first_name},
               {"lastName", true, &user->last_name},
               {"loginName", true, &user->login_name},
               {"emailAddress", false, &user->email},
               {"employeeId", false, &user->employee_id}};
  for (const auto& [name, required, text] : texts) {
    if (RepliconFault fault = ApplyText(modifications, name, required, text)) return fault;
  }
  if (directory.LoginTaken(user->login_name, user->uri)) {
    return InvalidModification("LoginName", "The login name is already in use.");
  }
  if (const json* range = Wrapped(modifications, "employmentDateRange")) {
    if (RepliconFault fault = ParseDateRange(*range, &user->employment)) return fault;
  }
  if (RepliconFault fault = ApplySecurity(modifications, user)) return fault;
  if (RepliconFault fault = ApplyDepartment(modifications, directory, user)) return fault;
  if (RepliconFault fault = ApplySupervisor(modifications, directory, rules, user)) return fault;
  const json* sets = Member(modifications, "permissionSets");
  if (sets == nullptr || !sets->is_array()) return {};
  for (const json& change : *sets) {
    if (RepliconFault fault = ApplyPermissionSets(change, directory, user)) return fault;
  }
  return {};
}

}  // namespace purser::sandbox
