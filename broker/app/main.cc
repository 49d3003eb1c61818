#include <CLI/CLI.hpp>
#include <string>

#include "broker/app/offline.h"
#include "broker/app/serve_command.h"
#include "broker/cli/operator_commands.h"
#include "broker/cli/session.h"
#include "connectors/api/app_client.h"

int main(int argc, char** argv) {
  CLI::App root("Purser: a provisioning broker");
  root.require_subcommand(1);
  root.set_version_flag("--version", std::string(purser::connectors::ProductVersion()),
                        "the program's version");
  purser::ChosenCommand chosen;
  purser::AddServeCommands(&root, &chosen);
  purser::AddOperatorCommands(&root, &chosen);
  purser::CliEnvironment environment = purser::StandardEnvironment();
  environment.verify_offline = purser::VerifyOffline;
  if (const auto status = purser::ParseCommandLine(&root, argc, argv, environment)) return *status;
  return purser::RunChosenCommand(chosen, environment);
}
