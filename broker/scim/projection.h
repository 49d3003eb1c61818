// Which attributes an answer holds (RFC 7644, section 3.9).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "broker/scim/schema.h"

namespace purser::scim {

// Value type; the default holds all that is returned by default.
class Projection {
 public:
  Projection() = default;
  // Of the comma-separated names of `attributes` or `excludedAttributes`; unknown names are
  // ignored.
  static Projection Only(const ResourceSchema& schema, absl::string_view names);
  static Projection Except(const ResourceSchema& schema, absl::string_view names);

  // Also these: attributes returned on request that a write gave a value (RFC 7643, section 7).
  void Request(std::vector<AttributeRef> given) { given_ = std::move(given); }

  bool is_default() const { return mode_ == Mode::kDefault; }

  // Whether any of the attribute is in the answer.
  bool Includes(const Schema* extension, const Attribute& attribute) const;
  bool IncludesSub(const Schema* extension, const Attribute& attribute, const Attribute& sub) const;
  // Whether the members of a group (the groups of a user) need to be read at all.
  bool IncludesReferences(const ResourceSchema& schema) const;

 private:
  enum class Mode { kDefault, kOnly, kExcept };

  Projection(Mode mode, const ResourceSchema& schema, absl::string_view names);
  // `sub` nullptr: any of it.
  bool IsGiven(const Schema* extension, const Attribute& attribute, const Attribute* sub) const;

  Mode mode_ = Mode::kDefault;
  std::vector<AttributeRef> names_;  // attribute nullptr: a whole extension
  std::vector<AttributeRef> given_;
};

}  // namespace purser::scim
