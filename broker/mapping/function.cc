#include "broker/mapping/function.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

template <typename Visit>
void ForEachFunction(const Visit& visit) {
  for (const auto* table : {&TextFunctions(), &ChoiceFunctions(), &ListFunctions(),
                            &RoleFunctions(), &DateFunctions(), &GeneratedFunctions()}) {
    for (const Function& function : *table) visit(function);
  }
}

}  // namespace

bool FunctionCall::Given(size_t index) const {
  return index < size() && node_.arguments[index].kind != ExpressionNode::Kind::kAbsent;
}

absl::StatusOr<json> FunctionCall::Value(size_t index) const {
  if (!Given(index)) return json();
  return EvaluateNode(node_.arguments[index], context_);
}

absl::StatusOr<std::string> FunctionCall::Text(size_t index) const {
  ASSIGN_OR_RETURN(const json value, Value(index));
  return TextOf(value);
}

absl::StatusOr<int64_t> FunctionCall::Integer(size_t index, int64_t absent) const {
  ASSIGN_OR_RETURN(const json value, Value(index));
  if (IsEmptyValue(value)) return absent;
  int64_t number = 0;
  if (absl::SimpleAtoi(TextOf(value), &number)) return number;
  return absl::InvalidArgumentError(
      absl::StrCat(node_.function->name, ": argument ", index + 1, " must be a whole number"));
}

absl::StatusOr<bool> FunctionCall::Truth(size_t index) const {
  ASSIGN_OR_RETURN(const json value, Value(index));
  return TruthOf(value);
}

absl::StatusOr<std::vector<json>> FunctionCall::Values(size_t index) const {
  ASSIGN_OR_RETURN(json value, Value(index));
  std::vector<json> values;
  if (value.is_array()) {
    for (json& element : value) values.push_back(std::move(element));
  } else if (!value.is_null()) {
    values.push_back(std::move(value));
  }
  return values;
}

std::string FunctionCall::GenerateKey() const {
  return absl::StrCat(context_->target, "#", node_.column);
}

const Function* FindFunction(absl::string_view name) {
  const Function* found = nullptr;
  ForEachFunction([&](const Function& function) {
    if (function.name == name) found = &function;
  });
  return found;
}

std::vector<std::string> FunctionNames() {
  std::vector<std::string> names;
  ForEachFunction([&](const Function& function) { names.push_back(function.name); });
  return names;
}

std::string TextOf(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "";
    case json::value_t::string:
      return value.get<std::string>();
    case json::value_t::boolean:
      return value.get<bool>() ? "True" : "False";
    case json::value_t::object: {
      const auto inner = value.find("value");
      return inner == value.end() ? "" : TextOf(*inner);
    }
    case json::value_t::array: {
      std::string text;
      for (const json& element : value) {
        absl::StrAppend(&text, text.empty() ? "" : ";", TextOf(element));
      }
      return text;
    }
    default:
      return value.dump();
  }
}

bool IsEmptyValue(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_null() || (value.is_structured() && value.empty());
}

bool TruthOf(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value != 0;
  const std::string text = TextOf(value);
  double number = 0;
  if (absl::SimpleAtod(text, &number)) return number != 0;
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(text), "true");
}

}  // namespace purser::mapping
