// A resource named by a row: a member, what a record touched, a lane.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/sqlite/database.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

struct MemberRow {
  std::string id;
  event::v1::ResourceType type = event::v1::USER;
};

// All rows of a statement whose first columns are id and type.
absl::StatusOr<std::vector<MemberRow>> ReadMembers(Statement& rows);

}  // namespace purser
