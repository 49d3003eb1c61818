#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/scim/error.h"
#include "broker/scim/filter.h"

namespace purser::scim {
namespace {

using nlohmann::json;

absl::Status Invalid(absl::string_view why) {
  return BadRequest(ErrorType::kInvalidFilter, absl::StrCat("the filter is invalid: ", why));
}

enum class TokenKind { kEnd, kOpen, kClose, kOpenBracket, kCloseBracket, kWord, kString };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // a word as written, a string decoded
  size_t begin = 0;
};

class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) {}

  absl::StatusOr<Token> Next() {
    while (at_ < text_.size() && absl::ascii_isspace(text_[at_])) ++at_;
    Token token;
    token.begin = at_;
    if (at_ == text_.size()) return token;
    switch (text_[at_]) {
      case '(':
        return Single(TokenKind::kOpen, std::move(token));
      case ')':
        return Single(TokenKind::kClose, std::move(token));
      case '[':
        return Single(TokenKind::kOpenBracket, std::move(token));
      case ']':
        return Single(TokenKind::kCloseBracket, std::move(token));
      case '"':
        return Quoted(std::move(token));
      default:
        return Word(std::move(token));
    }
  }

 private:
  Token Single(TokenKind kind, Token token) {
    token.kind = kind;
    ++at_;
    return token;
  }

  Token Word(Token token) {
    while (at_ < text_.size() && !absl::ascii_isspace(text_[at_]) &&
           !absl::StrContains("()[]\"", text_[at_])) {
      ++at_;
    }
    token.kind = TokenKind::kWord;
    token.text = std::string(text_.substr(token.begin, at_ - token.begin));
    return token;
  }

  // A JSON string; its escapes are JSON's own affair.
  absl::StatusOr<Token> Quoted(Token token) {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return Invalid("a string does not end");
    const absl::string_view quoted = text_.substr(at_, end + 1 - at_);
    const json parsed = json::parse(quoted.begin(), quoted.end(), nullptr, false);
    if (!parsed.is_string()) return Invalid("a string is malformed");
    token.kind = TokenKind::kString;
    token.text = parsed.get<std::string>();
    at_ = end + 1;
    return token;
  }

  absl::string_view text_;
  size_t at_ = 0;
};

std::optional<FilterOp> OpOf(absl::string_view word) {
  constexpr std::pair<absl::string_view, FilterOp> kOps[] = {
      {"eq", FilterOp::kEq}, {"ne", FilterOp::kNe}, {"co", FilterOp::kCo},
      {"sw", FilterOp::kSw}, {"ew", FilterOp::kEw}, {"gt", FilterOp::kGt},
      {"ge", FilterOp::kGe}, {"lt", FilterOp::kLt}, {"le", FilterOp::kLe}};
  for (const auto& [name, op] : kOps) {
    if (absl::EqualsIgnoreCase(name, word)) return op;
  }
  return std::nullopt;
}

bool IsEquality(FilterOp op) { return op == FilterOp::kEq || op == FilterOp::kNe; }

bool IsOrder(FilterOp op) {
  return op == FilterOp::kGt || op == FilterOp::kGe || op == FilterOp::kLt || op == FilterOp::kLe;
}

}  // namespace

// Recursive descent: or binds looser than and, and looser than not. Depth is capped, and a long
// chain of one operator is one node.
class FilterParser {
 public:
  FilterParser(absl::string_view text, const ResourceSchema* schema, const AttributeRef& within)
      : size_(text.size()), lexer_(text), schema_(schema), within_(within) {
    filter_.schema_ = schema;
  }

  absl::StatusOr<Filter> Parse() {
    if (size_ > kMaxFilterBytes) return Invalid("it is too long");
    RETURN_IF_ERROR(Advance());
    ASSIGN_OR_RETURN(filter_.root_, Or(0));
    if (token_.kind != TokenKind::kEnd) return Invalid(absl::StrCat("at byte ", token_.begin));
    return std::move(filter_);
  }

 private:
  using Place = absl::StatusOr<uint32_t>;

