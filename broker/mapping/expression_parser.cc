#include "broker/mapping/expression_parser.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/base/nearest.h"
#include "broker/base/status.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;
using Kind = ExpressionNode::Kind;

constexpr int kDeepestNesting = 64;
constexpr absl::string_view kComparisons[] = {"<>", ">=", "<=", "=", ">", "<"};

// A bare word that is not a call: constants of the incumbent's language.
bool NamedConstant(absl::string_view word, json* value) {
  if (absl::EqualsIgnoreCase(word, "true")) return *value = true, true;
  if (absl::EqualsIgnoreCase(word, "false")) return *value = false, true;
  if (absl::EqualsIgnoreCase(word, "null") || absl::EqualsIgnoreCase(word, "nothing")) {
    return *value = json(), true;
  }
  if (absl::EqualsIgnoreCase(word, "vbBinaryCompare")) return *value = 0, true;
  if (absl::EqualsIgnoreCase(word, "vbTextCompare")) return *value = 1, true;
  return false;
}

class Parser {
 public:
  Parser(absl::string_view text, const CompileContext& context) : text_(text), context_(context) {}

  absl::StatusOr<ExpressionNode> ParseWhole();

 private:
  absl::StatusOr<ExpressionNode> ParseOperand(int depth);
  absl::StatusOr<ExpressionNode> ParseCondition(int depth);
  absl::StatusOr<ExpressionNode> ParseAttribute();
  absl::StatusOr<ExpressionNode> ParseString();
  absl::StatusOr<ExpressionNode> ParseNumber();
  absl::StatusOr<ExpressionNode> ParseWord(int depth);
  absl::Status ParseArguments(int depth, ExpressionNode* call);
  absl::Status CheckCall(int depth, ExpressionNode* call) const;
  // The path of an attribute whose name is given as a constant: Replace's sixth argument.
  absl::Status ResolveNamedAttribute(ExpressionNode* call) const;

  void SkipSpace() {
    while (!AtEnd() && absl::ascii_isspace(text_[at_])) ++at_;
  }
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  absl::string_view Rest() const { return text_.substr(at_); }
  ExpressionNode NodeHere(Kind kind) const {
    ExpressionNode node;
    node.kind = kind;
    node.column = at_ + 1;
    return node;
  }
  static absl::Status ErrorAt(size_t column, absl::string_view message) {
    return absl::InvalidArgumentError(absl::StrCat("column ", column, ": ", message));
  }

  absl::string_view text_;
  const CompileContext& context_;
  size_t at_ = 0;
};

absl::StatusOr<ExpressionNode> Parser::ParseWhole() {
  if (text_.size() > kLongestExpression) {
    return absl::InvalidArgumentError(
        absl::StrCat("the expression has more than ", kLongestExpression, " characters"));
  }
  SkipSpace();
  if (AtEnd()) return absl::InvalidArgumentError("the expression is empty");
  ASSIGN_OR_RETURN(ExpressionNode root, ParseOperand(0));
  SkipSpace();
  if (!AtEnd()) return ErrorAt(at_ + 1, absl::StrCat("unexpected \"", Rest().substr(0, 20), "\""));
  return root;
}

absl::StatusOr<ExpressionNode> Parser::ParseOperand(int depth) {
  if (depth > kDeepestNesting) return ErrorAt(at_ + 1, "nested too deeply");
  SkipSpace();
  const char next = Peek();
  if (next == '[') return ParseAttribute();
  if (next == '"') return ParseString();
  if (next == '&' || next == '-' || next == '+' || absl::ascii_isdigit(next)) return ParseNumber();
  if (absl::ascii_isalpha(next) || next == '_') return ParseWord(depth);
  if (AtEnd()) return ErrorAt(at_ + 1, "the expression ends too early");
  return ErrorAt(at_ + 1, absl::StrCat("unexpected \"", Rest().substr(0, 1),
                                       "\"; expected [attribute], \"text\", a number or a "
                                       "function"));
}

absl::StatusOr<ExpressionNode> Parser::ParseCondition(int depth) {
  ASSIGN_OR_RETURN(ExpressionNode left, ParseOperand(depth));
  SkipSpace();
  for (absl::string_view comparison : kComparisons) {
    if (!absl::StartsWith(Rest(), comparison)) continue;
    ExpressionNode node = NodeHere(Kind::kComparison);
    node.comparison = std::string(comparison);
    at_ += comparison.size();
    ASSIGN_OR_RETURN(ExpressionNode right, ParseOperand(depth));
    node.arguments.push_back(std::move(left));
    node.arguments.push_back(std::move(right));
    return node;
  }
  return left;
}

// Brackets nest, because a path may hold a selector: [emails[type eq "work"].value].
absl::StatusOr<ExpressionNode> Parser::ParseAttribute() {
  ExpressionNode node = NodeHere(Kind::kAttribute);
  const size_t begin = at_ + 1;
  int open = 0;
  bool quoted = false;
  for (; !AtEnd(); ++at_) {
    if (Peek() == '"') quoted = !quoted;
    if (quoted) continue;
    if (Peek() == '[') ++open;
    if (Peek() == ']' && --open == 0) break;
  }
  if (AtEnd()) return ErrorAt(node.column, "the ] of this attribute is missing");
  const absl::string_view name = absl::StripAsciiWhitespace(text_.substr(begin, at_ - begin));
  ++at_;
  auto attribute = ResolveSourceAttribute(name, context_.type, context_.names);
  if (!attribute.ok()) return ErrorAt(node.column, attribute.status().message());
  node.attribute = *std::move(attribute);
  return node;
}

