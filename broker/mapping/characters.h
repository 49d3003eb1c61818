// Texts as people count them: in characters, not bytes; and Unicode's rules for their letters.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace purser::mapping {

// The characters (code points) of UTF-8 text; a byte that is no UTF-8 counts as one.
std::vector<absl::string_view> Characters(absl::string_view text);

// `count` characters from the one at `first`, counted from 0, as far as there are any.
std::string Slice(absl::string_view text, size_t first, size_t count);

// In the culture's rules ("tr-TR": i with and without dot); the invariant ones where it is empty.
std::string Lowered(absl::string_view text, const std::string& culture);
std::string Raised(absl::string_view text, const std::string& culture);

// Letters without their marks: "Zoë" -> "Zoe"; æ ae, ø oe, ß ss, ł l, ı i.
std::string WithoutDiacritics(absl::string_view text);

// The first letter of each word raised, the others lowered. `separators`: the characters that part
// words; where empty, those that Unicode classes as space, punctuation, symbol or control.
std::string Capitalized(absl::string_view text, absl::string_view separators);

// UTF-16, low byte first.
std::string Utf16LittleEndian(absl::string_view text);

}  // namespace purser::mapping
