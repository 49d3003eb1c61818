#include "broker/mapping/scoping_filter.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/base/nearest.h"
#include "broker/base/status.h"
#include "broker/mapping/date_text.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;
using Op = ClauseOperator;

const std::map<std::string, Op>& Operators() {
  static const auto* const kOperators =
      new std::map<std::string, Op>{{"EQUALS", Op::kEquals},
                                    {"NOT EQUALS", Op::kNotEquals},
                                    {"IS TRUE", Op::kIsTrue},
                                    {"IS FALSE", Op::kIsFalse},
                                    {"IS NULL", Op::kIsNull},
                                    {"IS NOT NULL", Op::kIsNotNull},
                                    {"REGEX MATCH", Op::kRegexMatch},
                                    {"NOT REGEX MATCH", Op::kNotRegexMatch},
                                    {"INCLUDES", Op::kIncludes},
                                    {"ENDS WITH", Op::kEndsWith},
                                    {"GREATER THAN", Op::kGreaterThan},
                                    {"GREATER THAN OR EQUALS", Op::kGreaterThanOrEquals},
                                    {"&", Op::kInList},
                                    {"!&", Op::kNotInList}};
  return *kOperators;
}

// Capitals and underscores are the incumbent's screens' choice: Greater_Than is GREATER THAN.
absl::StatusOr<Op> ParseOperator(absl::string_view text) {
  std::string name = absl::AsciiStrToUpper(absl::StrReplaceAll(text, {{"_", " "}}));
  absl::RemoveExtraAsciiWhitespace(&name);
  const auto found = Operators().find(name);
  if (found != Operators().end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, op] : Operators()) names.push_back(known);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown operator \"", text, "\"", DidYouMean(name, names)));
}

bool TakesNoValue(Op op) {
  return op == Op::kIsTrue || op == Op::kIsFalse || op == Op::kIsNull || op == Op::kIsNotNull;
}

bool TakesList(Op op) { return op == Op::kInList || op == Op::kNotInList; }

bool IsNegated(Op op) {
  return op == Op::kNotEquals || op == Op::kNotRegexMatch || op == Op::kNotInList;
}

absl::Status CheckValues(const CompiledClause& clause) {
  const size_t count = clause.values.size();
  if (TakesNoValue(clause.op) && count > 0) {
    return absl::InvalidArgumentError("the operator takes no values");
  }
  if (!TakesNoValue(clause.op) && count == 0) {
    return absl::InvalidArgumentError("the operator needs a value");
  }
  if (!TakesNoValue(clause.op) && !TakesList(clause.op) && count > 1) {
    return absl::InvalidArgumentError("the operator takes one value; use & for a list");
  }
  return absl::OkStatus();
}

absl::StatusOr<CompiledClause> CompileClause(const config::v1::Clause& clause,
                                             const DirectoryNames& names) {
  CompiledClause compiled;
  compiled.attribute = clause.attribute();
  ASSIGN_OR_RETURN(compiled.source,
                   ResolveSourceAttribute(clause.attribute(), event::v1::USER, names));
  if (compiled.source.kind == SourceAttribute::Kind::kAppRoles ||
      compiled.source.kind == SourceAttribute::Kind::kSoftDeleted) {
    return absl::InvalidArgumentError(
        absl::StrCat(clause.attribute(), " follows from the scope and cannot decide it"));
  }
  ASSIGN_OR_RETURN(compiled.op, ParseOperator(clause.op()));
  compiled.values.assign(clause.values().begin(), clause.values().end());
  RETURN_IF_ERROR(CheckValues(compiled));
  if (compiled.op == Op::kRegexMatch || compiled.op == Op::kNotRegexMatch) {
    ASSIGN_OR_RETURN(compiled.pattern, Pattern::Compile(compiled.values.front()));
  }
  return compiled;
}

// Whole numbers, or else dates, in order; false where the texts are neither.
bool IsGreater(const std::string& value, const std::string& limit, bool or_equal) {
  int64_t a = 0;
  int64_t b = 0;
  if (absl::SimpleAtoi(value, &a) && absl::SimpleAtoi(limit, &b)) return or_equal ? a >= b : a > b;
  const auto x = ParseDate(value);
  const auto y = ParseDate(limit);
  if (!x.ok() || !y.ok()) return false;
  return or_equal ? *x >= *y : *x > *y;
}

