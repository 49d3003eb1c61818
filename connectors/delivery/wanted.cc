#include "connectors/delivery/wanted.h"

#include <utility>

#include "broker/base/status.h"

namespace purser::delivery {
namespace {

absl::StatusOr<std::vector<mapping::GroupName>> GroupNames(const DirectoryReader& directory,
                                                           const std::string& id) {
  ASSIGN_OR_RETURN(const std::vector<GroupRow> rows, directory.GroupsOf(id));
  std::vector<mapping::GroupName> names;
  names.reserve(rows.size());
  for (const GroupRow& row : rows) names.push_back({row.id, row.display_name});
  return names;
}

bool ActiveIn(const Resource& user) {
  const auto active = user.attributes.find("active");
  return active == user.attributes.end() || !active->is_boolean() || active->get<bool>();
}

// A reference travels as the account's id there; without an account it is left out until there is.
absl::Status ResolveReferences(const AppReader& app, Wanted* wanted) {
  for (const mapping::Reference& reference : wanted->mapped.references) {
    ASSIGN_OR_RETURN(const std::optional<Lane> lane, app.FindLane(reference.resource_id));
    if (lane && lane->linked) {
      wanted->mapped.values[reference.target] = lane->remote_id;
    } else {
      wanted->left_out.push_back(reference.target);
    }
  }
  return absl::OkStatus();
}

absl::Status MapGroupResource(const AppSettings& settings, const Resource& group, bool creating,
                              const mapping::Generate& generate, Wanted* wanted) {
  if (!settings.groups.enabled) {
    wanted->presence = Presence::kOutOfScope;
    wanted->reason = "the app takes no groups";
    return absl::OkStatus();
  }
  wanted->presence = Presence::kActive;
  mapping::MappingInput input;
  input.resource = &group;
  input.creating = creating;
  input.generate = generate;
  ASSIGN_OR_RETURN(wanted->mapped, mapping::MapGroup(settings.groups, input));
  return absl::OkStatus();
}

absl::Status MapUserResource(const AppSettings& settings, const DirectoryReader& directory,
                             const AppReader& app, const Resource& user, bool creating,
                             const mapping::Generate& generate, Wanted* wanted) {
  ASSIGN_OR_RETURN(const auto groups, GroupNames(directory, user.id));
  const mapping::ScopeDecision scope =
      mapping::DecideScope(settings.scope, {.user = &user, .groups = &groups});
  if (!scope.in_scope) {
    wanted->presence = Presence::kOutOfScope;
    wanted->reason = scope.reason;
    return absl::OkStatus();
  }
  wanted->presence = ActiveIn(user) ? Presence::kActive : Presence::kInactive;
  mapping::MappingInput input;
  input.resource = &user;
  input.active = wanted->presence == Presence::kActive;
  input.assigned_roles = scope.roles;
  input.in_scope_by_all = scope.by_all;
  input.groups = &groups;
  input.creating = creating;
  input.generate = generate;
  ASSIGN_OR_RETURN(wanted->mapped, mapping::MapUser(settings.users, input));
  return ResolveReferences(app, wanted);
}

}  // namespace

const mapping::CompiledRow* NameRow(const mapping::CompiledMapping& mapping) {
  const mapping::CompiledRow* best = nullptr;
  for (const mapping::CompiledRow& row : mapping.rows) {
    if (row.match != 0 && (best == nullptr || row.match < best->match)) best = &row;
  }
  return best;
}

absl::StatusOr<Presence> ReadPresence(const AppSettings& settings, const DirectoryReader& directory,
                                      event::v1::ResourceType type,
                                      const std::string& resource_id) {
  ASSIGN_OR_RETURN(const std::optional<Resource> resource, directory.Find(type, resource_id));
  if (!resource) return Presence::kGone;
  if (type == event::v1::GROUP) {
    return settings.groups.enabled ? Presence::kActive : Presence::kOutOfScope;
  }
  ASSIGN_OR_RETURN(const auto groups, GroupNames(directory, resource_id));
  const mapping::ScopeDecision scope =
      mapping::DecideScope(settings.scope, {.user = &*resource, .groups = &groups});
  if (!scope.in_scope) return Presence::kOutOfScope;
  return ActiveIn(*resource) ? Presence::kActive : Presence::kInactive;
}

absl::StatusOr<Wanted> ReadWanted(const AppSettings& settings, const DirectoryReader& directory,
                                  const AppReader& app, event::v1::ResourceType type,
                                  const std::string& resource_id, bool creating,
                                  const mapping::Generate& generate) {
  Wanted wanted;
  wanted.type = type;
  wanted.resource_id = resource_id;
  const mapping::CompiledRow* name =
      NameRow(type == event::v1::GROUP ? settings.groups : settings.users);
  if (name != nullptr) wanted.name_target = name->target;
  ASSIGN_OR_RETURN(const Head head, directory.FoldHead());
  wanted.position = head.position;
  ASSIGN_OR_RETURN(const std::optional<Resource> resource, directory.Find(type, resource_id));
  if (!resource) return wanted;
  RETURN_IF_ERROR(
      type == event::v1::GROUP
          ? MapGroupResource(settings, *resource, creating, generate, &wanted)
          : MapUserResource(settings, directory, app, *resource, creating, generate, &wanted));
  return wanted;
}

}  // namespace purser::delivery
