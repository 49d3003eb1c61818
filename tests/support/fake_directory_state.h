// A directory in a map: what decisions are tested against.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "broker/commands/directory_state.h"
#include "broker/domain/caseless.h"

namespace purser {

// Not thread-safe.
class FakeDirectoryState : public DirectoryState {
 public:
  // Counts ForEachMember() calls, to see that a change does not walk over a group.
  mutable int walks = 0;

  Resource& Put(Resource resource) {
    std::string id = resource.id;
    return resources_[id] = std::move(resource);
  }
  void Remove(const std::string& id) { resources_.erase(id); }
  void AddMember(const std::string& group_id, const std::string& id,
                 event::v1::ResourceType type = event::v1::USER) {
    members_[group_id][id] = type;
  }
  void RemoveMember(const std::string& group_id, const std::string& id) {
    members_[group_id].erase(id);
  }

  absl::StatusOr<std::optional<Resource>> Find(event::v1::ResourceType type,
                                               absl::string_view id) const override {
    const auto found = resources_.find(std::string(id));
    if (found == resources_.end() || found->second.type != type) return std::optional<Resource>();
    return std::optional<Resource>(found->second);
  }
  absl::StatusOr<std::optional<event::v1::ResourceType>> TypeOf(
      absl::string_view id) const override {
    const auto found = resources_.find(std::string(id));
    if (found == resources_.end()) return std::optional<event::v1::ResourceType>();
    return std::optional<event::v1::ResourceType>(found->second.type);
  }
  absl::StatusOr<std::optional<std::string>> UserIdByUserName(
      absl::string_view user_name) const override {
    for (const auto& [id, resource] : resources_) {
      if (resource.type != event::v1::USER) continue;
      const std::string& own = resource.attributes.at("userName").get_ref<const std::string&>();
      if (CaselessEqual(own, user_name)) return std::optional<std::string>(id);
    }
    return std::optional<std::string>();
  }
  absl::StatusOr<bool> HasMember(absl::string_view group_id,
                                 absl::string_view member_id) const override {
    const auto group = members_.find(std::string(group_id));
    return group != members_.end() && group->second.count(std::string(member_id)) > 0;
  }
  absl::Status ForEachMember(
      absl::string_view group_id,
      const std::function<bool(const std::string& id, event::v1::ResourceType type)>& visit)
      const override {
    ++walks;
    const auto group = members_.find(std::string(group_id));
    if (group == members_.end()) return absl::OkStatus();
    for (const auto& [id, type] : group->second) {
      if (!visit(id, type)) break;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> MemberCount(absl::string_view group_id) const override {
    const auto group = members_.find(std::string(group_id));
    return group == members_.end() ? 0 : group->second.size();
  }

 private:
  std::map<std::string, Resource> resources_;
  std::map<std::string, std::map<std::string, event::v1::ResourceType>> members_;
};

}  // namespace purser
