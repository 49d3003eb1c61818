// What a token's holder may do.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser::auth {

// kScim writes and reads one directory by SCIM, and its feeds; kFeed reads those alone. Both do
// nothing else. At the admin API a viewer reads,
// an operator also runs commands, an admin also changes configuration and tokens.
enum class Role { kScim, kFeed, kViewer, kOperator, kAdmin };

// True for the roles of a directory's tokens; the others are the admin API's.
bool IsDirectorys(Role role);

// "scim", "feed", "viewer", "operator", "admin"; InvalidArgument for another word.
absl::StatusOr<Role> ParseRole(absl::string_view name);
absl::string_view RoleName(Role role);

// True where a holder of `held` may do what asks for `needed`: an admin is an operator too,
// and who writes a directory reads its feeds.
bool Allows(Role held, Role needed);

}  // namespace purser::auth
