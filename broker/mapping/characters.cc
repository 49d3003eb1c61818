#include "broker/mapping/characters.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace purser::mapping {
namespace {

using icu::UnicodeString;

UnicodeString ToUnicode(absl::string_view text) {
  return UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

std::string ToUtf8(const UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

icu::Locale LocaleOf(const std::string& culture) {
  return culture.empty() ? icu::Locale::getRoot() : icu::Locale(culture.c_str());
}

size_t CharacterLength(absl::string_view rest) {
  const unsigned char lead = rest[0];
  const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 1;
  return std::min(length, rest.size());
}

// Letters that have no decomposition into a base letter and a mark.
const char* BaseLetters(UChar32 letter) {
  switch (letter) {
    case 0x00E6:
      return "ae";
    case 0x00C6:
      return "AE";
    case 0x00F8:
      return "oe";
    case 0x00D8:
      return "OE";
    case 0x0153:
      return "oe";
    case 0x0152:
      return "OE";
    case 0x00DF:
      return "ss";
    case 0x1E9E:
      return "SS";
    case 0x0142:
      return "l";
    case 0x0141:
      return "L";
    case 0x0131:
      return "i";
    case 0x0111:
      return "d";
    case 0x0110:
      return "D";
    case 0x00F0:
      return "d";
    case 0x00D0:
      return "D";
    case 0x00FE:
      return "th";
    case 0x00DE:
      return "TH";
    case 0x0127:
      return "h";
    case 0x0126:
      return "H";
    default:
      return nullptr;
  }
}

bool SeparatesWords(UChar32 letter) {
  return (U_GET_GC_MASK(letter) & (U_GC_Z_MASK | U_GC_P_MASK | U_GC_S_MASK | U_GC_C_MASK)) != 0;
}

template <typename Visit>
void ForEachCodePoint(const UnicodeString& text, const Visit& visit) {
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) visit(text.char32At(i));
}

}  // namespace

std::vector<absl::string_view> Characters(absl::string_view text) {
  std::vector<absl::string_view> characters;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    characters.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return characters;
}

std::string Slice(absl::string_view text, size_t first, size_t count) {
  const std::vector<absl::string_view> characters = Characters(text);
  std::string out;
  for (size_t i = first; i < characters.size() && i - first < count; ++i)
    absl::StrAppend(&out, characters[i]);
  return out;
}

std::string Lowered(absl::string_view text, const std::string& culture) {
  return ToUtf8(ToUnicode(text).toLower(LocaleOf(culture)));
}

std::string Raised(absl::string_view text, const std::string& culture) {
  return ToUtf8(ToUnicode(text).toUpper(LocaleOf(culture)));
}

std::string WithoutDiacritics(absl::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* decompose = icu::Normalizer2::getNFDInstance(status);
  const icu::Normalizer2* compose = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status)) return std::string(text);
  UnicodeString bare;
  ForEachCodePoint(decompose->normalize(ToUnicode(text), status), [&](UChar32 letter) {
    if ((U_GET_GC_MASK(letter) & U_GC_MN_MASK) != 0) return;
    const char* base = BaseLetters(letter);
    base == nullptr ? bare.append(letter) : bare.append(UnicodeString::fromUTF8(base));
  });
  return ToUtf8(compose->normalize(bare, status));
}

std::string Capitalized(absl::string_view text, absl::string_view separators) {
  const UnicodeString parting = ToUnicode(separators);
  UnicodeString out;
  bool starts_word = true;
  ForEachCodePoint(ToUnicode(text), [&](UChar32 letter) {
    const UnicodeString one(letter);
    const bool parts = parting.isEmpty() ? SeparatesWords(letter) : parting.indexOf(letter) >= 0;
    UnicodeString changed(one);
    out.append(starts_word ? changed.toUpper(icu::Locale::getRoot())
                           : changed.toLower(icu::Locale::getRoot()));
    starts_word = parts;
  });
  return ToUtf8(out);
}

std::string Utf16LittleEndian(absl::string_view text) {
  const UnicodeString wide = ToUnicode(text);
  std::string out;
  for (int32_t i = 0; i < wide.length(); ++i) {
    out.push_back(static_cast<char>(wide.charAt(i) & 0xFF));
    out.push_back(static_cast<char>(wide.charAt(i) >> 8));
  }
  return out;
}

}  // namespace purser::mapping
