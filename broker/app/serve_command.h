// `purser serve` and `purser sandbox`, and what the operator's commands need of the engines.
#pragma once

#include "broker/cli/operator_commands.h"
#include "broker/cli/session.h"

namespace purser {

// Adds both below `root`; `chosen` outlives it.
void AddServeCommands(CLI::App* root, ChosenCommand* chosen);

// Reads and checks a log that no server has open.
absl::StatusOr<admin::v1::VerifyLogReport> VerifyOffline(const OfflineLog& log);

}  // namespace purser
