#include <string>

#include "broker/cli/command_builder.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

struct UserFlags {
  std::string user;
  std::string app;
  std::string directory;
};

int RunTimeline(Session& session, const UserFlags& flags) {
  admin::v1::TimelineRequest request;
  request.set_user(flags.user);
  request.set_app(flags.app);
  request.set_directory(flags.directory);
  admin::v1::TimelineResponse response;
  const absl::Status status = CallPaged(session, "UserService/Timeline", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return TimelineTable(response); });
  return kExitDone;
}

int RunExplain(Session& session, const UserFlags& flags) {
  admin::v1::ExplainRequest request;
  request.set_user(flags.user);
  request.set_app(flags.app);
  admin::v1::ExplainResponse response;
  const absl::Status status = session.Call("UserService/Explain", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return ExplanationText(response); });
  return kExitDone;
}

void BindUser(CLI::App* command, UserFlags* flags) {
  command->add_option("USER", flags->user, "id or userName, of a deleted one too")->required();
}

}  // namespace

void AddUserCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* user = AddNoun(root, "user", "what happened to a user, and why");
  AddVerb<UserFlags>(
      user, chosen, "timeline", "all that happened, in the order of time",
      [](CLI::App* command, UserFlags* flags) {
        BindUser(command, flags);
        command->add_option("--app", flags->app, "this app alone");
        command->add_option("--directory", flags->directory, "where several know the name");
      },
      RunTimeline);
  AddVerb<UserFlags>(
      user, chosen, "explain", "why a user is, or is not, in an app",
      [](CLI::App* command, UserFlags* flags) {
        BindUser(command, flags);
        command->add_option("--app", flags->app, "the app")->required();
      },
      RunExplain);
}

}  // namespace purser
