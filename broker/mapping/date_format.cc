#include "broker/mapping/date_format.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"

namespace purser::mapping {
namespace {

constexpr absl::string_view kMonths[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
constexpr absl::string_view kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

// A run of one format letter, or (letter 0) a text that stands for itself.
struct Token {
  char letter = 0;
  size_t count = 0;
  std::string literal;
};

bool IsFormatLetter(char c) { return absl::StrContains("yMdHhmsfFtzK", std::string(1, c)); }

// The text that stands for itself at the front of `format`: quoted, after a backslash, or one
// character that is no format letter.
std::string TakeLiteral(absl::string_view* format) {
  const char first = (*format)[0];
  size_t end = 1;
  std::string literal(1, first);
  if (first == '\'' || first == '"') {
    end = format->find(first, 1);
    literal = std::string(format->substr(1, end == absl::string_view::npos ? end : end - 1));
    end = end == absl::string_view::npos ? format->size() : end + 1;
  } else if (first == '\\' && format->size() > 1) {
    literal = std::string(format->substr(1, 1));
    end = 2;
  }
  format->remove_prefix(end);
  return literal;
}

std::vector<Token> Tokens(absl::string_view format) {
  std::vector<Token> tokens;
  while (!format.empty()) {
    const char letter = format[0];
    if (!IsFormatLetter(letter)) {
      tokens.push_back({0, 0, TakeLiteral(&format)});
      continue;
    }
    size_t count = 1;
    while (count < format.size() && format[count] == letter) ++count;
    tokens.push_back({letter, count, ""});
    format.remove_prefix(count);
  }
  return tokens;
}

// What has been read of a date so far.
struct Fields {
  int year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  int64_t nanoseconds = 0;
  bool afternoon = false;
  bool twelve_hours = false;
  int offset_minutes = 0;
};

// Between `least` and `most` digits off the front of `text`.
bool TakeNumber(absl::string_view* text, size_t least, size_t most, int* number) {
  size_t end = 0;
  while (end < text->size() && end < most && absl::ascii_isdigit((*text)[end])) ++end;
  if (end < least || !absl::SimpleAtoi(text->substr(0, end), number)) return false;
  text->remove_prefix(end);
  return true;
}

bool TakeFraction(absl::string_view* text, const Token& token, Fields* fields) {
  size_t end = 0;
  while (end < text->size() && end < token.count && absl::ascii_isdigit((*text)[end])) ++end;
  if (token.letter == 'f' && end < token.count) return false;
  std::string digits(text->substr(0, end));
  digits.resize(9, '0');
  text->remove_prefix(end);
  return absl::SimpleAtoi(digits, &fields->nanoseconds);
}

// "Z", "+08:00", "+0800" or "-7".
bool TakeOffset(absl::string_view* text, Fields* fields) {
  if (absl::ConsumePrefix(text, "Z")) return true;
  if (text->empty() || ((*text)[0] != '+' && (*text)[0] != '-')) return false;
  const int sign = (*text)[0] == '-' ? -1 : 1;
  text->remove_prefix(1);
  int hours = 0;
  int minutes = 0;
  if (!TakeNumber(text, 1, 2, &hours)) return false;
  const bool colon = absl::ConsumePrefix(text, ":");
  if (!TakeNumber(text, 2, 2, &minutes) && colon) return false;
  fields->offset_minutes = sign * (hours * 60 + minutes);
  return true;
}

template <typename Names>
bool TakeName(absl::string_view* text, bool whole, const Names& names, int* number) {
  int place = 0;
  for (absl::string_view name : names) {
    ++place;
    const absl::string_view wanted = whole ? name : name.substr(0, 3);
    if (!absl::StartsWithIgnoreCase(*text, wanted)) continue;
    text->remove_prefix(wanted.size());
    *number = place;
    return true;
  }
  return false;
}

bool TakeYear(absl::string_view* text, size_t count, Fields* fields) {
  if (!TakeNumber(text, count <= 2 ? count : 4, count <= 2 ? 2 : 4, &fields->year)) return false;
  // .NET's two-digit years end in 2049.
  if (count <= 2) fields->year += fields->year < 50 ? 2000 : 1900;
  return true;
}

bool TakeHalf(absl::string_view* text, size_t count, Fields* fields) {
  const size_t length = std::min<size_t>(count, 2);
  if (!absl::StartsWithIgnoreCase(*text, absl::string_view("AM").substr(0, length)) &&
      !absl::StartsWithIgnoreCase(*text, absl::string_view("PM").substr(0, length))) {
    return false;
  }
  fields->afternoon = absl::ascii_toupper((*text)[0]) == 'P';
  text->remove_prefix(length);
  return true;
}

bool TakeToken(absl::string_view* text, const Token& token, Fields* fields) {
  const size_t least = std::min<size_t>(token.count, 2);
  int ignored = 0;
  switch (token.letter) {
    case 'y':
      return TakeYear(text, token.count, fields);
    case 'M':
      if (token.count < 3) return TakeNumber(text, least, 2, &fields->month);
      return TakeName(text, token.count > 3, kMonths, &fields->month);
    case 'd':
      if (token.count < 3) return TakeNumber(text, least, 2, &fields->day);
      return TakeName(text, token.count > 3, kDays, &ignored);
    case 'h':
      fields->twelve_hours = true;
      return TakeNumber(text, least, 2, &fields->hour);
    case 'H':
      return TakeNumber(text, least, 2, &fields->hour);
    case 'm':
      return TakeNumber(text, least, 2, &fields->minute);
    case 's':
      return TakeNumber(text, least, 2, &fields->second);
    case 'f':
    case 'F':
      return TakeFraction(text, token, fields);
    case 't':
      return TakeHalf(text, token.count, fields);
    case 'z':
    case 'K':
      return TakeOffset(text, fields) || token.letter == 'K';
    default:
      return absl::ConsumePrefix(text, token.literal);
  }
}

absl::StatusOr<absl::Time> TimeOf(Fields fields) {
  if (fields.twelve_hours) fields.hour = fields.hour % 12 + (fields.afternoon ? 12 : 0);
  const absl::CivilSecond civil(fields.year, fields.month, fields.day, fields.hour, fields.minute,
                                fields.second);
  // CivilSecond carries 31 February on into March; such a date is wrong here.
  if (civil.month() != fields.month || civil.day() != fields.day || civil.hour() != fields.hour ||
      civil.minute() != fields.minute || civil.second() != fields.second) {
    return absl::InvalidArgumentError("no such date");
  }
  return absl::FromCivil(civil, absl::UTCTimeZone()) + absl::Nanoseconds(fields.nanoseconds) -
         absl::Minutes(fields.offset_minutes);
}

std::string Padded(int64_t number, size_t width) {
  return absl::StrFormat("%0*d", static_cast<int>(width), number);
}

std::string Fraction(absl::Time time, const Token& token) {
  const absl::Duration part = time - absl::FromUnixSeconds(absl::ToUnixSeconds(time));
  std::string digits = Padded(absl::ToInt64Nanoseconds(part), 9);
  digits.resize(std::min<size_t>(token.count, 7));
  if (token.letter == 'f') return digits;
  digits.erase(digits.find_last_not_of('0') + 1);
  return digits;
}

std::string NameOrNumber(const Token& token, int number, absl::string_view name) {
  if (token.count < 3) return Padded(number, token.count);
  return std::string(token.count == 3 ? name.substr(0, 3) : name);
}

std::string WriteToken(absl::Time time, const absl::CivilSecond& civil, const Token& token) {
  const size_t width = std::min<size_t>(token.count, 2);
  switch (token.letter) {
    case 'y':
      return token.count <= 2 ? Padded(civil.year() % 100, token.count)
                              : Padded(civil.year(), token.count);
    case 'M':
      return NameOrNumber(token, civil.month(), kMonths[civil.month() - 1]);
    case 'd':
      return NameOrNumber(token, civil.day(), kDays[static_cast<int>(absl::GetWeekday(civil))]);
    case 'h':
      return Padded(civil.hour() % 12 == 0 ? 12 : civil.hour() % 12, width);
    case 'H':
      return Padded(civil.hour(), width);
    case 'm':
      return Padded(civil.minute(), width);
    case 's':
      return Padded(civil.second(), width);
    case 'f':
    case 'F':
      return Fraction(time, token);
    case 't':
      return std::string(civil.hour() < 12 ? "AM" : "PM").substr(0, width);
    case 'z':
      return token.count >= 3 ? "+00:00" : token.count == 2 ? "+00" : "+0";
    case 'K':
      return "Z";
    default:
      return token.literal;
  }
}

}  // namespace

absl::StatusOr<absl::Time> ParseInFormat(absl::string_view text, absl::string_view format) {
  Fields fields;
  for (const Token& token : Tokens(format)) {
    if (!TakeToken(&text, token, &fields)) {
      return absl::InvalidArgumentError(absl::StrCat("the date is not in the format ", format));
    }
  }
  if (!text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the date is longer than the format ", format));
  }
  return TimeOf(fields);
}

std::string FormatInFormat(absl::Time time, absl::string_view format) {
  const absl::CivilSecond civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  std::string out;
  for (const Token& token : Tokens(format)) absl::StrAppend(&out, WriteToken(time, civil, token));
  return out;
}

}  // namespace purser::mapping
