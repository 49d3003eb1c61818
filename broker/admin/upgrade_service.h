// UpgradeService: what the nodes can read, and what may be written for them.
#pragma once

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "broker/admin/writing.h"
#include "purser/admin/v1/admin.pb.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// What ends an upgrade to this program, and what a new log begins with.
event::v1::Envelope MakeUpgradeFinalized(const AdminContext& context, const Wish& wish);

absl::StatusOr<admin::v1::UpgradeStatus> GetUpgradeStatus(
    const AdminContext& context, const Caller& caller,
    const admin::v1::GetUpgradeStatusRequest& request);

// FailedPrecondition names the nodes that are older than this one's program.
absl::StatusOr<admin::v1::UpgradeStatus> FinalizeUpgrade(
    const AdminContext& context, const Caller& caller,
    const admin::v1::FinalizeUpgradeRequest& request);

}  // namespace purser
