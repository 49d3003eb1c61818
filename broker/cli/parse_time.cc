#include "broker/cli/parse_time.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace purser {
namespace {

std::optional<absl::Duration> UnitOf(char unit) {
  switch (unit) {
    case 's':
      return absl::Seconds(1);
    case 'm':
      return absl::Minutes(1);
    case 'h':
      return absl::Hours(1);
    case 'd':
      return absl::Hours(24);
    case 'w':
      return absl::Hours(24 * 7);
    default:
      return std::nullopt;
  }
}

// "1d12h"
std::optional<absl::Duration> ParseSpan(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  absl::Duration span;
  while (!text.empty()) {
    size_t digits = 0;
    while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
    // Nine digits of weeks are more years than there are.
    if (digits == 0 || digits > 9 || digits == text.size()) return std::nullopt;
    int64_t count = 0;
    if (!absl::SimpleAtoi(text.substr(0, digits), &count)) return std::nullopt;
    const auto unit = UnitOf(text[digits]);
    if (!unit) return std::nullopt;
    span += count * *unit;
    text.remove_prefix(digits + 1);
  }
  return span;
}

}  // namespace

absl::StatusOr<absl::Time> ParseOperatorTime(absl::string_view text, absl::Time now) {
  text = absl::StripAsciiWhitespace(text);
  if (text == "now") return now;
  absl::string_view span = text;
  const bool relative = absl::ConsumePrefix(&span, "-") || absl::ConsumeSuffix(&span, " ago");
  if (relative) {
    const auto parsed = ParseSpan(absl::StripAsciiWhitespace(span));
    if (parsed) return now - *parsed;
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    if (time != absl::InfiniteFuture() && time != absl::InfinitePast()) return time;
  } else if (text.size() == 10 && absl::ParseTime("%Y-%m-%d", text, &time, &error)) {
    return time;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text, "\" is no time: write 2026-11-20T10:00:00Z, 2026-11-20, \"2h ago\" or -30m"));
}

absl::StatusOr<absl::Time> ParseOperatorExpiry(absl::string_view text, absl::Time now) {
  if (const auto span = ParseSpan(absl::StripAsciiWhitespace(text))) return now + *span;
  if (const auto time = ParseOperatorTime(text, now); time.ok()) return *time;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no expiry: write 90d, 2026-11-20 or 2026-11-20T10:00:00Z"));
}

std::string FormatOperatorTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace purser
