// "Did you mean ...?": the known name that a mistyped one most resembles.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace purser {

// The candidate with the least edit distance from `name`, case ignored; empty where none is near
// (more than a third of its characters differ, and more than two).
std::string NearestName(absl::string_view name, const std::vector<std::string>& candidates);

// "; did you mean \"users\"?", or nothing.
std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates);

}  // namespace purser
