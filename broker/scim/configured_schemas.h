// A directory's own extensions, from its configuration.
#pragma once

#include "broker/scim/schema.h"
#include "purser/config/v1/config.pb.h"

namespace purser::scim {

// The standard schemas with the directory's extensions behind them. The configuration was checked
// (config::CheckDirectory) before it was put.
SchemaSetPtr SchemasOf(const config::v1::Directory& directory);

}  // namespace purser::scim
