// A function of the mapping language, and what it sees of its call.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/mapping/expression_node.h"

namespace purser::mapping {

// The arguments of one call, evaluated when asked for, so that IIF takes one branch alone.
class FunctionCall {
 public:
  FunctionCall(const ExpressionNode& node, EvaluationContext* context)
      : node_(node), context_(context) {}

  const ExpressionNode& node() const { return node_; }
  EvaluationContext* context() const { return context_; }
  size_t size() const { return node_.arguments.size(); }
  // False for an argument left out or left empty.
  bool Given(size_t index) const;

  absl::StatusOr<nlohmann::json> Value(size_t index) const;
  // As text; "" where null or not given.
  absl::StatusOr<std::string> Text(size_t index) const;
  // A number, or text that is one; `absent` where null or not given.
  absl::StatusOr<int64_t> Integer(size_t index, int64_t absent = 0) const;
  absl::StatusOr<bool> Truth(size_t index) const;
  // The values of a multi-valued argument, a single one alike; none where null.
  absl::StatusOr<std::vector<nlohmann::json>> Values(size_t index) const;

  // The key of what this call generates.
  std::string GenerateKey() const;

 private:
  const ExpressionNode& node_;
  EvaluationContext* context_;
};

using EvaluateFunction = absl::StatusOr<nlohmann::json> (*)(const FunctionCall& call);

inline constexpr int kAnyNumber = 1'000;

struct Function {
  const char* name;
  int least;  // arguments
  int most;
  EvaluateFunction evaluate;
  bool condition_first = false;  // its first argument is a condition: IIF, CBool
  int pattern_argument = -1;     // the place of a regular expression
  bool top_level = false;        // allowed as the whole expression alone
  bool in_pairs = false;         // an even number of arguments: Switch
};

// Null where there is none of that name; names are case-sensitive.
const Function* FindFunction(absl::string_view name);
std::vector<std::string> FunctionNames();

// The tables that FindFunction() searches, one a subject.
const std::vector<Function>& TextFunctions();
const std::vector<Function>& ChoiceFunctions();
const std::vector<Function>& ListFunctions();
const std::vector<Function>& RoleFunctions();
const std::vector<Function>& DateFunctions();
const std::vector<Function>& GeneratedFunctions();

// Replace(), in replace_function.cc: five modes in one function.
absl::StatusOr<nlohmann::json> EvaluateReplace(const FunctionCall& call);

// The text of a value: "True", "7", the `value` of a complex one; several joined by ";".
std::string TextOf(const nlohmann::json& value);
// Null, "" and an array without values.
bool IsEmptyValue(const nlohmann::json& value);
// true, "True" and numbers but zero.
bool TruthOf(const nlohmann::json& value);

}  // namespace purser::mapping
