#include "broker/crypto/secrets.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstdlib>

#include "broker/base/log.h"

namespace purser {

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1) {
    LogError("OpenSSL has no random bytes");
    std::abort();
  }
  return bytes;
}

bool ConstantTimeEquals(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace purser
