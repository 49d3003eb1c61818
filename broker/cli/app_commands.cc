#include <string>

#include "absl/strings/str_cat.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/job_waiting.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

using admin::v1::CommandAppRequest;

struct ListFlags {
  std::string filter;
};

struct AppFlags {
  std::string app;
  bool no_wait = false;
  Why why;
};

int RunList(Session& session, const ListFlags& flags) {
  admin::v1::ListAppsRequest request;
  request.set_filter(flags.filter);
  admin::v1::ListAppsResponse response;
  const absl::Status status = CallPaged(session, "AppService/List", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] { return AppsTable(response); });
  return kExitDone;
}

int RunStatus(Session& session, const AppFlags& flags) {
  if (flags.app.empty()) return RunList(session, {});
  admin::v1::GetAppStatusRequest request;
  request.set_app(flags.app);
  admin::v1::AppStatus app;
  const absl::Status status = session.Call("AppService/GetStatus", request, &app);
  if (!status.ok()) return session.Fail(status);
  session.Print(app, [&] { return AppStatusText(app); });
  return kExitDone;
}

int RunTest(Session& session, const AppFlags& flags) {
  admin::v1::TestAppRequest request;
  request.set_app(flags.app);
  SetWhy(session, flags.why, &request);
  admin::v1::Job job;
  absl::Status status = session.Call("AppService/Test", request, &job);
  if (status.ok() && !flags.no_wait) status = WaitForJob(session, &job);
  if (!status.ok()) return session.Fail(status);
  session.Print(job, [&] { return absl::StrCat(JobLine(job), "\n"); });
  return flags.no_wait ? kExitDone : ExitStatusOfJob(job);
}

int RunCommand(Session& session, const AppFlags& flags, CommandAppRequest::Action action) {
  CommandAppRequest request;
  request.set_app(flags.app);
  request.set_action(action);
  SetWhy(session, flags.why, &request);
  admin::v1::CommandAppResponse response;
  const absl::Status status = session.Call("AppService/Command", request, &response);
  if (!status.ok()) return session.Fail(status);
  session.Print(response, [&] {
    return absl::StrCat(response.app(), " is ", response.state(),
                        response.changed() ? "" : " already", "\n");
  });
  return kExitDone;
}

void BindApp(CLI::App* command, AppFlags* flags) {
  command->add_option("APP", flags->app, "name or id")->required();
  BindWhy(command, &flags->why, false);
}

void AddCommand(CLI::App* app, ChosenCommand* chosen, const std::string& verb,
                const std::string& description, CommandAppRequest::Action action) {
  AddVerb<AppFlags>(app, chosen, verb, description, BindApp,
                    [action](Session& session, const AppFlags& flags) {
                      return RunCommand(session, flags, action);
                    });
}

}  // namespace

void AddAppCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* app = AddNoun(root, "app", "the applications");
  AddVerb<ListFlags>(
      app, chosen, "list", "all apps",
      [](CLI::App* command, ListFlags* flags) {
        command->add_option("--filter", flags->filter,
                            "running, paused, stopped, unhealthy, name:.., directory:..");
      },
      RunList);
  AddVerb<AppFlags>(
      app, chosen, "status", "how one app, or each, stands",
      [](CLI::App* command, AppFlags* flags) {
        command->add_option("APP", flags->app, "name or id; all where absent");
      },
      RunStatus);
  AddVerb<AppFlags>(
      app, chosen, "test", "test the connection to the app",
      [](CLI::App* command, AppFlags* flags) {
        BindApp(command, flags);
        command->add_flag("--no-wait", flags->no_wait, "give the job at once");
      },
      RunTest);
  AddCommand(app, chosen, "start", "deliver to the app", CommandAppRequest::START);
  AddCommand(app, chosen, "pause", "deliver nothing for a while", CommandAppRequest::PAUSE);
  AddCommand(app, chosen, "stop", "deliver nothing", CommandAppRequest::STOP);
}

}  // namespace purser
