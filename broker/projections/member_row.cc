#include "broker/projections/member_row.h"

#include "broker/base/status.h"

namespace purser {

absl::StatusOr<std::vector<MemberRow>> ReadMembers(Statement& rows) {
  std::vector<MemberRow> members;
  while (rows.Next()) {
    members.push_back(
        {std::string(rows.Text(0)), static_cast<event::v1::ResourceType>(rows.Int(1))});
  }
  RETURN_IF_ERROR(rows.status());
  return members;
}

}  // namespace purser
