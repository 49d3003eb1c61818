// UserService: what happened to a user, and why a user is or is not in an app.
#pragma once

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// The directory's events and the apps' records about one resource, in the order of log time. Of
// each stream the latest 5,000 records count.
absl::StatusOr<admin::v1::TimelineResponse> Timeline(const AdminContext& context,
                                                     const Caller& caller,
                                                     const admin::v1::TimelineRequest& request);

// From the directory's last event to the last call, step by step, and what would change it. Reads
// the projections alone; asks neither the app nor its owner.
absl::StatusOr<admin::v1::ExplainResponse> Explain(const AdminContext& context,
                                                   const Caller& caller,
                                                   const admin::v1::ExplainRequest& request);

}  // namespace purser
