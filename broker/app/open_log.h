// The one place that knows which engine the log runs on.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/eventlog/event_log.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// Opens the log at `address`, or the embedded one of `folder` where it is empty. `on_fatal` is
// called on the log's thread when it can no longer be trusted to write: the process is to exit.
absl::StatusOr<std::unique_ptr<EventLog>> OpenLog(
    const std::string& address, const std::string& folder, const Clock* clock,
    std::function<void(const absl::Status&)> on_fatal);

}  // namespace purser
