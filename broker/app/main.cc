#include <CLI/CLI.hpp>

#include "broker/app/offline.h"
#include "broker/app/serve_command.h"
#include "broker/cli/operator_commands.h"
#include "broker/cli/session.h"

int main(int argc, char** argv) {
  CLI::App root("Purser: a provisioning broker");
  root.require_subcommand(1);
  purser::ChosenCommand chosen;
  purser::AddServeCommands(&root, &chosen);
  purser::AddOperatorCommands(&root, &chosen);
  purser::CliEnvironment environment = purser::StandardEnvironment();
  environment.verify_offline = purser::VerifyOffline;
  if (const auto status = purser::ParseCommandLine(&root, argc, argv, environment)) return *status;
  return purser::RunChosenCommand(chosen, environment);
}
