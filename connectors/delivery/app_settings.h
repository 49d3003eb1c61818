// An app's configuration, compiled for delivery: one version of it.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/mapping/mapping.h"
#include "broker/mapping/scoping_filter.h"
#include "broker/projections/control_state.h"

namespace purser::delivery {

// What may be done there: `users.actions`, `groups.actions`. Taking access away, giving it back and
// memberships are updates.
struct AllowedActions {
  bool creates = true;
  bool updates = true;
  bool deletes = true;
};

// Immutable once made.
struct AppSettings {
  AppEntry entry;
  mapping::CompiledMapping users;
  mapping::CompiledMapping groups;
  mapping::CompiledScope scope;
  AllowedActions user_actions;
  AllowedActions group_actions;
  // What is done for a user who is inactive, out of scope, gone; never unspecified.
  config::v1::Leaver inactive = config::v1::DEACTIVATE;
  config::v1::Leaver out_of_scope = config::v1::DEACTIVATE;
  config::v1::Leaver deleted = config::v1::REMOVE;
  absl::Duration call_timeout;
  absl::Duration settling_time;
  absl::Duration create_visible_within;
  int first_concurrency = 4;
  int max_concurrency = 16;

  const AllowedActions& actions(event::v1::ResourceType type) const {
    return type == event::v1::GROUP ? group_actions : user_actions;
  }
  // False where users, or groups, are switched off: they are left alone.
  bool takes(event::v1::ResourceType type) const {
    return type == event::v1::GROUP ? groups.enabled : users.enabled;
  }
  bool delivers() const { return entry.app.mode() == config::v1::AUTOMATIC; }
};

// InvalidArgument where the mapping or the scope does not compile.
absl::StatusOr<std::shared_ptr<const AppSettings>> CompileSettings(
    const AppEntry& entry, const config::v1::Directory& directory);

}  // namespace purser::delivery
