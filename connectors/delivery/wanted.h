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

  // The target by whose value the app knows it; empty where the mapping matches by none.
  std::string name_target;
};

// The matching attribute of the highest precedence; null where there is none.
const mapping::CompiledRow* NameRow(const mapping::CompiledMapping& mapping);

// Where the resource stands, without working out its attributes.
absl::StatusOr<Presence> ReadPresence(const AppSettings& settings, const DirectoryReader& directory,
                                      event::v1::ResourceType type, const std::string& resource_id);

// Reads both folds, each at one position. `type` is the lane's, for what is gone. What `generate`
// makes up is frozen by the `started` record that holds it.
absl::StatusOr<Wanted> ReadWanted(const AppSettings& settings, const DirectoryReader& directory,
                                  const AppReader& app, event::v1::ResourceType type,
                                  const std::string& resource_id, bool creating,
                                  const mapping::Generate& generate);

}  // namespace purser::delivery
