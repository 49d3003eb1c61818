#include "broker/base/trace_context.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace purser {
namespace {

constexpr size_t kLength = 55;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(absl::string_view text) { return text.find_first_not_of('0') == text.npos; }

std::string DigitsOf(absl::string_view uuid) {
  return absl::AsciiStrToLower(absl::StrReplaceAll(uuid, {{"-", ""}}));
}

}  // namespace

std::optional<TraceContext> ParseTraceParent(absl::string_view text) {
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return std::nullopt;
  }
  const absl::string_view version = text.substr(0, 2);
  const absl::string_view trace = text.substr(3, 32);
  const absl::string_view parent = text.substr(36, 16);
  const absl::string_view flags = text.substr(53, 2);
  for (absl::string_view part : {version, trace, parent, flags}) {
    if (!IsLowerHex(part)) return std::nullopt;
  }
  if (version == "ff" || IsZero(trace) || IsZero(parent)) return std::nullopt;
  const bool longer = text.size() > kLength;
  if (longer && (version == "00" || text[kLength] != '-')) return std::nullopt;
  const char low = flags[1];
  const int value = low <= '9' ? low - '0' : low - 'a' + 10;
  return TraceContext{std::string(trace), (value & 1) != 0};
}

TraceContext TraceBegunBy(absl::string_view uuid) { return {DigitsOf(uuid), false}; }

std::string FormatTraceParent(const TraceContext& trace, absl::string_view request_uuid) {
  const std::string digits = DigitsOf(request_uuid);
  return absl::StrCat("00-", trace.trace_id, "-", digits.substr(digits.size() - 16), "-",
                      trace.sampled ? "01" : "00");
}

}  // namespace purser
