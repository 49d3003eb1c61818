#include "connectors/sandbox/scim_store.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {

using nlohmann::json;

std::string ScimEntry::id() const { return TextMember(*document, "id"); }

ScimEntry* ScimCollection::Find(absl::string_view id) {
  const auto place = by_id_.find(id);
  return place == by_id_.end() ? nullptr : &entries_.at(place->second);
}

const ScimEntry* ScimCollection::Find(absl::string_view id) const {
  return const_cast<ScimCollection*>(this)->Find(id);
}

std::vector<const ScimEntry*> ScimCollection::Named(absl::string_view name) const {
  std::vector<const ScimEntry*> found;
  const auto places = by_name_.find(absl::AsciiStrToLower(name));
  if (places == by_name_.end()) return found;
  for (const uint64_t place : places->second) found.push_back(&entries_.at(place));
  return found;
}

void ScimCollection::Put(ScimEntry entry) {
  const auto known = by_id_.find(entry.id());
  const uint64_t place = known == by_id_.end() ? next_place_++ : known->second;
  if (known != by_id_.end()) Unindex(place, entries_.at(place));
  Index(place, entry);
  entries_.insert_or_assign(place, std::move(entry));
}

void ScimCollection::SetDocument(absl::string_view id, std::shared_ptr<const json> document) {
  const uint64_t place = by_id_.at(id);
  ScimEntry& entry = entries_.at(place);
  Unindex(place, entry);
  entry.document = std::move(document);
  Index(place, entry);
}

void ScimCollection::Remove(absl::string_view id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  const uint64_t place = known->second;
  Unindex(place, entries_.at(place));
  entries_.erase(place);
}

std::string ScimCollection::NameOf(const ScimEntry& entry) const {
  return TextMember(*entry.document, name_attribute_);
}

void ScimCollection::Index(uint64_t place, const ScimEntry& entry) {
  by_id_[entry.id()] = place;
  by_name_[absl::AsciiStrToLower(NameOf(entry))].insert(place);
}

void ScimCollection::Unindex(uint64_t place, const ScimEntry& entry) {
  by_id_.erase(entry.id());
  const auto named = by_name_.find(absl::AsciiStrToLower(NameOf(entry)));
  if (named == by_name_.end()) return;
  named->second.erase(place);
  if (named->second.empty()) by_name_.erase(named);
}

}  // namespace purser::sandbox
