// One form for all spellings of a name that differ in case or in Unicode presentation alone.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace purser {

// The key by which userName, displayName and e-mail addresses are looked up and compared:
// NFKC_Casefold (Unicode Standard, section 5.18), so "STRASSE", "straße" and "Straße" written with
// a combining mark are one. Idempotent. Bytes that are not UTF-8 stand as U+FFFD.
std::string CaselessKey(absl::string_view text);

// CaselessKey(a) == CaselessKey(b), without building keys where both are ASCII.
bool CaselessEqual(absl::string_view a, absl::string_view b);

}  // namespace purser
