// The path of an attribute, as mapping rows, expressions and filters write it (RFC 7644, 3.10):
// userName, name.givenName, emails[type eq "work"].value, urn:...:User:department.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace purser::mapping {

inline constexpr absl::string_view kEnterpriseUrn =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

// `[type eq "work"]`: the elements of a multi-valued attribute that are meant.
struct ElementSelector {
  std::string sub_attribute;
  nlohmann::json value;  // a string, a boolean or a number
};

struct AttributePath {
  std::string urn;  // of an extension; empty for a core attribute
  std::string name;
  std::optional<ElementSelector> selector;
  std::string sub_attribute;
};

// `enterprise:department` is short for the enterprise extension's attribute; the core schema's URN
// may stand before a core attribute. InvalidArgument says what is wrong with the text.
absl::StatusOr<AttributePath> ParseAttributePath(absl::string_view text);

// The one spelling of a path: its URN in full, one space round `eq`.
std::string FormatAttributePath(const AttributePath& path);

// The value at `path` in a resource's attributes (canonical case); null where there is none.
// Of several elements that a selector picks, the primary one, else the first.
nlohmann::json ValueAt(const nlohmann::json& attributes, const AttributePath& path);

}  // namespace purser::mapping
