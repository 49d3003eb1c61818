// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <initializer_list>

#include "absl/strings/string_view.h"

namespace purser {

using Sha256Hash = std::array<unsigned char, 32>;

// Thread-safe. The algorithm is looked up once a process and the context kept once a thread, as
// OpenSSL 3's one-call SHA256() looks it up every time.
Sha256Hash Sha256(absl::string_view bytes);

// Of the parts one after the other, without putting them together.
Sha256Hash Sha256(std::initializer_list<absl::string_view> parts);

// The 32 bytes of a hash, for comparing and storing. Points into `hash`.
inline absl::string_view AsBytes(const Sha256Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace purser
