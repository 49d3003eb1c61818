// The commands that are no operator's: `purser serve`, `purser sandbox`, `purser model`.
#pragma once

#include "broker/cli/operator_commands.h"

namespace purser {

// Adds them below `root`; `chosen` outlives it.
void AddServeCommands(CLI::App* root, ChosenCommand* chosen);

}  // namespace purser
