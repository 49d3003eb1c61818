// What may not change once it stands: immutable, readOnly and required attributes (RFC 7643,
// section 7; RFC 7644, sections 3.5.1 and 3.5.2).
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"

namespace purser::scim {

// What one operation of a PATCH has to leave; made before it is applied.
class Standing {
 public:
  // `target` as in AttributeOperation: without an attribute it is the whole extension.
  Standing(const AttributeRef& target, const nlohmann::json& attributes);

  // Of the attributes afterwards. 400 mutability: an immutable value has changed or gone, or what
  // is required has gone.
  absl::Status Check(const nlohmann::json& attributes) const;

 private:
  const AttributeRef target_;
  bool extension_stood_ = false;
  nlohmann::json immutable_;           // the value, where it stood and may not change
  const Attribute* blocks_ = nullptr;  // keeps its extension from being removed as a whole
};

// What a PUT leaves out but may not clear, put into `after`: immutable and readOnly values. True
// where there was something. 400 mutability: an immutable value is another.
absl::StatusOr<bool> KeepStanding(const ResourceSchema& schema, const nlohmann::json& before,
                                  nlohmann::json* after);

}  // namespace purser::scim
