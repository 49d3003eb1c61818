// AppService: how apps stand, and the commands that start and stop them.
#pragma once

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// "running", "paused" or "stopped": what commands made of it, else what it was created as.
std::string AppStateWord(const AppEntry& entry, const AppRow& row);

// One app as operators see it. An app whose stream is not read yet has no numbers.
absl::StatusOr<admin::v1::AppStatus> StatusOfApp(const AdminContext& context,
                                                 const ControlState& state, const AppEntry& entry);

absl::StatusOr<admin::v1::ListAppsResponse> ListApps(const AdminContext& context,
                                                     const Caller& caller,
                                                     const admin::v1::ListAppsRequest& request);
absl::StatusOr<admin::v1::AppStatus> GetAppStatus(const AdminContext& context, const Caller& caller,
                                                  const admin::v1::GetAppStatusRequest& request);

// Nothing is recorded where the app is in that state already. FailedPrecondition: a stopped app
// cannot be paused.
absl::StatusOr<admin::v1::CommandAppResponse> CommandApp(
    const AdminContext& context, const Caller& caller, const admin::v1::CommandAppRequest& request);

// Asks for a test of the connection, which the app's owner makes whatever the app's state.
absl::StatusOr<admin::v1::Job> TestApp(const AdminContext& context, const Caller& caller,
                                       const admin::v1::TestAppRequest& request);

}  // namespace purser
