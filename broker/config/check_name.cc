#include "broker/config/check_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace purser::config {
namespace {

constexpr size_t kLongestName = 63;

}  // namespace

absl::Status CheckName(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("a name is needed");
  const bool plain =
      absl::ascii_isalnum(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
      });
  if (plain && name.size() <= kLongestName) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a name is made of letters, digits, - _ and ., begins with a letter or digit, and has at "
      "most "
      "63 characters");
}

}  // namespace purser::config
