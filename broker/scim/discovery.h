// What the server tells of itself (RFC 7644, section 4), generated from the schema.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "broker/domain/request_limits.h"
#include "broker/scim/schema.h"

namespace purser::scim {

// Bodies, of the directory with these schemas and limits; `base_url` as in LocationOf().
// `event_uris`: the security events that some receiver may get (RFC 9967); without any, nothing is
// said of them.
std::string RenderServiceProviderConfig(const RequestLimits& limits, absl::string_view base_url,
                                        const std::vector<std::string>& event_uris = {});
std::string RenderSchemas(const SchemaSet& schemas, absl::string_view base_url);
std::string RenderResourceTypes(const SchemaSet& schemas, absl::string_view base_url);

// One of them, by its URN in any case ("urn:..:core:2.0:User") or its id ("User"); nothing where
// there is none.
std::optional<std::string> RenderSchema(const SchemaSet& schemas, absl::string_view base_url,
                                        absl::string_view urn);
std::optional<std::string> RenderResourceType(const SchemaSet& schemas, absl::string_view base_url,
                                              absl::string_view id);

}  // namespace purser::scim
