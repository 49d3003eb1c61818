// Waiting for a job that a command has started.
#pragma once

#include "broker/cli/session.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// Watches the job to its end, with progress on a terminal; `job` holds what was seen last.
absl::Status WaitForJob(Session& session, admin::v1::Job* job);

// 0 where it is done, else 1.
int ExitStatusOfJob(const admin::v1::Job& job);

}  // namespace purser
