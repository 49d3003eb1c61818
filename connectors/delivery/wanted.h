// What one app should hold of one resource, by the directory and the app's configuration.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/mapping/mapping.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/directory_reader.h"
#include "connectors/delivery/app_settings.h"

namespace purser::delivery {

enum class Presence {
  kActive,      // there, with access
  kInactive,    // in the directory and in scope, active = false
  kOutOfScope,  // in the directory, not for this app
  kGone,        // deleted
};

struct Wanted {
  event::v1::ResourceType type = event::v1::USER;
  std::string resource_id;
  StreamPosition position = 0;  // of the directory
  Presence presence = Presence::kGone;
  std::string reason;  // why out of scope
  // Empty for kGone and kOutOfScope. References that have an account are resolved into `values`.
  mapping::MappedResource mapped;
  std::vector<std::string> left_out;  // targets whose reference has no account there yet

  // What the app knows it by: the first matching attribute's value as text; empty where none.
  std::string Name() const;
};

// Reads both folds, each at one position. `type` is the lane's, for what is gone.
absl::StatusOr<Wanted> ReadWanted(const AppSettings& settings, const DirectoryReader& directory,
                                  const AppReader& app, event::v1::ResourceType type,
                                  const std::string& resource_id, bool creating);

}  // namespace purser::delivery
