// A user or a group as the directory holds it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// Value type. `attributes` holds the assigned attributes alone (never null, [] or {}), in canonical
// case: core attributes at the top, an extension's under its URN. Not in it: id, schemas, meta,
// groups, members (rows of their own) and password.
struct Resource {
  event::v1::ResourceType type = event::v1::USER;
  std::string id;
  uint64_t version = 0;  // position of the last record that touched it
  absl::Time created;
  absl::Time last_modified;
  nlohmann::json attributes = nlohmann::json::object();
};

}  // namespace purser
