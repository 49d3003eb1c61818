// Text of an expression -> its tree, with every name resolved and every pattern compiled.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/mapping/expression_node.h"

namespace purser::mapping {

// InvalidArgument begins with the place: "column 12: ...".
absl::StatusOr<ExpressionNode> ParseExpression(absl::string_view text,
                                               const CompileContext& context);

}  // namespace purser::mapping