bool StandsIn(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Does the clause, its negation left aside, hold for this one value?
bool Holds(const CompiledClause& clause, const json& value) {
  const std::string text = TextOf(value);
  const bool truth = absl::EqualsIgnoreCase(text, "true");
  switch (clause.op) {
    case Op::kEquals:
    case Op::kNotEquals:
      return value.is_boolean() ? absl::EqualsIgnoreCase(text, clause.values.front())
                                : text == clause.values.front();
    case Op::kIsTrue:
      return truth;
    case Op::kIsFalse:
      return absl::EqualsIgnoreCase(text, "false");
    case Op::kRegexMatch:
    case Op::kNotRegexMatch:
      return clause.pattern->MatchesWhole(text);
    case Op::kIncludes:
      return absl::StrContains(text, clause.values.front());
    case Op::kEndsWith:
      return absl::EndsWith(text, clause.values.front());
    case Op::kGreaterThan:
    case Op::kGreaterThanOrEquals:
      return IsGreater(text, clause.values.front(), clause.op == Op::kGreaterThanOrEquals);
    case Op::kInList:
    case Op::kNotInList:
      return StandsIn(clause.values, text);
    case Op::kIsNull:
    case Op::kIsNotNull:
      break;
  }
  return false;
}

// The values that a clause looks at; a group counts by its id and by its name.
std::vector<json> ValuesOf(const CompiledClause& clause, const SourceView& view) {
  json value = ReadSource(clause.source, view);
  std::vector<json> values;
  if (value.is_array()) {
    values.assign(value.begin(), value.end());
  } else if (!IsEmptyValue(value)) {
    values.push_back(std::move(value));
  }
  if (clause.source.kind == SourceAttribute::Kind::kGroups && view.groups != nullptr) {
    for (const GroupName& group : *view.groups) values.push_back(group.display_name);
  }
  return values;
}

bool ClauseHolds(const CompiledClause& clause, const SourceView& view) {
  const std::vector<json> values = ValuesOf(clause, view);
  if (clause.op == Op::kIsNull) return values.empty();
  if (clause.op == Op::kIsNotNull) return !values.empty();
  if (values.empty()) return false;
  const auto holds = [&](const json& value) { return Holds(clause, value); };
  return IsNegated(clause.op) ? std::none_of(values.begin(), values.end(), holds)
                              : std::any_of(values.begin(), values.end(), holds);
}

// The first clause that keeps the user out of this filter; null where all hold.
const CompiledClause* FailingClause(const std::vector<CompiledClause>& filter,
                                    const SourceView& view) {
  for (const CompiledClause& clause : filter) {
    if (!ClauseHolds(clause, view)) return &clause;
  }
  return nullptr;
}

bool DirectoryActive(const Resource& user) {
  const auto active = user.attributes.find("active");
  return active == user.attributes.end() || *active != json(false);
}

bool Names(const config::v1::Assignment& assignment, const ScopeInput& input) {
  if (!assignment.user().empty()) {
    const auto name = input.user->attributes.find("userName");
    return assignment.user() == input.user->id ||
           (name != input.user->attributes.end() && name->is_string() &&
            absl::EqualsIgnoreCase(assignment.user(), name->get_ref<const std::string&>()));
  }
  if (assignment.group().empty() || input.groups == nullptr) return false;
  return std::any_of(input.groups->begin(), input.groups->end(), [&](const GroupName& group) {
    return assignment.group() == group.id ||
           absl::EqualsIgnoreCase(assignment.group(), group.display_name);
  });
}

// Takes what the filters say into `decision`, which holds who is a candidate.
void ApplyFilters(const CompiledScope& scope, const ScopeInput& input, ScopeDecision* decision) {
  const SourceView view{input.user, DirectoryActive(*input.user), nullptr, input.groups};
  const CompiledClause* failing = nullptr;
  for (const auto& filter : scope.filters) {
    failing = FailingClause(filter, view);
    if (failing == nullptr) return;
  }
  if (scope.filters.empty()) return;
  decision->in_scope = false;
  decision->reason =
      absl::StrCat("the scoping filter's clause on ", failing->attribute, " does not hold");
}

}  // namespace

absl::StatusOr<CompiledScope> CompileScope(const config::v1::App& app,
                                           const config::v1::Directory& directory) {
  const DirectoryNames names = NamesOf(directory);
  CompiledScope scope;
  scope.all = app.scope().all();
  scope.assignments.assign(app.assign().begin(), app.assign().end());
  for (int f = 0; f < app.scope().filters_size(); ++f) {
    std::vector<CompiledClause> filter;
    for (int c = 0; c < app.scope().filters(f).clauses_size(); ++c) {
      auto clause = CompileClause(app.scope().filters(f).clauses(c), names);
      if (!clause.ok()) {
        return Annotate(clause.status(), absl::StrCat("scope.filters[", f, "].clauses[", c, "]"));
      }
      filter.push_back(*std::move(clause));
    }
    scope.filters.push_back(std::move(filter));
  }
  return scope;
}

ScopeDecision DecideScope(const CompiledScope& scope, const ScopeInput& input) {
  ScopeDecision decision;
  bool assigned = false;
  for (const auto& assignment : scope.assignments) {
    if (!Names(assignment, input)) continue;
    assigned = true;
    if (!assignment.role().empty()) decision.roles.push_back(assignment.role());
  }
  decision.in_scope = assigned || scope.all;
  decision.by_all = scope.all && decision.roles.empty();
  decision.reason = assigned ? "assigned" : scope.all ? "everyone is in scope" : "not assigned";
  if (decision.in_scope) ApplyFilters(scope, input, &decision);
  return decision;
}

}  // namespace purser::mapping
