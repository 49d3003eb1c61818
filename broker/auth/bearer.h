// The Authorization header of a bearer token (RFC 6750, section 2.1).
#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace purser::auth {

// "x.y" of "Bearer x.y", the scheme in any case; nullopt for another scheme, no token, or
// characters that no token holds. Points into `header`.
std::optional<absl::string_view> ParseBearer(absl::string_view header);

}  // namespace purser::auth
