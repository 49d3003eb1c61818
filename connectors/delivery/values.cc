#include "connectors/delivery/values.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "broker/base/status.h"

namespace purser::delivery {
namespace {

using nlohmann::json;

bool SameScalar(const json& wanted, const json& held) {
  if (wanted.is_boolean() && held.is_string()) {
    return absl::EqualsIgnoreCase(held.get<std::string>(), wanted.get<bool>() ? "true" : "false");
  }
  if (wanted.is_string() && held.is_boolean()) return SameScalar(held, wanted);
  return wanted == held;
}

// Everything wanted of an element is there; the app may have added to it.
bool SameElement(const json& wanted, const json& held) {
  if (wanted.is_object() && held.is_object()) {
    return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& item) {
      const auto it = held.find(item.key());
      return it != held.end() && SameValue(item.value(), *it);
    });
  }
  if (wanted.is_string() && held.is_object()) {
    const auto it = held.find("value");
    return it != held.end() && SameScalar(wanted, *it);
  }
  return SameScalar(wanted, held);
}

}  // namespace

bool SameValue(const json& wanted, const json& held) {
  if (!wanted.is_array() || !held.is_array()) return SameElement(wanted, held);
  if (wanted.size() != held.size()) return false;
  return std::all_of(wanted.begin(), wanted.end(), [&](const json& element) {
    return std::any_of(held.begin(), held.end(),
                       [&](const json& other) { return SameElement(element, other); });
  });
}

bool Shows(const json& held, const ValueChanges& changes) {
  for (const auto& [target, value] : changes.set.items()) {
    const auto it = held.find(target);
    if (it == held.end() || !SameValue(value, *it)) return false;
  }
  return std::none_of(changes.clear.begin(), changes.clear.end(),
                      [&](const std::string& target) { return held.contains(target); });
}

SealedPayload SealChanges(absl::string_view resource_id, const ValueChanges& changes) {
  json object = {{"set", changes.set}};
  if (!changes.clear.empty()) object["clear"] = changes.clear;
  return Seal(resource_id, object.dump());
}

absl::StatusOr<ValueChanges> OpenChanges(const std::string& key_id, const std::string& sealed) {
  ValueChanges changes;
  if (sealed.empty()) return changes;
  ASSIGN_OR_RETURN(const std::string text, Open(key_id, sealed));
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return absl::DataLossError("a started operation's values are not JSON");
  changes.set = object.value("set", json::object());
  const json clear = object.value("clear", json::array());
  const bool texts = std::all_of(clear.begin(), clear.end(),
                                 [](const json& target) { return target.is_string(); });
  if (!changes.set.is_object() || !clear.is_array() || !texts) {
    return absl::DataLossError("a started operation's values are of another shape");
  }
  changes.clear = clear.get<std::vector<std::string>>();
  return changes;
}

}  // namespace purser::delivery
