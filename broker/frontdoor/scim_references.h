// Groups of a user and members of a group, for rendering and for filters.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/frontdoor/scim_request.h"
#include "broker/projections/directory_reader.h"
#include "broker/scim/filter.h"
#include "broker/scim/projection.h"

namespace purser {

// Direct and indirect.
absl::StatusOr<std::vector<scim::Reference>> GroupReferences(const DirectoryReader& reader,
                                                             absl::string_view user_id);
// Direct.
absl::StatusOr<std::vector<scim::Reference>> MemberReferences(const DirectoryReader& reader,
                                                              absl::string_view group_id);

// The JSON text of a resource whose attributes are the text `attributes`; references are read only
// where the projection includes them.
absl::StatusOr<std::string> RenderWithReferences(const ScimRequest& request,
                                                 const Resource& resource,
                                                 absl::string_view attributes,
                                                 const DirectoryReader& reader,
                                                 const scim::Projection& projection);

}  // namespace purser
