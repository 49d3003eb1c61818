// What each operation of a RepliconTwin does; its lock is held.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "connectors/sandbox/json_access.h"
#include "connectors/sandbox/replicon_list.h"
#include "connectors/sandbox/replicon_twin.h"

namespace purser::sandbox {

using nlohmann::json;

RepliconTwin::Operation RepliconTwin::FindOperation(absl::string_view service,
                                                    absl::string_view operation) {
  static constexpr struct {
    absl::string_view service;
    absl::string_view operation;
    Operation run;
  } kOperations[] = {
      {"useraccesscontrolservice1", "GetMyIdentity", &RepliconTwin::GetMyIdentity},
      {"authenticationservice1", "CreateAccessToken2", &RepliconTwin::CreateAccessToken},
      {"importservice2", "CreateUserOrApplyModifications", &RepliconTwin::CreateOrModify},
      {"importservice1", "BulkGetUsers3", &RepliconTwin::BulkGetUsers},
      {"userlistservice1", "GetData", &RepliconTwin::GetData},
      {"securityservice1", "EnableLogin", &RepliconTwin::EnableLogin},
      {"securityservice1", "DisableLogin", &RepliconTwin::DisableLogin},
      {"userservice1", "UpdateEmploymentDateRange", &RepliconTwin::UpdateEmployment},
      {"userservice1", "UpdateSupervisorAssignmentScheduleOverDateRange",
       &RepliconTwin::UpdateSupervisor},
      {"departmentservice1", "GetEnabledDepartments", &RepliconTwin::GetDepartments},
  };
  for (const auto& known : kOperations) {
    if (known.service == service && known.operation == operation) return known.run;
  }
  return nullptr;
}

RepliconTwin::Outcome RepliconTwin::GetMyIdentity(const json&, const Circumstances&) {
  return {{},
          {{"uri", absl::StrCat("urn:replicon-tenant:", access_.company, ":user:1")},
           {"displayText", access_.username},
           {"loginName", access_.username},
           {"slug", access_.username}}};
}

RepliconTwin::Outcome RepliconTwin::CreateAccessToken(const json& body, const Circumstances&) {
  const json* identity = Member(body, "identity");
  const std::string login = identity == nullptr ? "" : TextMember(*identity, "loginName");
  if (login.empty()) return {MissingParameter("identity.loginName")};
  if (!absl::EqualsIgnoreCase(login, access_.username)) {
    return {InvalidTarget("User", "There is no such login.")};
  }
  const std::string token = ids_.NewId(clock_.Now());
  tokens_.insert(token);
  return {{}, {{"token", token}}};
}

RepliconTwin::Outcome RepliconTwin::CreateOrModify(const json& body,
                                                   const Circumstances& circumstances) {
  if (TextMember(body, "unitOfWorkId").empty()) return {MissingParameter("unitOfWorkId")};
  const json* option = Member(body, "userModificationOptionUri");
  if (option != nullptr && *option != "urn:replicon:user-modification-option:save") {
    return {InvalidModification("User", "The modification option is not known.")};
  }
  RepliconUser user;
  const json* target = Member(body, "target");
  if (target != nullptr) {
    UserTarget named;
    if (RepliconFault fault = ParseUserTarget(*target, &named)) return {fault};
    const RepliconUser* found = directory_.Find(named);
    if (found == nullptr) return {InvalidTarget("User", "The user does not exist.")};
    user = *found;
  }
  const json* modifications = Member(body, "modifications");
  if (modifications == nullptr) return {MissingParameter("modifications")};
  RepliconFault fault =
      ApplyModifications(*modifications, directory_, behaviour_.supervisors, &user);
  if (fault) return {fault};
  if (user.first_name.empty()) return {MissingParameter("firstName")};
  if (user.last_name.empty()) return {MissingParameter("lastName")};
  if (user.login_name.empty()) return {MissingParameter("loginName")};
  if (absl::EqualsIgnoreCase(user.login_name, access_.username)) {
    return {InvalidModification("LoginName", "The login name is already in use.")};
  }
  if (user.uri.empty()) user.uri = directory_.NewUri();
  const json shown = {{"user",
                       {{"uri", user.uri},
                        {"loginName", user.login_name},
                        {"displayText", absl::StrCat(user.last_name, ", ", user.first_name)}}}};
  if (circumstances.commit) directory_.Put(std::move(user));
  return {{}, shown};
}

json RepliconTwin::BulkItem(const json& target) const {
  json item = nullptr;
  UserTarget named;
  if (RepliconFault fault = ParseUserTarget(target, &named)) {
    item = {{"error", {{"type", fault.type}, {"displayText", fault.text}}}};
  } else if (const RepliconUser* user = directory_.Find(named)) {
    item = directory_.ToJson(*user);
  } else if (behaviour_.absent_as_item) {
    item = {{"userDetails", nullptr}};
  } else {
    return nullptr;
  }
  const json* correlation = Member(target, "parameterCorrelationId");
  item["parameterCorrelationId"] = correlation == nullptr ? json() : *correlation;
  return item;
}

RepliconTwin::Outcome RepliconTwin::BulkGetUsers(const json& body, const Circumstances&) {
  const json* users = Member(body, "users");
  if (users == nullptr || !users->is_array()) return {MissingParameter("users")};
  json items = json::array();
  for (const json& target : *users) {
    json item = BulkItem(target);
    if (!item.is_null()) items.push_back(std::move(item));
  }
  return {{}, std::move(items)};
}

RepliconTwin::Outcome RepliconTwin::GetData(const json& body, const Circumstances& circumstances) {
  Outcome outcome;
  outcome.fault = ListUsers(body, directory_, circumstances.ignore_filter, &outcome.value);
  return outcome;
}

RepliconFault RepliconTwin::UserOf(const json& body, RepliconUser* user) const {
  const std::string uri = TextMember(body, "userUri");
  if (uri.empty()) return MissingParameter("userUri");
  const RepliconUser* found = directory_.FindByUri(uri);
  if (found == nullptr) return InvalidTarget("User", "The user does not exist.");
  *user = *found;
  return {};
}

RepliconTwin::Outcome RepliconTwin::SetLogin(const json& body, const Circumstances& circumstances,
                                             bool enabled) {
  RepliconUser user;
  if (RepliconFault fault = UserOf(body, &user)) return {fault};
  user.login_enabled = enabled;
  if (circumstances.commit) directory_.Put(std::move(user));
  return {};
}

RepliconTwin::Outcome RepliconTwin::EnableLogin(const json& body,
                                                const Circumstances& circumstances) {
  return SetLogin(body, circumstances, true);
}

RepliconTwin::Outcome RepliconTwin::DisableLogin(const json& body,
                                                 const Circumstances& circumstances) {
  return SetLogin(body, circumstances, false);
}

// The range is replaced whole: what the caller leaves out is gone.
RepliconTwin::Outcome RepliconTwin::UpdateEmployment(const json& body,
                                                     const Circumstances& circumstances) {
  RepliconUser user;
  if (RepliconFault fault = UserOf(body, &user)) return {fault};
  const json* range = Member(body, "dateRange");
  if (range == nullptr) return {MissingParameter("dateRange")};
  if (RepliconFault fault = ParseDateRange(*range, &user.employment)) return {fault};
  if (circumstances.commit) directory_.Put(std::move(user));
  return {};
}

RepliconTwin::Outcome RepliconTwin::UpdateSupervisor(const json& body,
                                                     const Circumstances& circumstances) {
  RepliconUser user;
  if (RepliconFault fault = UserOf(body, &user)) return {fault};
  const std::string supervisor = TextMember(body, "supervisorUri");
  if (!supervisor.empty()) {
    RepliconFault fault = CheckSupervisor(directory_, behaviour_.supervisors, user, supervisor);
    if (fault) return {fault};
  }
  user.supervisor = supervisor;
  if (circumstances.commit) directory_.Put(std::move(user));
  return {};
}

RepliconTwin::Outcome RepliconTwin::GetDepartments(const json&, const Circumstances&) {
  json departments = json::array();
  for (const RepliconItem& department : directory_.departments()) {
    departments.push_back({{"displayText", department.name}, {"uri", department.uri}});
  }
  return {{}, std::move(departments)};
}

}  // namespace purser::sandbox
