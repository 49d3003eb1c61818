// Attribute paths and filters, as far as these applications take them (RFC 7644, 3.4.2.2, 3.5.2).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "connectors/sandbox/scim_schema.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// One comparison for equality: userName eq "ada@example.com".
struct EqualTerm {
  std::string attribute;
  nlohmann::json value;
};

struct ScimPath {
  bool whole_extension = false;  // a URN alone
  const ScimAttribute* attribute = nullptr;
  bool has_filter = false;
  std::vector<EqualTerm> terms;  // of the value path, all of which must hold
  std::string sub;
};

// Parses `urn:...:User:manager.value`, `emails[type eq "work"].value`, `members`, in any case.
// Refuses with invalidPath what is malformed, or names an attribute the application has not.
Refusal ParsePath(const ScimSchema& schema, absl::string_view text, ScimPath* path);

// Parses a filter of `eq` terms joined by `and`; refuses any other with invalidFilter.
Refusal ParseFilter(absl::string_view text, std::vector<EqualTerm>* terms);

// Whether the element of a multi-valued attribute meets all terms; text compares in any case, but
// for "value".
bool Matches(const nlohmann::json& element, const std::vector<EqualTerm>& terms);

}  // namespace purser::sandbox
