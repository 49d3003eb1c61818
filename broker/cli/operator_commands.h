// The operator's commands: `purser app list`, `purser user explain`, ..., over the admin API.
#pragma once

#include <functional>
#include <optional>

#include "broker/cli/output.h"
#include "broker/cli/session.h"

namespace CLI {
class App;
}

namespace purser {

// What a parsed command line asks for. A command that is no operator's (`serve`) sets `action` too.
struct ChosenCommand {
  OutputFormat format = OutputFormat::kTable;
  std::function<int(Session&)> action;
};

// Adds all of them below `root`; `chosen` outlives it.
void AddOperatorCommands(CLI::App* root, ChosenCommand* chosen);

// Parses the arguments (argv[0] is the program). The exit status where there is nothing to run:
// help was asked for (0), or the line is not one of ours (2); nullopt where `chosen` was set.
std::optional<int> ParseCommandLine(CLI::App* root, int argc, const char* const* argv,
                                    const CliEnvironment& environment);

// Runs what was chosen; the exit status.
int RunChosenCommand(const ChosenCommand& chosen, const CliEnvironment& environment);

// One noun each.
void AddConfigCommands(CLI::App* root, ChosenCommand* chosen);
void AddAppCommands(CLI::App* root, ChosenCommand* chosen);
void AddUserCommands(CLI::App* root, ChosenCommand* chosen);
void AddParkedCommands(CLI::App* root, ChosenCommand* chosen);
void AddRequestCommands(CLI::App* root, ChosenCommand* chosen);
void AddDeliveryCommands(CLI::App* root, ChosenCommand* chosen);
void AddImportCommands(CLI::App* root, ChosenCommand* chosen);
void AddReplayCommands(CLI::App* root, ChosenCommand* chosen);
void AddJobCommands(CLI::App* root, ChosenCommand* chosen);
void AddTokenCommands(CLI::App* root, ChosenCommand* chosen);
void AddUpgradeCommands(CLI::App* root, ChosenCommand* chosen);
void AddLogCommands(CLI::App* root, ChosenCommand* chosen);
void AddModelCommands(CLI::App* root, ChosenCommand* chosen);

}  // namespace purser
