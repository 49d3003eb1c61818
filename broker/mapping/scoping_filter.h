// Who is in an app's scope: all or those assigned, and of these whom the filters let through.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/mapping/pattern.h"
#include "broker/mapping/source_attribute.h"
#include "purser/config/v1/config.pb.h"

namespace purser::mapping {

// Facts: the incumbent's operators. A clause on an absent attribute is false, kIsNull apart; a
// multi-valued attribute satisfies a clause with any of its values, a negated one with all of them.
enum class ClauseOperator {
  kEquals,
  kNotEquals,
  kIsTrue,
  kIsFalse,
  kIsNull,
  kIsNotNull,
  kRegexMatch,
  kNotRegexMatch,
  kIncludes,
  kEndsWith,
  kGreaterThan,
  kGreaterThanOrEquals,
  kInList,     // &
  kNotInList,  // !&
};

struct CompiledClause {
  std::string attribute;  // as it was written
  SourceAttribute source;
  ClauseOperator op = ClauseOperator::kEquals;
  std::vector<std::string> values;
  std::shared_ptr<const Pattern> pattern;
};

// Clauses AND within a filter, filters OR; no filter lets everyone through.
struct CompiledScope {
  bool all = false;
  std::vector<std::vector<CompiledClause>> filters;
  std::vector<config::v1::Assignment> assignments;
};

// InvalidArgument names the clause: an unknown attribute or operator, a value missing or too many,
// a pattern that is refused.
absl::StatusOr<CompiledScope> CompileScope(const config::v1::App& app,
                                           const config::v1::Directory& directory = {});

// What a decision rests on. Borrowed: outlives the call.
struct ScopeInput {
  const Resource* user = nullptr;
  // Every group the user is in, directly or through another.
  const std::vector<GroupName>* groups = nullptr;
};

struct ScopeDecision {
  bool in_scope = false;
  bool by_all = false;  // scope.all, and no assignment gives a role: the default role counts
  std::vector<std::string> roles;  // of the assignments that do
  std::string reason;              // for people, with no personal value: "not assigned"
};

ScopeDecision DecideScope(const CompiledScope& scope, const ScopeInput& input);

}  // namespace purser::mapping
