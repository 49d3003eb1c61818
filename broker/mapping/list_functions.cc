// Functions over multi-valued attributes.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "broker/base/status.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

absl::StatusOr<json> Join(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string separator, call.Text(0));
  std::vector<std::string> texts;
  for (size_t i = 1; i < call.size(); ++i) {
    ASSIGN_OR_RETURN(const std::vector<json> values, call.Values(i));
    for (const json& value : values) {
      std::string text = TextOf(value);
      if (!text.empty()) texts.push_back(std::move(text));
    }
  }
  return json(absl::StrJoin(texts, separator));
}

absl::StatusOr<json> Item(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::vector<json> values, call.Values(0));
  ASSIGN_OR_RETURN(const int64_t place, call.Integer(1, 1));
  const bool inside = place >= 1 && place <= static_cast<int64_t>(values.size());
  return inside ? values[place - 1] : json();
}

absl::StatusOr<json> Count(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::vector<json> values, call.Values(0));
  return json(static_cast<int64_t>(values.size()));
}

absl::StatusOr<json> RemoveDuplicates(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::vector<json> values, call.Values(0));
  json unique = json::array();
  for (const json& value : values) {
    if (std::find(unique.begin(), unique.end(), value) == unique.end()) unique.push_back(value);
  }
  return unique.empty() ? json() : unique;
}

// The incumbent's own example gives "Two" without the space that follows the comma.
absl::StatusOr<json> Split(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string text, call.Text(0));
  ASSIGN_OR_RETURN(const std::string separator, call.Text(1));
  if (text.empty()) return json();
  if (separator.empty()) return json::array({text});
  json parts = json::array();
  for (absl::string_view part : absl::StrSplit(text, separator)) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) parts.push_back(std::string(part));
  }
  return parts.empty() ? json() : parts;
}

}  // namespace

const std::vector<Function>& ListFunctions() {
  static const auto* const kFunctions =
      new std::vector<Function>{{"Join", 2, kAnyNumber, Join},
                                {"Item", 2, 2, Item},
                                {"Count", 1, 1, Count},
                                {"RemoveDuplicates", 1, 1, RemoveDuplicates},
                                {"Split", 2, 2, Split}};
  return *kFunctions;
}

}  // namespace purser::mapping
