// A certificate of the test's own, so that TLS is tried without any file in the tree.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace purser {

// Writes a self-signed certificate for 127.0.0.1, good for an hour, and its key as PEM files into
// the test's folder, and removes them at its end.
class SelfSigned {
 public:
  SelfSigned() {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = X509_new();
    Fill(certificate, key);
    Write(certificate_path, [certificate](FILE* file) { PEM_write_X509(file, certificate); });
    Write(key_path, [key](FILE* file) {
      PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~SelfSigned() {
    std::remove(certificate_path.c_str());
    std::remove(key_path.c_str());
  }
  SelfSigned(const SelfSigned&) = delete;
  SelfSigned& operator=(const SelfSigned&) = delete;

  const std::string base = absl::StrCat(::testing::TempDir(), "/purser_tls_", getpid());
  const std::string certificate_path = base + ".crt";
  const std::string key_path = base + ".key";

 private:
  static void Fill(X509* certificate, EVP_PKEY* key) {
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* const name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* const addresses =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(certificate, addresses, -1);
    X509_EXTENSION_free(addresses);
    X509_sign(certificate, key, EVP_sha256());
  }

  template <typename Writer>
  static void Write(const std::string& path, Writer writer) {
    FILE* const file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr) << path;
    writer(file);
    std::fclose(file);
  }
};

}  // namespace purser
