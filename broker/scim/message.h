// What SCIM's own messages have in common: PatchOp, BulkRequest.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace purser::scim {

// The value of that name, in any case, of an object; nullptr where there is none, or no object.
nlohmann::json* FindAnyCase(nlohmann::json* object, absl::string_view name);
const nlohmann::json* FindAnyCase(const nlohmann::json& object, absl::string_view name);

// 400 invalidSyntax where the `schemas` of the object do not hold `urn`.
absl::Status CheckMessageSchema(nlohmann::json* body, absl::string_view urn);

}  // namespace purser::scim
