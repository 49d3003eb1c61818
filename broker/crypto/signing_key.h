// Keys that sign what others verify: P-256 (ES256) and RSA (RS256) of RFC 7518.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser {

// A private key; never shown. Thread-safe, and cheap to copy.
class SigningKey {
 public:
  // An unencrypted PEM, PKCS #8 or older. InvalidArgument, which repeats nothing of it: it is none,
  // of another kind, of another curve than P-256, or RSA below 2048 bits.
  static absl::StatusOr<SigningKey> FromPem(absl::string_view pem);

  // A new P-256 key, as PKCS #8.
  static std::string MakePem();

  // "ES256" or "RS256".
  const std::string& algorithm() const { return algorithm_; }
  // The key's thumbprint (RFC 7638), so that the same key has the same id everywhere.
  const std::string& id() const { return id_; }
  // JSON text of the public key (RFC 7517), with its id and algorithm.
  const std::string& public_jwk() const { return public_jwk_; }

  // `payload` signed, in compact form (RFC 7515); `type` is the header's "typ".
  std::string Sign(absl::string_view type, absl::string_view payload) const;

 private:
  struct Held;

  SigningKey() = default;
  std::string Signature(absl::string_view text) const;

  std::shared_ptr<const Held> held_;
  std::string algorithm_;
  std::string id_;
  std::string public_jwk_;
};

}  // namespace purser
