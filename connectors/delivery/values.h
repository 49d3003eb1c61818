// Values by target: how two states differ, and how they travel through the seal.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/events/sealing.h"
#include "nlohmann/json.hpp"

namespace purser::delivery {

// An object by target.
struct ValueChanges {
  nlohmann::json set = nlohmann::json::object();
  std::vector<std::string> clear;

  bool empty() const { return set.empty() && clear.empty(); }
};

// True where the app holds what we want, be it in a form of its own: a boolean as text, an element
// with attributes we did not send, elements in another order.
bool SameValue(const nlohmann::json& wanted, const nlohmann::json& held);

// True where `held` shows all of `changes`.
bool Shows(const nlohmann::json& held, const ValueChanges& changes);

// {"set": .., "clear": ..} through the seal, and back.
SealedPayload SealChanges(absl::string_view resource_id, const ValueChanges& changes);
absl::StatusOr<ValueChanges> OpenChanges(const std::string& key_id, const std::string& sealed);

}  // namespace purser::delivery
