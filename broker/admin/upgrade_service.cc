#include "broker/admin/upgrade_service.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "purser/event/v1/control.pb.h"

namespace purser {
namespace {

using event::v1::Envelope;

absl::StatusOr<admin::v1::UpgradeStatus> StatusNow(const AdminContext& context) {
  admin::v1::UpgradeStatus status;
  status.set_finalized(context.control->state()->finalized);
  status.set_reader(kReaderRevision);
  if (!context.nodes) return status;
  ASSIGN_OR_RETURN(const std::vector<NodeInfo> nodes, context.nodes());
  for (const NodeInfo& node : nodes) {
    admin::v1::UpgradeNode& shown = *status.add_nodes();
    shown.set_id(node.node_id);
    shown.set_version(node.version);
    shown.set_reader(node.reader);
    shown.mutable_parts()->Add(node.parts.begin(), node.parts.end());
  }
  return status;
}

absl::Status CheckNodes(const admin::v1::UpgradeStatus& status) {
  std::vector<std::string> older;
  for (const admin::v1::UpgradeNode& node : status.nodes()) {
    if (node.reader() < kReaderRevision) older.push_back(node.id());
  }
  if (older.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("older programs still run, and would stop: upgrade the nodes ",
                   absl::StrJoin(older, ", "), " first"));
}

}  // namespace

Envelope MakeUpgradeFinalized(const AdminContext& context, const Wish& wish) {
  event::v1::UpgradeFinalized finalized;
  finalized.set_reader(kReaderRevision);
  Envelope envelope = MakeEnvelope(context, wish, event::v1::UPGRADE_FINALIZED,
                                   event::v1::RESOURCE_TYPE_UNSPECIFIED, "", finalized);
  envelope.set_lowest_reader(kReaderRevision);
  return envelope;
}

absl::StatusOr<admin::v1::UpgradeStatus> GetUpgradeStatus(
    const AdminContext& context, const Caller&, const admin::v1::GetUpgradeStatusRequest&) {
  return StatusNow(context);
}

absl::StatusOr<admin::v1::UpgradeStatus> FinalizeUpgrade(
    const AdminContext& context, const Caller& caller,
    const admin::v1::FinalizeUpgradeRequest& request) {
  ASSIGN_OR_RETURN(admin::v1::UpgradeStatus status, StatusNow(context));
  RETURN_IF_ERROR(CheckNodes(status));
  const Wish wish = MakeWish(context, caller, request.request_id(), request.reason());
  const auto decide = [context, wish]() -> absl::StatusOr<std::vector<Envelope>> {
    if (context.control->draft().finalized >= kReaderRevision) return std::vector<Envelope>();
    return std::vector<Envelope>{MakeUpgradeFinalized(context, wish)};
  };
  RETURN_IF_ERROR(SubmitAndWait(context, StreamId::Control(), decide).status());
  status.set_finalized(context.control->state()->finalized);
  return status;
}

}  // namespace purser
