// JobService and ReplayService: long work that an app's owner does on command.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "broker/admin/writing.h"
#include "purser/admin/v1/admin.pb.h"
#include "purser/event/v1/delivery.pb.h"

namespace purser {

// Mints a job, puts `command` with its id on the app's stream, and gives the job as it is queued.
absl::StatusOr<admin::v1::Job> StartJob(const AdminContext& context, const Wish& wish,
                                        const AppEntry& entry, event::v1::AppCommand command);

// InvalidArgument: no reason, no start, an end before it, a time that lies ahead, no such rate.
// FailedPrecondition: the app is stopped or read-only, so nothing could be sent. A dry run needs
// neither a reason nor an app that runs.
absl::StatusOr<admin::v1::Job> StartReplay(const AdminContext& context, const Caller& caller,
                                           const admin::v1::StartReplayRequest& request);

// What a dry run has found, by id.
absl::StatusOr<admin::v1::ListPlannedResponse> ListPlannedChanges(
    const AdminContext& context, const Caller& caller,
    const admin::v1::ListPlannedRequest& request);

// The latest first.
absl::StatusOr<admin::v1::ListJobsResponse> ListJobs(const AdminContext& context,
                                                     const Caller& caller,
                                                     const admin::v1::ListJobsRequest& request);
absl::StatusOr<admin::v1::Job> GetJob(const AdminContext& context, const Caller& caller,
                                      const admin::v1::GetJobRequest& request);

// FailedPrecondition where the job has ended.
absl::StatusOr<admin::v1::Job> CancelJob(const AdminContext& context, const Caller& caller,
                                         const admin::v1::CancelJobRequest& request);

// Calls `send` with the job now and after each change until it has ended or `send` says false;
// `pause` waits between two looks and says false where nobody listens any more.
absl::Status WatchJob(const AdminContext& context, const Caller& caller,
                      const admin::v1::GetJobRequest& request,
                      const std::function<bool(const admin::v1::Job&)>& send,
                      const std::function<bool()>& pause);

// True for "done", "failed" and "cancelled".
bool HasEnded(const admin::v1::Job& job);

}  // namespace purser
