// PATCH (RFC 7644, section 3.5.2), in both dialects that identity providers speak.
#pragma once

#include <string>
#include <vector>

#include "connectors/sandbox/scim_schema.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// One step of a change of members; steps apply in order.
struct MemberStep {
  enum Kind { kAdd, kRemove, kClear };
  Kind kind = kAdd;
  std::string id;
};

// Applies all operations of `body` to `*resource` (canonical, without members) and lists what they
// do to members. Of a refused request nothing may be used.
Refusal ApplyPatch(const ScimSchema& schema, const nlohmann::json& body, nlohmann::json* resource,
                   std::vector<MemberStep>* members);

// The ids in a list of members: [{"value": "ID"}], a single one, or bare strings.
Refusal MemberIds(const nlohmann::json& value, std::vector<std::string>* ids);

}  // namespace purser::sandbox
