// ImportService: lines of users and groups into a directory.
#pragma once

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// InvalidArgument: no such type.
absl::StatusOr<admin::v1::CheckPathsResponse> CheckPaths(
    const AdminContext& context, const Caller& caller, const admin::v1::CheckPathsRequest& request);

// A line that is refused is told in its outcome, and keeps no other back.
//
// NotFound: no such directory. InvalidArgument: several, and none is named; more than 256 lines.
// Unavailable: the log did not settle them in time.
absl::StatusOr<admin::v1::PutLinesResponse> PutLines(const AdminContext& context,
                                                     const Caller& caller,
                                                     const admin::v1::PutLinesRequest& request);

}  // namespace purser
