// What a SCIM application holds: users or groups, found by id and by name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

struct ScimEntry {
  // The resource as it is shown, but for members; shared, so that it is rendered without the lock.
  std::shared_ptr<const nlohmann::json> document;
  std::set<std::string> members;
  int64_t version = 1;
  // Searches do not show it before: an application whose index lags behind.
  absl::Time visible_at = absl::InfinitePast();

  std::string id() const;
};

// Thread-compatible: its twin locks. Kept in the order of creation.
class ScimCollection {
 public:
  // `name_attribute` is what people call a resource: "userName" or "displayName".
  explicit ScimCollection(std::string name_attribute) : name_attribute_(name_attribute) {}

  // nullptr where there is none. Valid until the next change.
  ScimEntry* Find(absl::string_view id);
  const ScimEntry* Find(absl::string_view id) const;
  // All of that name, in any case.
  std::vector<const ScimEntry*> Named(absl::string_view name) const;

  // Adds it, or puts it in the place of the one with its id.
  void Put(ScimEntry entry);
  // The entry must exist, and the document have its id.
  void SetDocument(absl::string_view id, std::shared_ptr<const nlohmann::json> document);
  void Remove(absl::string_view id);

  size_t size() const { return entries_.size(); }
  const std::map<uint64_t, ScimEntry>& entries() const { return entries_; }
  std::map<uint64_t, ScimEntry>& entries() { return entries_; }
  std::string NameOf(const ScimEntry& entry) const;

 private:
  void Index(uint64_t place, const ScimEntry& entry);
  void Unindex(uint64_t place, const ScimEntry& entry);

  std::string name_attribute_;
  uint64_t next_place_ = 1;
  std::map<uint64_t, ScimEntry> entries_;
  absl::flat_hash_map<std::string, uint64_t> by_id_;
  absl::flat_hash_map<std::string, std::set<uint64_t>> by_name_;  // lower case
};

}  // namespace purser::sandbox
