#include "broker/domain/caseless.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace purser {
namespace {

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isascii(c); });
}

const icu::Normalizer2& Casefold() {
  static const icu::Normalizer2* const casefold = [] {
    UErrorCode error = U_ZERO_ERROR;
    return icu::Normalizer2::getNFKCCasefoldInstance(error);
  }();
  return *casefold;
}

}  // namespace

std::string CaselessKey(absl::string_view text) {
  if (IsAscii(text)) return absl::AsciiStrToLower(text);
  std::string key;
  icu::StringByteSink<std::string> sink(&key, static_cast<int32_t>(text.size()));
  UErrorCode error = U_ZERO_ERROR;
  Casefold().normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())),
                           sink, nullptr, error);
  return key;
}

bool CaselessEqual(absl::string_view a, absl::string_view b) {
  if (IsAscii(a) && IsAscii(b)) return absl::EqualsIgnoreCase(a, b);
  return CaselessKey(a) == CaselessKey(b);
}

}  // namespace purser
