// LogService: walks the chains.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "broker/admin/admin_context.h"
#include "broker/eventlog/verify.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// `name`: the directory's or the app's, where there is one.
admin::v1::StreamReport ToProto(const StreamReport& report, const std::string& name);

// Says of a stream whose records are whole that it takes no append all the same, and why.
void AddTrouble(const EventLog& log, const StreamId& stream, admin::v1::StreamReport* report);

// Control first, then the directories, then the apps. Calls `send` with progress and with one
// report a stream; it says false where nobody listens any more.
absl::Status VerifyLog(const AdminContext& context, const Caller& caller,
                       const admin::v1::VerifyLogRequest& request,
                       const std::function<bool(const admin::v1::VerifyLogUpdate&)>& send);

}  // namespace purser
