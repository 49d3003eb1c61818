#include <string>

#include "absl/strings/str_cat.h"
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

// Finds the user first, so that one who is nowhere is told apart from an app that does not know it.
absl::Status ExplainEverywhere(Session& session, const std::string& user,
                               admin::v1::ExplainReport* report) {
  admin::v1::TimelineRequest whom;
  whom.set_user(user);
  whom.set_page_size(1);
  admin::v1::TimelineResponse known;
  absl::Status status = session.Call("UserService/Timeline", whom, &known);
  if (!status.ok()) return status;
  admin::v1::ListAppsResponse apps;
  status = CallPaged(session, "AppService/List", admin::v1::ListAppsRequest(), &apps);
  if (!status.ok()) return status;
  for (const admin::v1::AppStatus& app : apps.apps()) {
    if (app.directory() != known.subject().directory()) continue;
    admin::v1::ExplainRequest request;
    request.set_user(user);
    request.set_app(app.name());
    status = session.Call("UserService/Explain", request, report->add_explanations());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

int RunExplainEverywhere(Session& session, const UserFlags& flags) {
  admin::v1::ExplainReport report;
  const absl::Status status = ExplainEverywhere(session, flags.user, &report);
  if (!status.ok()) return session.Fail(status);
  session.Print(report, [&] {
    std::string text;
    for (const admin::v1::ExplainResponse& one : report.explanations()) {
      absl::StrAppend(&text, text.empty() ? "" : "\n", one.app(), "\n", ExplanationText(one));
    }
    return text;
  });
  return kExitDone;
}

int RunExplain(Session& session, const UserFlags& flags) {
  if (flags.app.empty()) return RunExplainEverywhere(session, flags);
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
        command->add_option("--app", flags->app, "this app alone");
      },
      RunExplain);
}

}  // namespace purser
