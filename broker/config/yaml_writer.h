// Configuration messages back to the YAML that ReadYaml() reads.
#pragma once

#include <string>

#include "purser/config/v1/config.pb.h"

namespace purser::config {

// What was put in: reading it gives an equal message. Fields in the order of the messages.
std::string ToYaml(const config::v1::Configuration& configuration);

// A file that holds this app alone, ready to be applied.
std::string ToYaml(const config::v1::App& app);

}  // namespace purser::config
