// The SCIM requests that a directory refused: why somebody is not there at all.
#pragma once

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// The latest first, as far as they are kept. NotFound for an unknown directory; a user who is not
// there is none, for that is what is asked. InvalidArgument where no directory is named and there
// are several.
absl::StatusOr<admin::v1::ListRequestsResponse> ListRequests(
    const AdminContext& context, const Caller& caller,
    const admin::v1::ListRequestsRequest& request);

}  // namespace purser
