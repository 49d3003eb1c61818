#include "broker/crypto/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

#include "broker/base/log.h"

namespace purser {
namespace {

void MustBeTrue(bool done) {
  if (done) return;
  LogError("SHA-256 is not to be had from OpenSSL");
  std::abort();
}

const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  MustBeTrue(algorithm != nullptr);
  return algorithm;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

EVP_MD_CTX* Context() {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  MustBeTrue(context != nullptr);
  return context.get();
}

}  // namespace

Sha256Hash Sha256(absl::string_view bytes) { return Sha256({bytes}); }

Sha256Hash Sha256(std::initializer_list<absl::string_view> parts) {
  EVP_MD_CTX* context = Context();
  MustBeTrue(EVP_DigestInit_ex2(context, Algorithm(), nullptr) == 1);
  for (absl::string_view part : parts) {
    MustBeTrue(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
  }
  Sha256Hash hash;
  MustBeTrue(EVP_DigestFinal_ex(context, hash.data(), nullptr) == 1);
  return hash;
}

}  // namespace purser
