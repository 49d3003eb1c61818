// What clients ask for, as it goes to a front door.
#pragma once

#include "broker/http/server.h"
#include "tests/simulation/product/scim_history.h"

namespace purser::simulation {

inline constexpr char kSecret[] = "a-secret-of-the-simulation-00000000000000000";

http::Request RequestOf(const Operation& operation);

}  // namespace purser::simulation
