// A resource named by a row: a member, what a record touched, a lane.
#pragma once

#include <string>

#include "purser/event/v1/envelope.pb.h"

namespace purser {

struct MemberRow {
  std::string id;
  event::v1::ResourceType type = event::v1::USER;
};

}  // namespace purser
