// Base64 for names and URLs (RFC 4648, section 5), without padding.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser {

// Base64UrlEncode("\xfb\xff") is "-_8".
std::string Base64UrlEncode(absl::string_view bytes);

// The inverse. InvalidArgument for padding, white space, another alphabet, or bits that encode
// nothing: each string of bytes has one text.
absl::StatusOr<std::string> Base64UrlDecode(absl::string_view text);

}  // namespace purser
