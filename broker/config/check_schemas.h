// What is wrong with a directory's own schemas.
#pragma once

#include <vector>

#include "broker/config/configuration.h"

namespace purser::config {

// The `schemas` of a directory: each problem with its field, "schemas[0].attributes[1].name".
std::vector<Problem> CheckSchemas(const config::v1::Directory& directory);

}  // namespace purser::config
