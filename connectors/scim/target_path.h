// Where a mapping row's value stands in a SCIM resource: `emails[type eq "work"].value`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace purser::connectors::scim {

inline constexpr absl::string_view kUserSchema = "urn:ietf:params:scim:schemas:core:2.0:User";
inline constexpr absl::string_view kGroupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";
inline constexpr absl::string_view kEnterpriseSchema =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

// Value type. A path of RFC 7644, figure 7, whose filter is a conjunction of `eq` terms, so that
// what it names can be made where it is absent.
struct TargetPath {
  struct Term {
    std::string attribute;
    nlohmann::json value;
  };

  std::string text;       // as the mapping says
  std::string extension;  // the URN; empty for a core attribute
  std::string attribute;  // "emails"
  std::vector<Term> terms;
  std::string sub;  // "value"
  // The value is the id of another resource, {"value": id} in SCIM: manager.
  bool reference = false;
};

// InvalidArgument, naming the path, where it is not of that form.
absl::StatusOr<TargetPath> ParseTargetPath(absl::string_view text);

// Sets the value there, making what it stands in. `document` is an object.
void SetAt(const TargetPath& path, const nlohmann::json& value, nlohmann::json* document);

// Takes the value away; an element that holds nothing but the filter's terms goes too.
void RemoveAt(const TargetPath& path, nlohmann::json* document);

// What a resource holds there; nullopt for absent, null, "", [] and {}. Names in any case; "True"
// and "False" of `active` and `primary` as booleans; a reference as the id.
std::optional<nlohmann::json> ValueAt(const TargetPath& path, const nlohmann::json& document);

// The member of that name in any case (RFC 7643, section 2.1); null where there is none.
const nlohmann::json* MemberOf(const nlohmann::json& object, absl::string_view name);

// true, false, "True" or "false" as a boolean; nullopt for anything else.
std::optional<bool> AsBoolean(const nlohmann::json& value);

}  // namespace purser::connectors::scim
