#include "broker/cli/operator_commands.h"

#include "CLI/CLI.hpp"

namespace purser {

void AddOperatorCommands(CLI::App* root, ChosenCommand* chosen) {
  AddConfigCommands(root, chosen);
  AddAppCommands(root, chosen);
  AddUserCommands(root, chosen);
  AddParkedCommands(root, chosen);
  AddRequestCommands(root, chosen);
  AddDeliveryCommands(root, chosen);
  AddImportCommands(root, chosen);
  AddReplayCommands(root, chosen);
  AddJobCommands(root, chosen);
  AddTokenCommands(root, chosen);
  AddUpgradeCommands(root, chosen);
  AddLogCommands(root, chosen);
  AddModelCommands(root, chosen);
}

std::optional<int> ParseCommandLine(CLI::App* root, int argc, const char* const* argv,
                                    const CliEnvironment& environment) {
  try {
    root->parse(argc, argv);
  } catch (const CLI::Success& success) {
    return root->exit(success, *environment.out, *environment.err);
  } catch (const CLI::ParseError& error) {
    root->exit(error, *environment.out, *environment.err);
    return kExitUsage;
  }
  return std::nullopt;
}

int RunChosenCommand(const ChosenCommand& chosen, const CliEnvironment& environment) {
  if (!chosen.action) {
    *environment.err << "purser: no command is given; see purser --help\n";
    return kExitUsage;
  }
  Session session(environment, chosen.format);
  return chosen.action(session);
}

}  // namespace purser
