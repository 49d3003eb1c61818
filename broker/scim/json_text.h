// JSON text in and out, as fast as the hot path needs and as careful as the open door needs.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace purser::scim {

struct JsonLimits {
  size_t max_bytes = 32u << 20;
  // Objects and arrays inside one another; SCIM's own messages need 6.
  int max_depth = 32;
};

// Parses the whole of `text`.
//
// 400 invalidSyntax: not JSON, not UTF-8, deeper than the limit, or an object that holds one name
// twice, be it in two cases (RFC 7643, section 2.1: names are case-insensitive).
// 413: longer than the limit.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, const JsonLimits& limits = {});

// Appends `text` (UTF-8) with quotes and escapes.
void AppendJsonString(absl::string_view text, std::string* out);

// Appends `value` without white space.
void AppendJson(const nlohmann::json& value, std::string* out);

}  // namespace purser::scim
