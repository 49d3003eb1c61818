// From what a request asks of a group's members to the rows that come and go.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/commands/directory_state.h"
#include "broker/scim/patch.h"

namespace purser {

struct MemberDelta {
  struct Member {
    std::string id;
    event::v1::ResourceType type = event::v1::USER;
  };
  std::vector<Member> added;         // not members before, each a live resource
  std::vector<std::string> removed;  // members before
  // Everybody who is not in `added` goes; `added` then also names those who stay, and `removed`
  // nobody. The form of a delta whose `removed` would be too large.
  bool cleared = false;

  bool empty() const { return added.empty() && removed.empty() && !cleared; }
};

// All: 400 invalidValue where an added member does not exist or is the group itself, 413 where the
// delta is over kMaxMemberBytes.

// Of a group that is being created.
absl::StatusOr<MemberDelta> ResolveNewMembers(const DirectoryState& state,
                                              absl::string_view group_id,
                                              const std::vector<std::string>& ids);

// The members become `ids`. Costs a walk over the present members.
absl::StatusOr<MemberDelta> ResolveReplacedMembers(const DirectoryState& state,
                                                   absl::string_view group_id,
                                                   const std::vector<std::string>& ids);

// In order, each on the result of those before it. Costs what the operations name; only those that
// name nobody (remove all, replace all, a filter) walk over the present members.
absl::StatusOr<MemberDelta> ResolveMemberOperations(
    const DirectoryState& state, absl::string_view group_id,
    const std::vector<scim::MemberOperation>& operations);

}  // namespace purser
