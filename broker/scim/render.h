// Resources and lists as the text of an answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/scim/filter.h"
#include "broker/scim/projection.h"

namespace purser::scim {

inline constexpr absl::string_view kMediaType = "application/scim+json";

// W/"42": a resource's meta.version and its ETag.
std::string EntityTag(uint64_t version);

// "https://id.example.com/scim/v2/Users/0192..."; `base_url` without a slash at its end.
std::string LocationOf(absl::string_view base_url, event::v1::ResourceType type,
                       absl::string_view id);

// The resource as `schema` has it, with schemas, id and meta. `attributes` is the text of what
// Resource::attributes holds, which is not looked at: of each value in it that is shown the text is
// taken over. The view's members or groups are rendered where the projection includes them.
//
// DataLoss where `attributes` is not JSON.
absl::StatusOr<std::string> RenderResource(const ResourceSchema& schema, const ResourceView& view,
                                           absl::string_view attributes, absl::string_view base_url,
                                           const Projection& projection = {});

// A ListResponse (RFC 7644, section 3.4.2) around resources that RenderResource() has made.
// `start_index` counts from 1.
std::string RenderList(uint64_t total, uint64_t start_index,
                       const std::vector<std::string>& resources);

// The same for a page that was asked for by cursor (RFC 9865, section 2); `next_cursor` is empty on
// the last page.
std::string RenderCursorPage(uint64_t total, absl::string_view next_cursor,
                             const std::vector<std::string>& resources);

}  // namespace purser::scim
