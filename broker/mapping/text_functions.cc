// Functions over texts and numbers.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/base/status.h"
#include "broker/mapping/characters.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

// Applies `change` to the text of the first argument; null stays null.
template <typename Change>
absl::StatusOr<json> ChangeText(const FunctionCall& call, const Change& change) {
  ASSIGN_OR_RETURN(const json value, call.Value(0));
  if (value.is_null()) return json();
  return json(change(TextOf(value)));
}

absl::StatusOr<json> Append(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string suffix, call.Text(1));
  return ChangeText(call, [&](const std::string& text) { return text + suffix; });
}

absl::StatusOr<json> Prepend(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string prefix, call.Text(0));
  ASSIGN_OR_RETURN(const json value, call.Value(1));
  return value.is_null() ? json() : json(prefix + TextOf(value));
}

absl::StatusOr<json> Left(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string text, call.Text(0));
  ASSIGN_OR_RETURN(const int64_t count, call.Integer(1));
  return json(count < 0 ? text : Slice(text, 0, static_cast<size_t>(count)));
}

absl::StatusOr<json> Mid(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string text, call.Text(0));
  ASSIGN_OR_RETURN(const int64_t start, call.Integer(1, 1));
  ASSIGN_OR_RETURN(const int64_t length, call.Integer(2, std::numeric_limits<int32_t>::max()));
  const int64_t first = std::max<int64_t>(start, 1) - 1;
  return json(
      Slice(text, static_cast<size_t>(first), static_cast<size_t>(std::max<int64_t>(length, 0))));
}

absl::StatusOr<json> StripSpaces(const FunctionCall& call) {
  return ChangeText(call, [](const std::string& text) {
    return absl::StrReplaceAll(text, {{" ", ""}});
  });
}

absl::StatusOr<json> Trim(const FunctionCall& call) {
  return ChangeText(
      call, [](const std::string& text) { return std::string(absl::StripAsciiWhitespace(text)); });
}

absl::StatusOr<json> ToLower(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string culture, call.Text(1));
  return ChangeText(call, [&](const std::string& text) { return Lowered(text, culture); });
}

absl::StatusOr<json> ToUpper(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string culture, call.Text(1));
  return ChangeText(call, [&](const std::string& text) { return Raised(text, culture); });
}

absl::StatusOr<json> NormalizeDiacritics(const FunctionCall& call) {
  return ChangeText(call, [](const std::string& text) { return WithoutDiacritics(text); });
}

absl::StatusOr<json> PCase(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string separators, call.Text(1));
  return ChangeText(call, [&](const std::string& text) { return Capitalized(text, separators); });
}

absl::StatusOr<json> ConvertToBase64(const FunctionCall& call) {
  return ChangeText(
      call, [](const std::string& text) { return absl::Base64Escape(Utf16LittleEndian(text)); });
}

absl::StatusOr<json> ConvertToUtf8Hex(const FunctionCall& call) {
  return ChangeText(call, [](const std::string& text) {
    return absl::AsciiStrToUpper(absl::BytesToHexString(text));
  });
}

absl::StatusOr<json> CStr(const FunctionCall& call) {
  return ChangeText(call, [](const std::string& text) { return text; });
}

absl::StatusOr<json> BitAnd(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const int64_t a, call.Integer(0));
  ASSIGN_OR_RETURN(const int64_t b, call.Integer(1));
  return json(a & b);
}

// The 1-based place of the first `find` at or after `start`; 0 where there is none.
absl::StatusOr<json> InStr(const FunctionCall& call) {
  ASSIGN_OR_RETURN(std::string text, call.Text(0));
  ASSIGN_OR_RETURN(std::string find, call.Text(1));
  ASSIGN_OR_RETURN(const int64_t start, call.Integer(2, 1));
  ASSIGN_OR_RETURN(const int64_t compare, call.Integer(3, 0));
  if (start < 1) return absl::InvalidArgumentError("InStr: the start must be 1 or more");
  if (compare == 1) {
    text = Lowered(text, "");
    find = Lowered(find, "");
  }
  const std::vector<absl::string_view> letters = Characters(text);
  for (size_t i = static_cast<size_t>(start) - 1; i < letters.size(); ++i) {
    const size_t byte = letters[i].data() - text.data();
    if (text.compare(byte, find.size(), find) == 0) return json(static_cast<int64_t>(i + 1));
  }
  return json(0);
}

absl::StatusOr<json> Word(const FunctionCall& call) {
  ASSIGN_OR_RETURN(const std::string text, call.Text(0));
  ASSIGN_OR_RETURN(const int64_t number, call.Integer(1));
  ASSIGN_OR_RETURN(const std::string given, call.Text(2));
  const std::string delimiters = given.empty() ? " " : given;
  const std::vector<absl::string_view> parting = Characters(delimiters);
  int64_t place = 0;
  std::string word;
  for (absl::string_view letter : Characters(text)) {
    if (std::find(parting.begin(), parting.end(), letter) == parting.end()) {
      absl::StrAppend(&word, letter);
    } else if (!word.empty()) {
      if (++place == number) return json(word);
      word.clear();
    }
  }
  return json(!word.empty() && place + 1 == number ? word : "");
}

}  // namespace

const std::vector<Function>& TextFunctions() {
  static const auto* const kFunctions =
      new std::vector<Function>{{"Append", 2, 2, Append},
                                {"Prepend", 2, 2, Prepend},
                                {"Left", 2, 2, Left},
                                {"Mid", 3, 3, Mid},
                                {"Replace", 2, 7, EvaluateReplace, false, 2},
                                {"StripSpaces", 1, 1, StripSpaces},
                                {"Trim", 1, 1, Trim},
                                {"ToLower", 1, 2, ToLower},
                                {"ToUpper", 1, 2, ToUpper},
                                {"NormalizeDiacritics", 1, 1, NormalizeDiacritics},
                                {"PCase", 1, 2, PCase},
                                {"ConvertToBase64", 1, 1, ConvertToBase64},
                                {"ConvertToUTF8Hex", 1, 1, ConvertToUtf8Hex},
                                {"CStr", 1, 1, CStr},
                                {"BitAnd", 2, 2, BitAnd},
                                {"InStr", 2, 4, InStr},
                                {"Word", 3, 3, Word}};
  return *kFunctions;
}

}  // namespace purser::mapping
