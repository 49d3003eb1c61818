#include <string>

#include "broker/cli/command_builder.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

struct ListFlags {
  std::string app;
  std::string user;
  uint32_t limit = 50;
};

int RunList(Session& session, const ListFlags& flags) {
  admin::v1::ListDeliveriesRequest request;
  request.set_app(flags.app);
  request.set_user(flags.user);
  request.set_page_size(flags.limit);
  admin::v1::ListDeliveriesResponse response;
  const absl::Status status = session.Call("DeliveryService/List", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return DeliveriesTable(response); });
  return kExitDone;
}

}  // namespace

void AddDeliveryCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* delivery = AddNoun(root, "delivery", "what was exchanged with an app");
  AddVerb<ListFlags>(
      delivery, chosen, "list", "the latest calls to an app and its answers, the newest first",
      [](CLI::App* command, ListFlags* flags) {
        command->add_option("--app", flags->app, "the app")->required();
        command->add_option("--user", flags->user, "about this one alone: id or userName");
        command->add_option("--limit", flags->limit, "how many, 50 where absent")
            ->check(CLI::Range(1, 1000));
      },
      RunList);
}

}  // namespace purser
