// The `modifications` of CreateUserOrApplyModifications.
#pragma once

#include "connectors/sandbox/replicon_directory.h"
#include "connectors/sandbox/replicon_values.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// What Replicon's text leaves open about supervisors.
struct SupervisorRules {
  bool needs_permission = false;  // the Supervisor permission set
  bool needs_login = false;       // an enabled log-in, too
};

// Applies them to `*user`, which a fault leaves half changed. A member left out or null leaves its
// value; unknown members are ignored.
RepliconFault ApplyModifications(const nlohmann::json& modifications,
                                 const RepliconDirectory& directory, const SupervisorRules& rules,
                                 RepliconUser* user);

// Whether the user may have that supervisor, who must exist, be enabled, and be another.
RepliconFault CheckSupervisor(const RepliconDirectory& directory, const SupervisorRules& rules,
                              const RepliconUser& user, absl::string_view supervisor_uri);

}  // namespace purser::sandbox
