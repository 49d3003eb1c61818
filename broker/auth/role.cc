#include "broker/auth/role.h"

#include "absl/strings/str_cat.h"

namespace purser::auth {

absl::StatusOr<Role> ParseRole(absl::string_view name) {
  for (const Role role : {Role::kScim, Role::kFeed, Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (RoleName(role) == name) return role;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the role ", name, " is none of scim, feed, viewer, operator, admin"));
}

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kScim:
      return "scim";
    case Role::kFeed:
      return "feed";
    case Role::kViewer:
      return "viewer";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

bool IsDirectorys(Role role) { return role == Role::kScim || role == Role::kFeed; }

bool Allows(Role held, Role needed) {
  if (held == Role::kScim && needed == Role::kFeed) return true;
  if (IsDirectorys(held) || IsDirectorys(needed)) return held == needed;
  return held >= needed;
}

}  // namespace purser::auth
