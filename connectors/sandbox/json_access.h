// Reading JSON that anyone may have sent, without an exception.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// The member of an object; nullptr where there is none, or it is null, or this is no object.
const nlohmann::json* Member(const nlohmann::json& object, absl::string_view name);

// The member's text; empty where it is no string.
std::string TextMember(const nlohmann::json& object, absl::string_view name);

// A boolean or a number, also where it stands in a string: true, "True", 7, "7".
std::optional<bool> AsBoolean(const nlohmann::json& value);
std::optional<int64_t> AsInteger(const nlohmann::json& value);

// Compact JSON; bytes that are no UTF-8 are replaced.
std::string Dump(const nlohmann::json& value);

}  // namespace purser::sandbox
