#include <string>

#include "broker/cli/command_builder.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

struct ListFlags {
  std::string directory;
  std::string user;
  std::string client;
  std::string reason;
  uint32_t limit = 50;
};

int RunList(Session& session, const ListFlags& flags) {
  admin::v1::ListRequestsRequest request;
  request.set_directory(flags.directory);
  request.set_user(flags.user);
  request.set_client(flags.client);
  request.set_reason(flags.reason);
  request.set_page_size(flags.limit);
  admin::v1::ListRequestsResponse response;
  const absl::Status status = session.Call("RequestService/List", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return RequestsTable(response); });
  return kExitDone;
}

}  // namespace

void AddRequestCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* request = AddNoun(root, "request", "SCIM requests that a directory refused");
  AddVerb<ListFlags>(
      request, chosen, "list", "what was refused and why, the newest first",
      [](CLI::App* command, ListFlags* flags) {
        command->add_option("--user", flags->user,
                            "about this one alone: userName, externalId, id, or a group's name");
        command->add_option("--client", flags->client,
                            "of this one alone: a token's id, or a part of its User-Agent");
        command->add_option("--reason", flags->reason,
                            "for this alone: a scimType (uniqueness) or an HTTP status (400)");
        command->add_option("--directory", flags->directory,
                            "the directory; may be left out where there is one");
        command->add_option("--limit", flags->limit, "how many, 50 where absent")
            ->check(CLI::Range(1, 1000));
      },
      RunList);
}

}  // namespace purser
