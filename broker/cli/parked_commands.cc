#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

struct ListFlags {
  std::string app;
  std::string filter;
};

struct ReleaseFlags {
  std::vector<std::string> resources;
  std::string app;
  bool all = false;
  bool yes = false;
  Why why;
};

int RunList(Session& session, const ListFlags& flags) {
  admin::v1::ListParkedRequest request;
  request.set_app(flags.app);
  request.set_filter(flags.filter);
  admin::v1::ListParkedResponse response;
  const absl::Status status = CallPaged(session, "ParkedService/List", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return ParkedTable(response); });
  return kExitDone;
}

// Counts what would be released and asks. An error where the count cannot be had.
absl::StatusOr<bool> ConfirmAll(Session& session, admin::v1::ReleaseParkedRequest request,
                                const std::string& verb) {
  if (!session.environment().in_is_terminal) return true;
  request.set_dry_run(true);
  admin::v1::ReleaseParkedResponse response;
  const absl::Status status = session.Call(
      verb == "skip" ? "ParkedService/Skip" : "ParkedService/Retry", request, &response);
  if (!status.ok()) return status;
  return session.Confirm(absl::StrCat(verb, " ", response.count(), " parked lanes?"));
}

int RunRelease(Session& session, const ReleaseFlags& flags, const std::string& verb) {
  if (flags.all == !flags.resources.empty()) {
    return session.Fail(absl::InvalidArgumentError("name resources, or say --all"));
  }
  admin::v1::ReleaseParkedRequest request;
  request.set_app(flags.app);
  for (const std::string& resource : flags.resources) request.add_resources(resource);
  request.set_all(flags.all);
  SetWhy(session, flags.why, &request);
  if (flags.all && !flags.yes) {
    const auto confirmed = ConfirmAll(session, request, verb);
    if (!confirmed.ok()) return session.Fail(confirmed.status());
    if (!*confirmed) return kExitFailed;
  }
  admin::v1::ReleaseParkedResponse response;
  const absl::Status status = session.Call(
      verb == "skip" ? "ParkedService/Skip" : "ParkedService/Retry", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] {
    return absl::StrCat(verb == "skip" ? "skipped " : "to be retried: ", response.count(), "\n");
  });
  return kExitDone;
}

void AddRelease(CLI::App* parked, ChosenCommand* chosen, const std::string& verb,
                const std::string& description, bool reason_required) {
  AddVerb<ReleaseFlags>(
      parked, chosen, verb, description,
      [reason_required](CLI::App* command, ReleaseFlags* flags) {
        command->add_option("ID", flags->resources, "ids or userNames");
        command->add_option("--app", flags->app, "in this app alone");
        command->add_flag("--all", flags->all, "every parked lane");
        command->add_flag("--yes", flags->yes, "do not ask");
        BindWhy(command, &flags->why, reason_required);
      },
      [verb](Session& session, const ReleaseFlags& flags) {
        return RunRelease(session, flags, verb);
      });
}

}  // namespace

void AddParkedCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* parked = AddNoun(root, "parked", "what could not be delivered and needs a decision");
  AddVerb<ListFlags>(
      parked, chosen, "list", "parked lanes",
      [](CLI::App* command, ListFlags* flags) {
        command->add_option("--app", flags->app, "of this app alone");
        command->add_option("--filter", flags->filter, "code:..");
      },
      RunList);
  AddRelease(parked, chosen, "retry", "try again now; lifts a skip too", false);
  AddRelease(parked, chosen, "skip", "let it rest until the directory changes it again", true);
}

}  // namespace purser
