#include "broker/scim/clear_values.h"

#include <algorithm>
#include <utility>

#include "broker/scim/message.h"

namespace purser::scim {
namespace {

using nlohmann::json;

bool Clears(const ClearValues& clear, const json& value) {
  return value.is_string() &&
         std::find(clear.begin(), clear.end(), value.get_ref<const std::string&>()) != clear.end();
}

// {"op": "add", "value": {"title": "#CLEAR#", "active": true}} adds `active` and replaces `title`
// by nothing, which clears lists too.
void SplitPathless(const ClearValues& clear, json* value, json* more) {
  json cleared = json::object();
  for (auto& [name, item] : *value->get_ptr<json::object_t*>()) {
    if (Clears(clear, item)) cleared[name] = nullptr;
  }
  if (cleared.empty()) return;
  for (const auto& [name, unused] : cleared.items()) value->erase(name);
  more->push_back({{"op", "replace"}, {"value", std::move(cleared)}});
}

// What it clears beside setting others comes right behind it, in `cleared`.
void ClearInOperation(const ClearValues& clear, json* operation, json* cleared) {
  json* op = FindAnyCase(operation, "op");
  json* path = FindAnyCase(operation, "path");
  json* value = FindAnyCase(operation, "value");
  if (op == nullptr || value == nullptr) return;
  const bool named =
      path != nullptr && path->is_string() && !path->get_ref<const std::string&>().empty();
  if (named && Clears(clear, *value)) {
    *op = "remove";
    *value = nullptr;
  } else if (!named && value->is_object()) {
    SplitPathless(clear, value, cleared);
  }
  ClearInResource(clear, value);
}

}  // namespace

void ClearInResource(const ClearValues& clear, json* resource) {
  if (clear.empty()) return;
  if (Clears(clear, *resource)) {
    *resource = nullptr;
  } else if (resource->is_array()) {
    for (json& element : *resource) {
      const json* value = FindAnyCase(&element, "value");
      if (value != nullptr && Clears(clear, *value)) element = nullptr;
    }
  }
  if (!resource->is_structured()) return;
  for (json& item : *resource) ClearInResource(clear, &item);
}

void ClearInOperations(const ClearValues& clear, json* operations) {
  if (clear.empty() || !operations->is_array()) return;
  json all = json::array();
  for (json& operation : *operations) {
    json cleared = json::array();
    ClearInOperation(clear, &operation, &cleared);
    all.push_back(std::move(operation));
    for (json& more : cleared) all.push_back(std::move(more));
  }
  *operations = std::move(all);
}

}  // namespace purser::scim
