#include "broker/commands/resource_commands.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/commands/member_delta.h"
#include "broker/domain/caseless.h"
#include "broker/scim/error.h"
#include "broker/scim/mutability.h"
#include "purser/event/v1/directory.pb.h"

namespace purser {
namespace {

using nlohmann::json;
using scim::ErrorType;
using scim::ScimError;

absl::StatusOr<Resource> FindLive(const DirectoryState& state, event::v1::ResourceType type,
                                  absl::string_view id, const scim::Preconditions& preconditions) {
  ASSIGN_OR_RETURN(std::optional<Resource> found, state.Find(type, id));
  if (!found.has_value()) {
    return ScimError(404, ErrorType::kNone,
                     absl::StrCat("there is no ", scim::NameOf(type), " ", id));
  }
  RETURN_IF_ERROR(preconditions.Check(found->version));
  return *std::move(found);
}

const std::string& UserName(const json& attributes) {
  return attributes.at("userName").get_ref<const std::string&>();
}

absl::Status CheckUserNameIsFree(const DirectoryState& state, const json& attributes,
                                 absl::string_view id) {
  ASSIGN_OR_RETURN(const std::optional<std::string> holder,
                   state.UserIdByUserName(UserName(attributes)));
  if (!holder.has_value() || *holder == id) return absl::OkStatus();
  return ScimError(409, ErrorType::kUniqueness, "the userName is taken by another user");
}

// A rename that changes the case alone asks nothing of the state.
absl::Status CheckRename(const DirectoryState& state, const Resource& before, const json& after) {
  if (before.type != event::v1::USER) return absl::OkStatus();
  const auto old = before.attributes.find("userName");
  if (old != before.attributes.end() && old->is_string() &&
      CaselessEqual(old->get_ref<const std::string&>(), UserName(after))) {
    return absl::OkStatus();
  }
  return CheckUserNameIsFree(state, after, before.id);
}

absl::Status CheckAttributeSize(size_t bytes) {
  if (bytes <= kMaxAttributeBytes) return absl::OkStatus();
  return ScimError(413, ErrorType::kNone, "the resource's attributes are too large");
}

// Small changes add up to no more than the number of attributes times their size, so the whole is
// measured for a large one alone.
absl::Status CheckGrownSize(size_t changed_bytes, const json& attributes) {
  if (changed_bytes <= 4096) return absl::OkStatus();
  std::string text;
  scim::AppendJson(attributes, &text);
  return CheckAttributeSize(text.size());
}

Decision Unchanged(Resource resource) {
  Decision decision;
  decision.type = resource.type;
  decision.id = resource.id;
  decision.after = std::move(resource);
  return decision;
}

template <typename Payload>
Decision Changed(event::v1::Kind kind, const Payload& payload, Resource after, absl::Time now) {
  Decision decision = Unchanged(std::move(after));
  decision.changed = true;
  decision.kind = kind;
  decision.payload = payload.SerializeAsString();
  decision.after.last_modified = now;
  return decision;
}

template <typename Payload>
void SetDelta(const MemberDelta& delta, Payload* payload) {
  for (const MemberDelta::Member& member : delta.added) {
    event::v1::Member* added = payload->add_members_added();
    added->set_id(member.id);
    added->set_type(member.type);
  }
  for (const std::string& id : delta.removed) payload->add_members_removed(id);
  payload->set_members_cleared(delta.cleared);
}

}  // namespace

absl::StatusOr<Decision> DecideCreate(const DirectoryState& state, scim::ResourceInput input,
                                      absl::string_view id, absl::Time now) {
  RETURN_IF_ERROR(CheckAttributeSize(input.attributes_text.size()));
  event::v1::ResourceCreated created;
  if (input.schema->type == event::v1::USER) {
    RETURN_IF_ERROR(CheckUserNameIsFree(state, input.attributes, id));
  } else {
    ASSIGN_OR_RETURN(const MemberDelta delta, ResolveNewMembers(state, id, input.members));
    for (const MemberDelta::Member& member : delta.added) {
      event::v1::Member* added = created.add_members();
      added->set_id(member.id);
      added->set_type(member.type);
    }
  }
  created.set_attributes(std::move(input.attributes_text));
  Resource after;
  after.type = input.schema->type;
  after.id = std::string(id);
  after.created = now;
  after.attributes = std::move(input.attributes);
  Decision decision = Changed(event::v1::RESOURCE_CREATED, created, std::move(after), now);
  decision.after_text = std::move(*created.mutable_attributes());
  return decision;
}

absl::StatusOr<Decision> DecideReplace(const DirectoryState& state, scim::ResourceInput input,
                                       absl::string_view id,
                                       const scim::Preconditions& preconditions, absl::Time now) {
  ASSIGN_OR_RETURN(Resource resource, FindLive(state, input.schema->type, id, preconditions));
  ASSIGN_OR_RETURN(const bool kept,
                   scim::KeepStanding(*input.schema, resource.attributes, &input.attributes));
  if (kept) {
    input.attributes_text.clear();
    scim::AppendJson(input.attributes, &input.attributes_text);
  }
  RETURN_IF_ERROR(CheckAttributeSize(input.attributes_text.size()));
  RETURN_IF_ERROR(CheckRename(state, resource, input.attributes));
  MemberDelta delta;
  if (input.schema->type == event::v1::GROUP) {
    ASSIGN_OR_RETURN(delta, ResolveReplacedMembers(state, id, input.members));
  }
  if (delta.empty() && scim::DiffAttributes(resource.attributes, input.attributes).empty()) {
    return Unchanged(std::move(resource));
  }
  event::v1::ResourceReplaced replaced;
  replaced.set_attributes(std::move(input.attributes_text));
  SetDelta(delta, &replaced);
  resource.attributes = std::move(input.attributes);
  Decision decision = Changed(event::v1::RESOURCE_REPLACED, replaced, std::move(resource), now);
  decision.after_text = std::move(*replaced.mutable_attributes());
  return decision;
}

absl::StatusOr<Decision> DecidePatch(const DirectoryState& state, const scim::PatchRequest& request,
                                     absl::string_view id, const scim::Preconditions& preconditions,
                                     absl::Time now) {
  ASSIGN_OR_RETURN(Resource resource, FindLive(state, request.schema->type, id, preconditions));
  json after = resource.attributes;
  RETURN_IF_ERROR(scim::ApplyPatch(request, id, &after));
  event::v1::ResourceChanged changed;
  size_t bytes = 0;
  for (event::v1::AttributeChange& change : scim::DiffAttributes(resource.attributes, after)) {
    bytes += change.value().size();
    *changed.add_changes() = std::move(change);
  }
  RETURN_IF_ERROR(CheckGrownSize(bytes, after));
  MemberDelta delta;
  if (!request.members.empty()) {
    ASSIGN_OR_RETURN(delta, ResolveMemberOperations(state, id, request.members));
  }
  if (delta.empty() && changed.changes().empty()) return Unchanged(std::move(resource));
  RETURN_IF_ERROR(CheckRename(state, resource, after));
  SetDelta(delta, &changed);
  resource.attributes = std::move(after);
  return Changed(event::v1::RESOURCE_CHANGED, changed, std::move(resource), now);
}

absl::StatusOr<Decision> DecideDelete(const DirectoryState& state, event::v1::ResourceType type,
                                      absl::string_view id,
                                      const scim::Preconditions& preconditions, absl::Time now) {
  ASSIGN_OR_RETURN(Resource resource, FindLive(state, type, id, preconditions));
  return Changed(event::v1::RESOURCE_DELETED, event::v1::ResourceDeleted(), std::move(resource),
                 now);
}

}  // namespace purser
