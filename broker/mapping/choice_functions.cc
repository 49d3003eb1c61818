// Functions that choose and test.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

absl::StatusOr<json> Coalesce(const FunctionCall& call) {
  for (size_t i = 0; i < call.size(); ++i) {
    ASSIGN_OR_RETURN(json value, call.Value(i));
    if (!IsEmptyValue(value)) return value;
  }
  return json();
}

absl::StatusOr<json> Iif(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const bool holds, call.Truth(0));
  return call.Value(holds ? 1 : 2);
}

absl::StatusOr<json> Switch(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string source, call.Text(0));
  for (size_t i = 2; i + 1 < call.size(); i += 2) {
    ASSIGN_OR_RETURN(const std::string key, call.Text(i));
    if (key == source) return call.Value(i + 1);
  }
  return call.Value(1);
}

absl::StatusOr<json> IsNull(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  return json(value.is_null());
}

absl::StatusOr<json> IsNullOrEmpty(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  return json(IsEmptyValue(value));
}

absl::StatusOr<json> IsPresent(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  return json(!IsEmptyValue(value));
}

absl::StatusOr<json> IsString(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  return json(value.is_string());
}

absl::StatusOr<json> Not(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  const std::string text = TextOf(value);
  if (absl::EqualsIgnoreCase(text, "true")) return json("False");
  if (absl::EqualsIgnoreCase(text, "false")) return json("True");
  if (value.is_null()) return json();
  return absl::InvalidArgumentError("Not: the value is neither True nor False");
}

absl::StatusOr<json> CBool(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const bool holds, call.Truth(0));
  return json(holds);
}

absl::StatusOr<json> IgnoreFlowIfNullOrEmpty(const FunctionCall& call) {
  ASSIGN_OR_RETURN(json value, call.Value(0));
  if (IsEmptyValue(value)) call.context()->ignore = true;
  return value;
}

absl::StatusOr<json> Redact(const FunctionCall& call) {
  call.context()->redact = true;
  return call.Value(0);
}

}  // namespace

const std::vector<Function>& ChoiceFunctions() {
  static const auto* const kFunctions =
      new std::vector<Function>{{"Coalesce", 1, kAnyNumber, Coalesce},
                                {"IIF", 3, 3, Iif, true},
                                {"Switch", 2, kAnyNumber, Switch, false, -1, false, true},
                                {"IsNull", 1, 1, IsNull},
                                {"IsNothing", 1, 1, IsNull},
                                {"IsNullOrEmpty", 1, 1, IsNullOrEmpty},
                                {"IsPresent", 1, 1, IsPresent},
                                {"IsString", 1, 1, IsString},
                                {"Not", 1, 1, Not},
                                {"CBool", 1, 1, CBool, true},
                                {"IgnoreFlowIfNullOrEmpty", 1, 1, IgnoreFlowIfNullOrEmpty},
                                {"Redact", 1, 1, Redact}};
  return *kFunctions;
}

}  // namespace purser::mapping
