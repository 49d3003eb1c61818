// An expression of the mapping language, checked when it is compiled and evaluated as often as
// wanted: Join(", ", [surname], [givenName]).
//
// The language is the incumbent's (see docs/mapping.md for where we differ). An unknown function or
// attribute, a wrong number of arguments and a pattern that RE2 refuses are errors of Compile().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/mapping/source_attribute.h"
#include "nlohmann/json.hpp"

namespace purser::mapping {

inline constexpr size_t kLongestExpression = 10'000;

// What an expression asks to be made up.
enum class Generated {
  kGuid,    // a GUID
  kNow,     // the time, as absl::RFC3339_full writes it
  kRandom,  // any text that cannot be guessed, 16 characters or more
};

// Gives the value for `key`, the same one each time a delivery is tried again. `key` names the
// target and the place in its expression.
using Generate = std::function<std::string(Generated what, const std::string& key)>;

// What an expression is compiled against.
struct CompileContext {
  event::v1::ResourceType type = event::v1::USER;
  DirectoryNames names;
};

// What it reads while it is evaluated, and what it says beside its value.
struct EvaluationContext {
  SourceView source;
  Generate generate;
  std::string target;  // the row's, for the keys of generated values
  std::string default_domain;
  absl::TimeZone time_zone = absl::UTCTimeZone();

  bool ignore = false;    // IgnoreFlowIfNullOrEmpty: leave the attribute as it is
  bool redact = false;    // Redact: the value is not shown
  bool additive = false;  // AppRoleAssignmentsComplex: a change only adds
  // SelectUniqueValue: the values to try, in order; the first is the expression's own.
  std::vector<nlohmann::json> candidates;
};

struct ExpressionNode;

// Value type; immutable, so it may be shared by threads.
class Expression {
 public:
  // InvalidArgument names the place: "column 12: unknown function \"Joined\"; ...".
  static absl::StatusOr<Expression> Compile(absl::string_view text, const CompileContext& context);

  // Null where the expression gives nothing. InvalidArgument names the function that could not take
  // its arguments.
  absl::StatusOr<nlohmann::json> Evaluate(EvaluationContext* context) const;

 private:
  std::shared_ptr<const ExpressionNode> root_;
};

}  // namespace purser::mapping
