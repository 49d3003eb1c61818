#include "absl/strings/str_cat.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

struct StatusFlags {};

int RunStatus(Session& session, const StatusFlags&) {
  admin::v1::UpgradeStatus upgrade;
  const absl::Status status =
      session.Call("UpgradeService/GetStatus", admin::v1::GetUpgradeStatusRequest(), &upgrade);
  if (!status.ok()) return session.Fail(status);
  session.Print(upgrade, [&] { return UpgradeText(upgrade); });
  return kExitDone;
}

int RunFinalize(Session& session, const Why& why) {
  admin::v1::FinalizeUpgradeRequest request;
  SetWhy(session, why, &request);
  admin::v1::UpgradeStatus upgrade;
  const absl::Status status = session.Call("UpgradeService/Finalize", request, &upgrade);
  if (!status.ok()) return session.Fail(status);
  session.Print(upgrade, [&] { return UpgradeText(upgrade); });
  return kExitDone;
}

}  // namespace

void AddUpgradeCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* upgrade = AddNoun(root, "upgrade", "from one program to the next");
  AddVerb<StatusFlags>(
      upgrade, chosen, "status", "which nodes run which program", [](CLI::App*, StatusFlags*) {},
      RunStatus);
  AddVerb<Why>(
      upgrade, chosen, "finalize", "once all nodes are upgraded: there is no way back after it",
      [](CLI::App* command, Why* why) { BindWhy(command, why, /*required=*/true); }, RunFinalize);
}

}  // namespace purser
