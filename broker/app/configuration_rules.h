// What configuration must be, for the admin API: the catalogue's templates and config's checks.
#pragma once

#include "broker/admin/admin_context.h"

namespace purser {

ConfigurationRules MakeConfigurationRules();

}  // namespace purser
