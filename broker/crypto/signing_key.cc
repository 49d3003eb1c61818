#include "broker/crypto/signing_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/crypto/base64url.h"
#include "broker/crypto/sha256.h"

namespace purser {
namespace {

constexpr int kCoordinateBytes = 32;
constexpr int kMinRsaBits = 2048;

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* held) const {
    free(held);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO_free_all>>;
using NumberPtr = std::unique_ptr<BIGNUM, Free<BN_free>>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

void MustBeTrue(bool done, const char* what) {
  if (done) return;
  LogError("OpenSSL failed", {{"at", what}});
  std::abort();
}

// `width` 0: as many bytes as it has.
std::string BytesOf(const BIGNUM* number, int width) {
  std::string bytes(static_cast<size_t>(width == 0 ? BN_num_bytes(number) : width), '\0');
  MustBeTrue(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size())) >= 0,
             "a number of a key");
  return bytes;
}

std::string Parameter(const EVP_PKEY* key, const char* name, int width) {
  BIGNUM* number = nullptr;
  MustBeTrue(EVP_PKEY_get_bn_param(key, name, &number) == 1, name);
  const NumberPtr held(number);
  return Base64UrlEncode(BytesOf(number, width));
}

bool IsP256(const EVP_PKEY* key) {
  char name[64] = {};
  size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, name, sizeof(name), &size) == 1 &&
         absl::string_view(name, size) == "prime256v1";
}

// The members that make a public key what it is, in the order of RFC 7638.
std::string RequiredMembers(const EVP_PKEY* key) {
  if (IsP256(key)) {
    return absl::StrCat(R"("crv":"P-256","kty":"EC","x":")",
                        Parameter(key, OSSL_PKEY_PARAM_EC_PUB_X, kCoordinateBytes), R"(","y":")",
                        Parameter(key, OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinateBytes), R"(")");
  }
  return absl::StrCat(R"("e":")", Parameter(key, OSSL_PKEY_PARAM_RSA_E, 0),
                      R"(","kty":"RSA","n":")", Parameter(key, OSSL_PKEY_PARAM_RSA_N, 0), R"(")");
}

// OpenSSL has an ECDSA signature in DER; RFC 7518, section 3.4, wants r and s, one after the other.
std::string RawEcdsa(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const EcdsaPtr signature(d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())));
  MustBeTrue(signature != nullptr, "an ECDSA signature");
  return absl::StrCat(BytesOf(ECDSA_SIG_get0_r(signature.get()), kCoordinateBytes),
                      BytesOf(ECDSA_SIG_get0_s(signature.get()), kCoordinateBytes));
}

absl::StatusOr<KeyPtr> ReadKey(absl::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Never asks a terminal for a pass phrase.
  const auto no_phrase = [](char*, int, int, void*) { return -1; };
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_phrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError("a signing key: no private key in PEM without a pass phrase");
  }
  const bool rsa = EVP_PKEY_is_a(key.get(), "RSA") == 1;
  if (rsa && EVP_PKEY_get_bits(key.get()) >= kMinRsaBits) return key;
  if (!rsa && IsP256(key.get())) return key;
  return absl::InvalidArgumentError(
      "a signing key: of the curve P-256, or RSA of 2048 bits or more, is needed");
}

}  // namespace

struct SigningKey::Held {
  KeyPtr key;
};

absl::StatusOr<SigningKey> SigningKey::FromPem(absl::string_view pem) {
  ASSIGN_OR_RETURN(KeyPtr read, ReadKey(pem));
  SigningKey key;
  key.algorithm_ = IsP256(read.get()) ? "ES256" : "RS256";
  const std::string members = RequiredMembers(read.get());
  key.id_ = Base64UrlEncode(AsBytes(Sha256({"{", members, "}"})));
  key.public_jwk_ = absl::StrCat("{", members, R"(,"kid":")", key.id_, R"(","alg":")",
                                 key.algorithm_, R"(","use":"sig"})");
  key.held_ = std::make_shared<const Held>(Held{std::move(read)});
  return key;
}

std::string SigningKey::MakePem() {
  const KeyPtr key(EVP_EC_gen("P-256"));
  MustBeTrue(key != nullptr, "a new key");
  const BioPtr bio(BIO_new(BIO_s_mem()));
  MustBeTrue(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                           nullptr) == 1,
             "a new key's PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::string SigningKey::Signature(absl::string_view text) const {
  const ContextPtr context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  MustBeTrue(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr,
                                   held_->key.get(), nullptr) == 1,
             "beginning a signature");
  MustBeTrue(EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1, "its size");
  std::string signature(size, '\0');
  MustBeTrue(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                            &size, bytes, text.size()) == 1,
             "a signature");
  signature.resize(size);
  return algorithm_ == "ES256" ? RawEcdsa(signature) : signature;
}

std::string SigningKey::Sign(absl::string_view type, absl::string_view payload) const {
  const std::string header =
      absl::StrCat(R"({"alg":")", algorithm_, R"(","typ":")", type, R"(","kid":")", id_, R"("})");
  const std::string text = absl::StrCat(Base64UrlEncode(header), ".", Base64UrlEncode(payload));
  return absl::StrCat(text, ".", Base64UrlEncode(Signature(text)));
}

}  // namespace purser
