// ParkedService: lanes that need an operator.
#pragma once

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

absl::StatusOr<admin::v1::ListParkedResponse> ListParked(
    const AdminContext& context, const Caller& caller, const admin::v1::ListParkedRequest& request);

// A lane may be retried while it is parked, retrying or skipped; skipped while it is parked or
// retrying, and only with a reason. Nothing is recorded where one of the resources named has no
// such lane: NotFound where nobody knows it, else FailedPrecondition.
absl::StatusOr<admin::v1::ReleaseParkedResponse> RetryParked(
    const AdminContext& context, const Caller& caller,
    const admin::v1::ReleaseParkedRequest& request);
absl::StatusOr<admin::v1::ReleaseParkedResponse> SkipParked(
    const AdminContext& context, const Caller& caller,
    const admin::v1::ReleaseParkedRequest& request);

}  // namespace purser
