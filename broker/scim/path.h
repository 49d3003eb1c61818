// The path of a PATCH operation (RFC 7644, section 3.5.2, figure 7).
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/scim/filter.h"
#include "broker/scim/schema.h"

namespace purser::scim {

struct Path {
  enum class Kind {
    kAttribute,  // ref, with filter where it has brackets
    kExtension,  // an extension's URN alone; ref.extension
    kResource,   // the core URN alone: the resource itself, as without a path
  };
  Kind kind = Kind::kAttribute;
  // emails[type eq "work"].value: attribute emails, sub value.
  AttributeRef ref;
  std::optional<Filter> filter;
};

// 400 invalidPath: malformed, or it names no attribute. 400 invalidFilter: what stands in the
// brackets is no filter.
absl::StatusOr<Path> ParsePath(const ResourceSchema& schema, absl::string_view text);

}  // namespace purser::scim