absl::StatusOr<ExpressionNode> Parser::ParseString() {
  ExpressionNode node = NodeHere(Kind::kConstant);
  std::string value;
  for (++at_; !AtEnd() && Peek() != '"'; ++at_) {
    const bool escape = Peek() == '\\' && at_ + 1 < text_.size() &&
                        (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\');
    if (escape) ++at_;
    value.push_back(Peek());
  }
  if (AtEnd()) return ErrorAt(node.column, "the closing \" of this text is missing");
  ++at_;
  node.constant = std::move(value);
  return node;
}

absl::StatusOr<ExpressionNode> Parser::ParseNumber() {
  ExpressionNode node = NodeHere(Kind::kConstant);
  const bool hexadecimal = absl::StartsWithIgnoreCase(Rest(), "&h");
  if (hexadecimal) at_ += 2;
  const size_t begin = at_;
  if (!hexadecimal && (Peek() == '-' || Peek() == '+')) ++at_;
  while (absl::ascii_isalnum(Peek()) || (!hexadecimal && Peek() == '.')) ++at_;
  const absl::string_view digits = text_.substr(begin, at_ - begin);
  int64_t whole = 0;
  double fraction = 0;
  if (hexadecimal ? absl::SimpleHexAtoi(digits, &whole) : absl::SimpleAtoi(digits, &whole)) {
    node.constant = whole;
  } else if (!hexadecimal && absl::SimpleAtod(digits, &fraction)) {
    node.constant = fraction;
  } else {
    return ErrorAt(node.column, "not a number");
  }
  return node;
}

absl::StatusOr<ExpressionNode> Parser::ParseWord(int depth) {
  ExpressionNode node = NodeHere(Kind::kConstant);
  const size_t begin = at_;
  while (absl::ascii_isalnum(Peek()) || Peek() == '_') ++at_;
  const absl::string_view word = text_.substr(begin, at_ - begin);
  SkipSpace();
  if (Peek() != '(') {
    if (NamedConstant(word, &node.constant)) return node;
    return ErrorAt(node.column,
                   absl::StrCat("\"", word, "\" is no constant; an attribute is written [", word,
                                "], a text \"", word, "\""));
  }
  node.kind = Kind::kCall;
  node.function = FindFunction(word);
  if (node.function == nullptr) {
    return ErrorAt(node.column, absl::StrCat("unknown function \"", word, "\"",
                                             DidYouMean(word, FunctionNames())));
  }
  RETURN_IF_ERROR(ParseArguments(depth, &node));
  RETURN_IF_ERROR(CheckCall(depth, &node));
  return node;
}

absl::Status Parser::ParseArguments(int depth, ExpressionNode* call) {
  ++at_;
  SkipSpace();
  if (Peek() == ')') return ++at_, absl::OkStatus();
  while (true) {
    SkipSpace();
    if (Peek() == ',' || Peek() == ')') {
      call->arguments.push_back(NodeHere(Kind::kAbsent));
    } else {
      const bool condition = call->function->condition_first && call->arguments.empty();
      ASSIGN_OR_RETURN(ExpressionNode argument,
                       condition ? ParseCondition(depth + 1) : ParseOperand(depth + 1));
      call->arguments.push_back(std::move(argument));
    }
    SkipSpace();
    if (Peek() != ',' && Peek() != ')') {
      return ErrorAt(at_ + 1, absl::StrCat("expected , or ) in ", call->function->name, "()"));
    }
    if (text_[at_++] == ')') return absl::OkStatus();
  }
}

absl::Status Parser::CheckCall(int depth, ExpressionNode* call) const {
  const Function& function = *call->function;
  const int count = static_cast<int>(call->arguments.size());
  if (count < function.least || count > function.most) {
    return ErrorAt(call->column,
                   absl::StrCat(function.name, "() takes ", function.least,
                                function.most == function.least ? ""
                                : function.most == kAnyNumber   ? " or more"
                                                              : absl::StrCat(" to ", function.most),
                                " arguments, not ", count));
  }
  if (function.in_pairs && count % 2 != 0) {
    return ErrorAt(call->column, absl::StrCat(function.name, "(): a key stands without its value"));
  }
  if (function.top_level && depth > 0) {
    return ErrorAt(call->column,
                   absl::StrCat(function.name, "() must be the whole expression, not a part"));
  }
  RETURN_IF_ERROR(ResolveNamedAttribute(call));
  const int place = function.pattern_argument;
  if (place < 0 || place >= count || call->arguments[place].kind != Kind::kConstant) {
    return absl::OkStatus();
  }
  auto pattern = Pattern::Compile(TextOf(call->arguments[place].constant));
  if (!pattern.ok()) return ErrorAt(call->arguments[place].column, pattern.status().message());
  call->pattern = *std::move(pattern);
  return absl::OkStatus();
}

absl::Status Parser::ResolveNamedAttribute(ExpressionNode* call) const {
  constexpr size_t kReplacementAttribute = 5;
  if (call->function->evaluate != &EvaluateReplace ||
      call->arguments.size() <= kReplacementAttribute) {
    return absl::OkStatus();
  }
  ExpressionNode& argument = call->arguments[kReplacementAttribute];
  if (argument.kind != Kind::kConstant || !argument.constant.is_string()) return absl::OkStatus();
  const std::string name = argument.constant.get<std::string>();
  if (name.empty()) {
    argument.kind = Kind::kAbsent;
    return absl::OkStatus();
  }
  auto attribute = ResolveSourceAttribute(name, context_.type, context_.names);
  if (!attribute.ok()) return ErrorAt(argument.column, attribute.status().message());
  argument.kind = Kind::kAttribute;
  argument.attribute = *std::move(attribute);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExpressionNode> ParseExpression(absl::string_view text,
                                               const CompileContext& context) {
  return Parser(text, context).ParseWhole();
}

}  // namespace purser::mapping
