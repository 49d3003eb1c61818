// What a decision may ask of the directory's state: the fold up to the head it decides on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/domain/resource.h"

namespace purser {

// Implementations: projections/directory; a map in tests. Errors are the store's (Internal,
// DataLoss, ResourceExhausted): absence is an empty optional.
class DirectoryState {
 public:
  virtual ~DirectoryState() = default;

  virtual absl::StatusOr<std::optional<Resource>> Find(event::v1::ResourceType type,
                                                       absl::string_view id) const = 0;
  // The type of the live resource with that id, of either type.
  virtual absl::StatusOr<std::optional<event::v1::ResourceType>> TypeOf(
      absl::string_view id) const = 0;
  // The live user whose userName has the same CaselessKey().
  virtual absl::StatusOr<std::optional<std::string>> UserIdByUserName(
      absl::string_view user_name) const = 0;
  virtual absl::StatusOr<bool> HasMember(absl::string_view group_id,
                                         absl::string_view member_id) const = 0;
  // Calls `visit` for each member, in the order of their ids, until it returns false.
  virtual absl::Status ForEachMember(
      absl::string_view group_id,
      const std::function<bool(const std::string& id, event::v1::ResourceType type)>& visit)
      const = 0;
  virtual absl::StatusOr<uint64_t> MemberCount(absl::string_view group_id) const = 0;
};

}  // namespace purser
