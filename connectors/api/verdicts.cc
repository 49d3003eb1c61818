#include "connectors/api/verdicts.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace purser::connectors {
namespace {

constexpr absl::Duration kLongest = absl::Hours(24);

absl::Duration Clamp(absl::Duration wait) {
  return std::clamp(wait, absl::ZeroDuration(), kLongest);
}

// RFC 9110, section 5.6.7: the preferred form and the two old ones.
std::optional<absl::Time> ParseHttpDate(absl::string_view text) {
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    absl::Time time;
    std::string error;
    if (absl::ParseTime(format, text, absl::UTCTimeZone(), &time, &error)) return time;
  }
  return std::nullopt;
}

// Seconds from now, or a Unix time in seconds or milliseconds: told apart by size.
std::optional<absl::Duration> ParseReset(absl::string_view text, absl::Time now) {
  double number = 0;
  if (text.empty() || !absl::SimpleAtod(text, &number) || !(number >= 0)) return std::nullopt;
  if (number > 1e12) return Clamp(absl::FromUnixMillis(static_cast<int64_t>(number)) - now);
  if (number > 1e9) return Clamp(absl::FromUnixSeconds(static_cast<int64_t>(number)) - now);
  return Clamp(absl::Seconds(number));
}

constexpr auto kVocabulary = std::to_array<absl::string_view>(
    {"already",   "attribute",   "cannot", "duplicate",  "e164",     "e.164",    "email",
     "empty",     "exist",       "exists", "expected",   "field",    "filter",   "format",
     "immutable", "invalid",     "length", "license",    "licence",  "limit",    "long",
     "mandatory", "missing",     "must",   "mutability", "not",      "null",     "parameter",
     "path",      "permission",  "phone",  "quota",      "readonly", "required", "role",
     "short",     "supported",   "taken",  "too",        "type",     "unique",   "uniqueness",
     "unknown",   "unsupported", "user",   "group",      "valid",    "value"});

bool IsSafe(absl::string_view word, const std::vector<std::string>& fields) {
  const std::string lower = absl::AsciiStrToLower(word);
  if (std::find(kVocabulary.begin(), kVocabulary.end(), lower) != kVocabulary.end()) return true;
  return std::any_of(fields.begin(), fields.end(),
                     [&](const std::string& field) { return absl::EqualsIgnoreCase(field, word); });
}

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         static_cast<unsigned char>(c) > 127 ||
         absl::StrContains(".:@_-+", absl::string_view(&c, 1));
}

}  // namespace

Verdict VerdictOfStatus(int status) {
  switch (status) {
    case 401:
      return Verdict::kUnauthenticated;
    case 404:
    case 410:
      return Verdict::kNotFound;
    case 405:
    case 501:
      return Verdict::kUnsupported;
    case 407:
    case 503:
      return Verdict::kUnavailable;
    case 408:
      return Verdict::kInDoubt;
    case 409:
      return Verdict::kConflict;
    case 412:
      return Verdict::kPrecondition;
    case 429:
      return Verdict::kThrottled;
    default:
      break;
  }
  if (status >= 200 && status < 300) return Verdict::kDone;
  if (status >= 400 && status < 500) return Verdict::kRefused;
  if (status >= 500 && status < 600) return Verdict::kInDoubt;
  return Verdict::kNotTheProtocol;
}

Verdict VerdictOfTransport(const absl::Status& error) {
  if (absl::IsFailedPrecondition(error) || absl::IsInvalidArgument(error)) {
    return Verdict::kUnavailable;
  }
  return Verdict::kInDoubt;
}

absl::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDone:
      return "done";
    case Verdict::kRefused:
      return "refused";
    case Verdict::kConflict:
      return "the name is taken";
    case Verdict::kNotFound:
      return "not found";
    case Verdict::kPrecondition:
      return "it changed since it was read";
    case Verdict::kThrottled:
      return "throttled";
    case Verdict::kUnauthenticated:
      return "the credentials are refused";
    case Verdict::kUnavailable:
      return "not available";
    case Verdict::kInDoubt:
      return "in doubt";
    case Verdict::kNotTheProtocol:
      return "not an answer of the protocol";
    case Verdict::kUnsupported:
      return "not offered";
  }
  return "unknown";
}

std::optional<absl::Duration> RetryAfter(const HttpResponse& response, absl::Time now) {
  const absl::string_view said = absl::StripAsciiWhitespace(response.Header("Retry-After"));
  if (auto wait = ParseReset(said, now)) return wait;
  if (!said.empty()) {
    if (auto date = ParseHttpDate(said)) return Clamp(*date - now);
  }
  double millis = 0;
  if (absl::SimpleAtod(response.Header("Retry-After-Ms"), &millis) && millis >= 0) {
    return Clamp(absl::Milliseconds(millis));
  }
  for (const char* name : {"RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"}) {
    if (auto wait = ParseReset(absl::StripAsciiWhitespace(response.Header(name)), now)) return wait;
  }
  return std::nullopt;
}

bool IsHtml(const HttpResponse& response) {
  return absl::StrContains(absl::AsciiStrToLower(response.Header("Content-Type")), "text/html") ||
         absl::StartsWith(absl::StripLeadingAsciiWhitespace(response.body), "<");
}

std::string SafeWords(absl::string_view text, const std::vector<std::string>& fields) {
  text = text.substr(0, 500);
  std::string out;
  bool gap = false;
  for (size_t at = 0; at < text.size();) {
    if (!IsWordCharacter(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && IsWordCharacter(text[end])) ++end;
    absl::string_view word = text.substr(at, end - at);
    while (absl::ConsumeSuffix(&word, ".") || absl::ConsumeSuffix(&word, ":")) continue;
    if (IsSafe(word, fields)) {
      absl::StrAppend(&out, out.empty() ? "" : " ", gap && !out.empty() ? ".. " : "", word);
      gap = false;
    } else {
      gap = true;
    }
    at = end;
  }
  return out;
}

}  // namespace purser::connectors
