// What secrets are made of and compared with.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace purser {

// `size` bytes that nobody can guess, from OpenSSL's generator. Thread-safe. Dies where the system
// has no randomness: nothing made without it may be used.
std::string RandomBytes(size_t size);

// True if equal; how long it takes tells the lengths, and nothing of the bytes.
bool ConstantTimeEquals(absl::string_view a, absl::string_view b);

}  // namespace purser
