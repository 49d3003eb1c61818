// Functions over the roles that a user has in the app.
#include "broker/base/status.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

absl::StatusOr<json> AssertiveRoles(const FunctionCall& call) { return call.Value(0); }

absl::StatusOr<json> AddedRoles(const FunctionCall& call) {
  call.context()->additive = true;
  return call.Value(0);
}

absl::StatusOr<json> RoleNames(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::vector<json> roles, call.Values(0));
  if (roles.empty()) return json();
  json names = json::array();
  for (const json& role : roles) names.push_back(TextOf(role));
  return names;
}

absl::StatusOr<json> SingleRole(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::vector<json> roles, call.Values(0));
  return roles.empty() ? json() : json(TextOf(roles.front()));
}

}  // namespace

const std::vector<Function>& RoleFunctions() {
  static const auto* const kFunctions =
      new std::vector<Function>{{"AppRoleAssignmentsComplex", 1, 1, AddedRoles},
                                {"AssertiveAppRoleAssignmentsComplex", 1, 1, AssertiveRoles},
                                {"AppRoleAssignments", 1, 1, RoleNames},
                                {"SingleAppRoleAssignment", 1, 1, SingleRole}};
  return *kFunctions;
}

}  // namespace purser::mapping
