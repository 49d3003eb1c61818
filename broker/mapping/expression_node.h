// The compiled form of an expression, seen by its parser, its evaluation and its functions alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/mapping/expression.h"
#include "broker/mapping/pattern.h"

namespace purser::mapping {

struct Function;

struct ExpressionNode {
  enum class Kind { kConstant, kAttribute, kCall, kComparison, kAbsent };

  Kind kind = Kind::kAbsent;
  size_t column = 1;  // where it starts in the text
  nlohmann::json constant;
  SourceAttribute attribute;
  const Function* function = nullptr;
  std::string comparison;  // "=", "<>", ">", ">=", "<", "<="
  std::vector<ExpressionNode> arguments;
  // The compiled pattern of a call whose pattern is a constant.
  std::shared_ptr<const Pattern> pattern;
};

absl::StatusOr<nlohmann::json> EvaluateNode(const ExpressionNode& node, EvaluationContext* context);

}  // namespace purser::mapping