  absl::Status Advance() {
    ASSIGN_OR_RETURN(token_, lexer_.Next());
    return absl::OkStatus();
  }

  bool IsWord(absl::string_view word) const {
    return token_.kind == TokenKind::kWord && absl::EqualsIgnoreCase(token_.text, word);
  }

  Place Add(Filter::Node node) {
    if (filter_.nodes_.size() >= kMaxFilterNodes) return Invalid("it has too many terms");
    filter_.nodes_.push_back(std::move(node));
    return static_cast<uint32_t>(filter_.nodes_.size() - 1);
  }

  Place Or(int depth) { return Chain(Filter::Kind::kOr, "or", depth); }

  Place Chain(Filter::Kind kind, absl::string_view word, int depth) {
    if (depth > kMaxFilterDepth) return Invalid("it is nested too deep");
    std::vector<uint32_t> children;
    while (true) {
      ASSIGN_OR_RETURN(const uint32_t child, kind == Filter::Kind::kOr
                                                 ? Chain(Filter::Kind::kAnd, "and", depth)
                                                 : Term(depth));
      children.push_back(child);
      if (!IsWord(word)) break;
      RETURN_IF_ERROR(Advance());
    }
    if (children.size() == 1) return children[0];
    return Add({.kind = kind, .children = std::move(children)});
  }

  Place Term(int depth) {
    if (token_.kind == TokenKind::kOpen) return Group(depth);
    if (token_.kind != TokenKind::kWord) {
      return Invalid(absl::StrCat("an attribute is missing at byte ", token_.begin));
    }
    const Token word = token_;
    RETURN_IF_ERROR(Advance());
    if (absl::EqualsIgnoreCase(word.text, "not") && token_.kind == TokenKind::kOpen) {
      ASSIGN_OR_RETURN(const uint32_t inner, Group(depth));
      return Add({.kind = Filter::Kind::kNot, .children = {inner}});
    }
    return Expression(word.text, depth);
  }

  Place Group(int depth) {
    RETURN_IF_ERROR(Advance());
    ASSIGN_OR_RETURN(const uint32_t inner, Or(depth + 1));
    if (token_.kind != TokenKind::kClose) return Invalid("a bracket is not closed");
    RETURN_IF_ERROR(Advance());
    return inner;
  }

  Place Expression(const std::string& path, int depth) {
    if (!IsAttributeName(path)) return Invalid("an attribute name is malformed");
    ASSIGN_OR_RETURN(Filter::Node node, Resolve(path));
    if (token_.kind == TokenKind::kOpenBracket) return ValuePath(std::move(node), depth);
    if (token_.kind != TokenKind::kWord) return Invalid("an operator is missing");
    const std::string word = token_.text;
    RETURN_IF_ERROR(Advance());
    if (absl::EqualsIgnoreCase(word, "pr")) {
      node.kind = Filter::Kind::kPresent;
      return Add(std::move(node));
    }
    const std::optional<FilterOp> op = OpOf(word);
    if (!op.has_value()) return Invalid("an operator is unknown");
    node.kind = Filter::Kind::kCompare;
    node.op = *op;
    return Comparison(std::move(node));
  }

  absl::StatusOr<Filter::Node> Resolve(const std::string& path) {
    Filter::Node node;
    if (within_) {
      node.ref = within_;
      node.ref.sub = within_.attribute->Sub(path);
      node.known = node.ref.sub != nullptr ||
                   (!within_.attribute->is_complex() && absl::EqualsIgnoreCase(path, "value"));
      return node;
    }
    const ResolvedName name = ResolveName(*schema_, path);
    node.known = name.kind == ResolvedName::Kind::kAttribute;
    node.ref = name.ref;
    if (node.known && node.ref.leaf().returned == Returned::kNever) {
      return Invalid("it reads what is never returned");
    }
    return node;
  }

