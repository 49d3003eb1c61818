// The attributes that a SCIM application knows, and their canonical form.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

inline constexpr char kUserUrn[] = "urn:ietf:params:scim:schemas:core:2.0:User";
inline constexpr char kGroupUrn[] = "urn:ietf:params:scim:schemas:core:2.0:Group";
inline constexpr char kEnterpriseUrn[] =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

// Why a request is refused (RFC 7644, section 3.12); status 0: it is not.
struct Refusal {
  int status = 0;
  std::string scim_type;
  std::string detail;

  explicit operator bool() const { return status != 0; }
};
Refusal BadRequest(std::string scim_type, std::string detail);

// One row of an application's table: a path as an administrator reads it there.
struct AttributeRow {
  std::string path;  // "emails[type eq \"work\"].value", "urn:...:User:department"
  bool required = false;
};

struct ScimAttribute {
  std::string name;
  bool extension = false;
  bool multi = false;
  bool boolean = false;
  std::vector<std::string> subs;  // empty: a plain value

  // The canonical name of a sub-attribute given in any case; empty where it has none.
  std::string Sub(absl::string_view name) const;
};

// Immutable.
class ScimSchema {
 public:
  ScimSchema(std::string urn, std::vector<AttributeRow> rows);

  const std::string& urn() const { return urn_; }
  const std::vector<AttributeRow>& rows() const { return rows_; }

  // The attribute of that name in any case; nullptr where the application has none.
  const ScimAttribute* Find(absl::string_view name, bool extension) const;

  // `input` with known attributes alone, under their canonical names, the unassigned (null, [],
  // {}) left out. The result holds no id, meta or schemas, and no members, which are kept apart.
  Refusal Canonicalize(const nlohmann::json& input, nlohmann::json* output) const;

  // One attribute's value, or null where it is unassigned.
  Refusal CanonicalValue(const ScimAttribute& attribute, const nlohmann::json& value,
                         nlohmann::json* output) const;

  // The first required path that `resource` lacks; empty where it lacks none. With `before`, only
  // what was there counts.
  std::string Missing(const nlohmann::json& resource, const nlohmann::json* before) const;

 private:
  void Add(absl::string_view path);

  std::string urn_;
  std::vector<AttributeRow> rows_;
  absl::flat_hash_map<std::string, ScimAttribute> attributes_;  // by lower-case name
};

// The value at a row's path in a canonical resource; nullptr where it has none.
const nlohmann::json* ValueAt(const nlohmann::json& resource, absl::string_view path);

}  // namespace purser::sandbox
