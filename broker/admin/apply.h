// Configuration files -> records of the control stream; the one door for what is configured, used
// by the admin API and by `purser serve --apply`.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "google/protobuf/message.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

struct ApplyOptions {
  bool dry_run = false;
  std::string request_id;
  std::string reason;
};

// Reads all `files` strictly, completes each app from its template, checks everything, and puts
// what differs from the present state: one record each, all or none. Applying the same again
// changes nothing. An app's `state` counts when it is created, and not after.
//
// InvalidArgument names file and line, or the app; FailedPrecondition: an app would change its
// directory; else as SubmitAndWait().
absl::StatusOr<admin::v1::ApplyResponse> ApplyConfiguration(
    const AdminContext& context, const Caller& caller,
    const std::vector<admin::v1::ConfigFile>& files, const ApplyOptions& options);

// The fields in which two messages of one type differ, in the order of their numbers; mapping rows
// are compared by target.
std::vector<admin::v1::FieldChange> FieldChanges(const google::protobuf::Message& before,
                                                 const google::protobuf::Message& after);

absl::StatusOr<admin::v1::ApplyResponse> Apply(const AdminContext& context, const Caller& caller,
                                               const admin::v1::ApplyRequest& request);
absl::StatusOr<admin::v1::ApplyResponse> Diff(const AdminContext& context, const Caller& caller,
                                              const admin::v1::DiffRequest& request);
absl::StatusOr<admin::v1::GetConfigResponse> GetConfig(const AdminContext& context,
                                                       const Caller& caller,
                                                       const admin::v1::GetConfigRequest& request);

}  // namespace purser
