// Attribute values: from what clients send to the one canonical form, and how two are compared.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"

namespace purser::scim {

// How the value arrives.
enum class ValueForm {
  kWhole,  // POST and PUT: an attribute with all that it holds
  kPatch,  // PATCH: nulls inside an object stay, for they unassign; x stands for [x]
};

// The canonical form of a value of `attribute`: names in canonical case, unknown and readOnly
// sub-attributes gone, "True" a boolean. Null means unassigned (RFC 7643, section 2.5: null, [] and
// {}). A multi-valued attribute comes back as an array.
//
// 400 invalidValue: a wrong type, or two primary values (RFC 7643, section 2.4).
absl::StatusOr<nlohmann::json> CanonicalValue(const Attribute& attribute, nlohmann::json input,
                                              ValueForm form);

// The id at the end of the URI of a resource: "https://x/scim/v2/Users/2819c223" -> "2819c223".
absl::string_view IdInUri(absl::string_view uri);

// The same for one element of a multi-valued attribute.
absl::StatusOr<nlohmann::json> CanonicalElement(const Attribute& attribute, nlohmann::json input,
                                                ValueForm form);

// The distinct ids of a group's members, in the order given; `input` may be one object, or absent
// (null). 400 invalidValue where an element has no id.
absl::StatusOr<std::vector<std::string>> MemberIds(const nlohmann::json& input);

// Adds `elements` (canonical) to `array`; one whose value and type are there already is merged into
// it, an equal one adds nothing. A primary among them takes it from the others.
void MergeElements(nlohmann::json elements, nlohmann::json* array);

// Leaves `primary` true at `keep` alone.
void ClearOtherPrimaries(size_t keep, nlohmann::json* array);

bool IsPrimary(const nlohmann::json& element);

// Whether a stored value has the shape and type that the attribute has now: a schema that is
// configured may have changed since.
bool FitsType(const Attribute& attribute, const nlohmann::json& value);

// Equal but for the order of a multi-valued attribute's values, which has no meaning.
bool SameValue(const nlohmann::json& a, const nlohmann::json& b);

}  // namespace purser::scim
