#include "broker/mapping/expression.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/mapping/expression_parser.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;
using Kind = ExpressionNode::Kind;

bool IsTruthText(absl::string_view text) {
  return absl::EqualsIgnoreCase(text, "true") || absl::EqualsIgnoreCase(text, "false");
}

// Less than, equal to or greater than zero: as numbers where both are, else as texts; null is "".
int Compare(const json& left, const json& right) {
  const std::string a = TextOf(left);
  const std::string b = TextOf(right);
  double x = 0;
  double y = 0;
  if (absl::SimpleAtod(a, &x) && absl::SimpleAtod(b, &y)) return x < y ? -1 : x > y ? 1 : 0;
  if (IsTruthText(a) && IsTruthText(b)) return absl::EqualsIgnoreCase(a, b) ? 0 : 1;
  return a.compare(b);
}

absl::StatusOr<json> EvaluateComparison(const ExpressionNode& node, EvaluationContext* context) {
  ASSIGN_OR_RETURN(const json left, EvaluateNode(node.arguments[0], context));
  ASSIGN_OR_RETURN(const json right, EvaluateNode(node.arguments[1], context));
  const std::string& comparison = node.comparison;
  const int order = Compare(left, right);
  if (comparison == "=") return json(order == 0);
  if (comparison == "<>") return json(order != 0);
  // Null stands in no order.
  if (left.is_null() || right.is_null()) return json(false);
  if (comparison == ">") return json(order > 0);
  if (comparison == ">=") return json(order >= 0);
  if (comparison == "<") return json(order < 0);
  return json(order <= 0);
}

// In an expression a multi-valued attribute is the list of its values: [emails] gives addresses.
json SimpleValue(json value, SourceAttribute::Kind kind) {
  if (kind == SourceAttribute::Kind::kAppRoles) return value;
  if (value.is_object()) return value.contains("value") ? value["value"] : json();
  if (!value.is_array()) return value;
  json values = json::array();
  for (json& element : value) values.push_back(SimpleValue(std::move(element), kind));
  return values;
}

}  // namespace

absl::StatusOr<json> EvaluateNode(const ExpressionNode& node, EvaluationContext* context) {
  switch (node.kind) {
    case Kind::kConstant:
      return node.constant;
    case Kind::kAttribute:
      return SimpleValue(ReadSource(node.attribute, context->source), node.attribute.kind);
    case Kind::kCall:
      return node.function->evaluate(FunctionCall(node, context));
    case Kind::kComparison:
      return EvaluateComparison(node, context);
    case Kind::kAbsent:
      break;
  }
  return json();
}

absl::StatusOr<Expression> Expression::Compile(absl::string_view text,
                                               const CompileContext& context) {
  ASSIGN_OR_RETURN(ExpressionNode root, ParseExpression(text, context));
  Expression expression;
  expression.root_ = std::make_shared<const ExpressionNode>(std::move(root));
  return expression;
}

absl::StatusOr<json> Expression::Evaluate(EvaluationContext* context) const {
  return EvaluateNode(*root_, context);
}

}  // namespace purser::mapping
