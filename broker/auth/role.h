// What a token's holder may do.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser::auth {

// kScim writes and reads one directory by SCIM, and nothing else. At the admin API a viewer reads,
// an operator also runs commands, an admin also changes configuration and tokens.
enum class Role { kScim, kViewer, kOperator, kAdmin };

// "scim", "viewer", "operator", "admin"; InvalidArgument for another word.
absl::StatusOr<Role> ParseRole(absl::string_view name);
absl::string_view RoleName(Role role);

// True where a holder of `held` may do what asks for `needed`: an admin is an operator too.
bool Allows(Role held, Role needed);

}  // namespace purser::auth