  Place ValuePath(Filter::Node node, int depth) {
    if (within_) return Invalid("a value path within another");
    RETURN_IF_ERROR(Advance());
    const AttributeRef outer = node.ref;
    const bool holds = node.known && outer.sub == nullptr &&
                       (outer.attribute->is_complex() || outer.attribute->multi_valued);
    static const Attribute* const nothing = new Attribute{.type = AttributeType::kComplex};
    within_ = holds ? outer : AttributeRef{nullptr, nothing, nullptr};
    const Place inner = Or(depth + 1);
    within_ = {};
    RETURN_IF_ERROR(inner.status());
    if (token_.kind != TokenKind::kCloseBracket) return Invalid("a bracket is not closed");
    RETURN_IF_ERROR(Advance());
    node.kind = Filter::Kind::kValuePath;
    node.known = holds;
    node.children = {*inner};
    return Add(std::move(node));
  }

  // "emails eq" means "emails.value eq"; a complex attribute without value compares to nothing.
  static void AimAtValue(Filter::Node* node) {
    if (!node->known || node->ref.sub != nullptr || !node->ref.attribute->is_complex()) return;
    node->ref.sub = node->ref.attribute->Sub("value");
    node->known = node->ref.sub != nullptr;
  }

  Place Comparison(Filter::Node node) {
    if (token_.kind != TokenKind::kWord && token_.kind != TokenKind::kString) {
      return Invalid("a value is missing");
    }
    if (token_.kind == TokenKind::kWord && token_.text == "null") {
      if (!IsEquality(node.op)) return Invalid("null has no order");
      node.literal.is_null = true;
      RETURN_IF_ERROR(Advance());
      return Add(std::move(node));
    }
    AimAtValue(&node);
    node.literal.text = token_.text;
    if (node.known) RETURN_IF_ERROR(FitLiteral(node.ref.leaf(), node.op, &node.literal));
    RETURN_IF_ERROR(Advance());
    return Add(std::move(node));
  }

  static absl::Status FitLiteral(const Attribute& attribute, FilterOp op, FilterLiteral* literal) {
    switch (attribute.type) {
      case AttributeType::kBoolean:
        if (!IsEquality(op)) return Invalid("a boolean has no order");
        literal->boolean = absl::EqualsIgnoreCase(literal->text, "true");
        if (!literal->boolean && !absl::EqualsIgnoreCase(literal->text, "false")) {
          return Invalid(absl::StrCat("\"", attribute.name, "\" compares with true or false"));
        }
        return absl::OkStatus();
      case AttributeType::kInteger:
      case AttributeType::kDecimal:
        if (!absl::SimpleAtod(literal->text, &literal->number)) {
          return Invalid(absl::StrCat("\"", attribute.name, "\" compares with a number"));
        }
        return absl::OkStatus();
      case AttributeType::kDateTime:
        return FitTime(attribute, op, literal);
      case AttributeType::kBinary:
        if (IsOrder(op)) return Invalid("a binary value has no order");
        return absl::OkStatus();
      default:
        if (!attribute.case_exact) literal->key = CaselessKey(literal->text);
        return absl::OkStatus();
    }
  }

  static absl::Status FitTime(const Attribute& attribute, FilterOp op, FilterLiteral* literal) {
    if (!IsEquality(op) && !IsOrder(op)) return absl::OkStatus();  // sw, co, ew: as text
    if (!absl::ParseTime(absl::RFC3339_full, literal->text, &literal->time, nullptr)) {
      return Invalid(absl::StrCat("\"", attribute.name, "\" compares with a dateTime"));
    }
    return absl::OkStatus();
  }

  size_t size_;
  Lexer lexer_;
  const ResourceSchema* schema_;
  AttributeRef within_;  // set while inside a value path
  Token token_;
  Filter filter_;
};

absl::StatusOr<Filter> ParseFilter(const ResourceSchema& schema, absl::string_view text) {
  return FilterParser(text, &schema, {}).Parse();
}

absl::StatusOr<Filter> ParseValueFilter(const AttributeRef& ref, absl::string_view text) {
  return FilterParser(text, nullptr, {ref.extension, ref.attribute, nullptr}).Parse();
}

}  // namespace purser::scim
