// ModelService: how far this node's read models are, and what they hold at a position.
#pragma once

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// Every directory's and every app's, those that are not there yet included.
absl::StatusOr<admin::v1::ListModelsResponse> ListModels(const AdminContext& context,
                                                         const Caller& caller,
                                                         const admin::v1::ListModelsRequest&);

// Waits until the fold is at the position asked for, takes what the model is then, and digests that
// while the fold goes on. OutOfRange: it was past it. DeadlineExceeded: it did not come there in
// time. NotFound: there is no such stream. Unavailable: its model is not there yet.
absl::StatusOr<admin::v1::ModelDigest> DigestModel(const AdminContext& context,
                                                   const Caller& caller,
                                                   const admin::v1::DigestModelRequest& request);

}  // namespace purser
