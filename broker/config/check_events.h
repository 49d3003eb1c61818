// What is wrong with the security events of a directory as they were written.
#pragma once

#include <vector>

#include "broker/config/configuration.h"

namespace purser::config {

std::vector<Problem> CheckSecurityEvents(const config::v1::Directory& directory);

}  // namespace purser::config
