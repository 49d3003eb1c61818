// Replace(source, old, regex, group, replacement, replacementAttribute, template): which arguments
// are given says which of its five modes is meant.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/base/status.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

enum Argument : size_t {
  kSource,
  kOld,
  kRegex,
  kGroup,
  kReplacement,
  kReplacementAttribute,
  kTemplate
};

absl::StatusOr<std::shared_ptr<const Pattern>> PatternOf(const FunctionCall& call) {
  if (call.node().pattern != nullptr) return call.node().pattern;
  ASSIGN_OR_RETURN(const std::string text, call.Text(kRegex));
  return Pattern::Compile(text);
}

// The source where it has a value, else the group found in the other attribute.
absl::StatusOr<json> FromOtherAttribute(const FunctionCall& call, json source) {
  if (!IsEmptyValue(source)) return source;
  ASSIGN_OR_RETURN(const std::shared_ptr<const Pattern> pattern, PatternOf(call));
  ASSIGN_OR_RETURN(const std::string other, call.Text(kReplacementAttribute));
  ASSIGN_OR_RETURN(const std::string group, call.Text(kGroup));
  std::string found;
  return pattern->Extract(other, group.empty() ? "0" : group, &found) ? json(found) : json();
}

absl::StatusOr<json> ByPattern(const FunctionCall& call, const std::string& source) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Pattern> pattern, PatternOf(call));
  ASSIGN_OR_RETURN(const std::string replacement, call.Text(kReplacement));
  ASSIGN_OR_RETURN(const std::string group, call.Text(kGroup));
  if (group.empty()) return json(pattern->ReplaceMatches(source, replacement));
  if (!pattern->HasGroup(group)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Replace: the regular expression has no group \"", group, "\""));
  }
  return json(pattern->ReplaceGroup(source, group, replacement));
}

absl::StatusOr<json> ByOldText(const FunctionCall& call, const std::string& source) {
  ASSIGN_OR_RETURN(const std::string old, call.Text(kOld));
  if (old.empty()) return json(source);
  if (call.Given(kTemplate)) {
    ASSIGN_OR_RETURN(const std::string form, call.Text(kTemplate));
    return json(absl::StrReplaceAll(form, {{old, source}}));
  }
  ASSIGN_OR_RETURN(const std::string replacement, call.Text(kReplacement));
  return json(absl::StrReplaceAll(source, {{old, replacement}}));
}

}  // namespace

absl::StatusOr<json> EvaluateReplace(const FunctionCall& call) {
  ASSIGN_OR_RETURN(json source, call.Value(kSource));
  if (call.Given(kRegex) && call.Given(kReplacementAttribute)) {
    return FromOtherAttribute(call, std::move(source));
  }
  if (source.is_null()) return json();
  const std::string text = TextOf(source);
  if (call.Given(kRegex)) return ByPattern(call, text);
  if (call.Given(kOld)) return ByOldText(call, text);
  return absl::InvalidArgumentError(
      "Replace: either the old value or the regular expression must be given");
}

}  // namespace purser::mapping
