// Values that mean "clear this", for clients that cannot send null: a directory's `clear_values`.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace purser::scim {

// In any order; compared exactly. Empty: no value means that.
using ClearValues = std::vector<std::string>;

// Makes every one of them inside a resource null. An element of a list whose "value" is one goes as
// a whole: {"type": "work", "value": "#CLEAR#"}.
void ClearInResource(const ClearValues& clear, nlohmann::json* resource);

// The same for the values of a PATCH's operations: one that sets nothing but such a value removes
// what its path names, whatever it holds.
void ClearInOperations(const ClearValues& clear, nlohmann::json* operations);

}  // namespace purser::scim
