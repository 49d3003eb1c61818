// What the server tells of itself (RFC 7644, section 4), generated from the schema.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace purser::scim {

// Bodies; `base_url` as in LocationOf().
std::string RenderServiceProviderConfig(absl::string_view base_url);
std::string RenderSchemas(absl::string_view base_url);
std::string RenderResourceTypes(absl::string_view base_url);

// One of them, by its URN in any case ("urn:..:core:2.0:User") or its id ("User"); nothing where
// there is none.
std::optional<std::string> RenderSchema(absl::string_view base_url, absl::string_view urn);
std::optional<std::string> RenderResourceType(absl::string_view base_url, absl::string_view id);

}  // namespace purser::scim
