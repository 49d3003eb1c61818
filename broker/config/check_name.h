// What may be the name of something configured.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace purser::config {

// Names stand in addresses, metrics and commands: letters, digits, - _ and ., at most 63.
absl::Status CheckName(absl::string_view name);

}  // namespace purser::config
