// The order of a list (RFC 7644, section 3.4.2.3).
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/scim/filter.h"
#include "broker/scim/schema.h"

namespace purser::scim {

// What a list is sorted by. Value type; refers to the schema it was parsed with, which outlives it.
struct Sort {
  // Without an attribute: it is unknown to the type, and no resource has a value.
  AttributeRef ref;
  bool descending = false;

  // True where it is by that attribute of the core schema, or common one, and no sub-attribute.
  bool IsBy(absl::string_view attribute) const;
  // True where it reads the members of a group, or the groups of a user.
  bool ReadsReferences() const;
};

// "name.familyName", "emails" (its value), "urn:..:enterprise:2.0:User:department"; `order` is
// ascending where it is empty. 400 invalidPath: it is no attribute's name, or names a complex
// attribute that has no value of its own, or the password; invalidValue: `order` is neither.
absl::StatusOr<Sort> ParseSort(const ResourceSchema& schema, absl::string_view by,
                               absl::string_view order);

// A text whose bytes are ordered as the values are: by CaselessKey unless caseExact, dateTimes as
// instants, false before true. Of a multi-valued attribute the primary value, else the first.
// Nothing where there is no value.
std::optional<std::string> SortKey(const Sort& sort, const ResourceView& view);

// Whether a resource with key `a` comes before one with `b`; neither for equal ones. Those without
// a value are last ascending, first descending.
bool SortsBefore(const Sort& sort, const std::optional<std::string>& a,
                 const std::optional<std::string>& b);

}  // namespace purser::scim
