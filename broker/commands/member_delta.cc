#include "broker/commands/member_delta.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/commands/resource_commands.h"
#include "broker/scim/error.h"
#include "nlohmann/json.hpp"

namespace purser {
namespace {

using nlohmann::json;
using scim::ErrorType;

// What the log holds of one member beside its id: its type and the fields' tags.
constexpr size_t kBytesBesideId = 8;
// Of those who go: above it an event says that all go, and who stays, where that is less.
constexpr size_t kMaxNamedBytes = 64u << 10;

// The operations folded into what is wanted of each member named; the rows are asked at the end.
class MemberResolution {
 public:
  MemberResolution(const DirectoryState& state, absl::string_view group_id)
      : state_(state), group_id_(group_id) {}

  absl::Status Apply(const scim::MemberOperation& operation) {
    using Kind = scim::MemberOperation::Kind;
    switch (operation.kind) {
      case Kind::kReplaceAll:
        Clear();
        [[fallthrough]];
      case Kind::kAdd:
        for (const std::string& id : operation.ids) wanted_[id] = true;
        return absl::OkStatus();
      case Kind::kRemove:
        for (const std::string& id : operation.ids) Drop(id);
        return absl::OkStatus();
      case Kind::kRemoveAll:
        Clear();
        return absl::OkStatus();
      case Kind::kRemoveMatching:
        return DropMatching(*operation.filter);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<MemberDelta> Finish() {
    if (cleared_) {
      RETURN_IF_ERROR(DropPresent());
    }
    for (const auto& [id, in] : wanted_) {
      RETURN_IF_ERROR(Settle(id, in));
    }
    ClearWhereThatIsLess();
    if (bytes_ > kMaxMemberBytes) {
      return scim::ScimError(413, ErrorType::kNone, "too many members change in one request");
    }
    return std::move(delta_);
  }

 private:
  // From here on, whoever is not wanted is not a member.
  void Clear() {
    wanted_.clear();
    cleared_ = true;
  }

  void Drop(const std::string& id) {
    if (cleared_) {
      wanted_.erase(id);
    } else {
      wanted_[id] = false;
    }
  }

  absl::StatusOr<bool> Matches(const scim::Filter& filter, const std::string& id,
                               event::v1::ResourceType type) const {
    const json element = {{"value", id}, {"type", scim::NameOf(type)}};
    return scim::EvaluateOnElement(filter, element);
  }

  absl::Status DropMatching(const scim::Filter& filter) {
    std::vector<std::string> matching;
    for (const auto& [id, in] : wanted_) {
      if (!in) continue;
      ASSIGN_OR_RETURN(const std::optional<event::v1::ResourceType> type, state_.TypeOf(id));
      ASSIGN_OR_RETURN(const bool match, Matches(filter, id, type.value_or(event::v1::USER)));
      if (match) matching.push_back(id);
    }
    if (!cleared_) {
      RETURN_IF_ERROR(CollectMatching(filter, &matching));
    }
    for (const std::string& id : matching) Drop(id);
    return absl::OkStatus();
  }

  absl::Status CollectMatching(const scim::Filter& filter, std::vector<std::string>* matching) {
    absl::Status status;
    RETURN_IF_ERROR(
        state_.ForEachMember(group_id_, [&](const std::string& id, event::v1::ResourceType type) {
          const absl::StatusOr<bool> match = Matches(filter, id, type);
          status = match.status();
          if (!status.ok()) return false;
          if (*match) matching->push_back(id);
          return true;
        }));
    return status;
  }

  // After Clear(): present members that are wanted stay, the others go.
  absl::Status DropPresent() {
    return state_.ForEachMember(group_id_,
                                [&](const std::string& id, event::v1::ResourceType type) {
                                  if (wanted_.erase(id) == 0) {
                                    Remove(id);
                                  } else {
                                    kept_.push_back({id, type});
                                  }
                                  return true;
                                });
  }

  // Names who stays in place of who goes.
  void ClearWhereThatIsLess() {
    size_t gone = 0, kept = 0;
    for (const std::string& id : delta_.removed) gone += BytesOf(id);
    for (const MemberDelta::Member& member : kept_) kept += BytesOf(member.id);
    if (!cleared_ || gone <= kMaxNamedBytes || kept >= gone) return;
    bytes_ = bytes_ - gone + kept;
    for (MemberDelta::Member& member : kept_) delta_.added.push_back(std::move(member));
    delta_.removed.clear();
    delta_.cleared = true;
  }

  absl::Status Settle(const std::string& id, bool in) {
    if (!cleared_) {
      ASSIGN_OR_RETURN(const bool member, state_.HasMember(group_id_, id));
      if (member == in) return absl::OkStatus();
    }
    if (in) return Add(id);
    Remove(id);
    return absl::OkStatus();
  }

  absl::Status Add(const std::string& id) {
    if (id == group_id_) {
      return BadMember("a group cannot be its own member");
    }
    ASSIGN_OR_RETURN(const std::optional<event::v1::ResourceType> type, state_.TypeOf(id));
    if (!type.has_value()) return BadMember("a member does not exist");
    delta_.added.push_back({id, *type});
    bytes_ += BytesOf(id);
    return absl::OkStatus();
  }

  void Remove(const std::string& id) {
    delta_.removed.push_back(id);
    bytes_ += BytesOf(id);
  }

  static size_t BytesOf(const std::string& id) { return id.size() + kBytesBesideId; }

  static absl::Status BadMember(absl::string_view why) {
    return scim::BadRequest(ErrorType::kInvalidValue, why);
  }

  const DirectoryState& state_;
  const std::string group_id_;
  bool cleared_ = false;
  std::map<std::string, bool> wanted_;     // sorted, so that a decision repeats
  std::vector<MemberDelta::Member> kept_;  // after Clear(): members before who stay
  size_t bytes_ = 0;
  MemberDelta delta_;
};

}  // namespace

absl::StatusOr<MemberDelta> ResolveNewMembers(const DirectoryState& state,
                                              absl::string_view group_id,
                                              const std::vector<std::string>& ids) {
  return ResolveMemberOperations(state, group_id,
                                 {{scim::MemberOperation::Kind::kAdd, ids, std::nullopt}});
}

absl::StatusOr<MemberDelta> ResolveReplacedMembers(const DirectoryState& state,
                                                   absl::string_view group_id,
                                                   const std::vector<std::string>& ids) {
  return ResolveMemberOperations(state, group_id,
                                 {{scim::MemberOperation::Kind::kReplaceAll, ids, std::nullopt}});
}

absl::StatusOr<MemberDelta> ResolveMemberOperations(
    const DirectoryState& state, absl::string_view group_id,
    const std::vector<scim::MemberOperation>& operations) {
  MemberResolution resolution(state, group_id);
  for (const scim::MemberOperation& operation : operations) {
    RETURN_IF_ERROR(resolution.Apply(operation));
  }
  return resolution.Finish();
}

}  // namespace purser
