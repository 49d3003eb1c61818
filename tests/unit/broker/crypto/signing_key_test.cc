#include "broker/crypto/signing_key.h"

#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_split.h"
#include "broker/crypto/base64url.h"

namespace purser {
namespace {

// What comes of a key is verified by another library in tests/integration/test_feed.py.
TEST(SigningKey, SignsInCompactFormWithAnIdOfItsOwn) {
  const std::string pem = SigningKey::MakePem();
  const auto key = SigningKey::FromPem(pem);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->algorithm(), "ES256");
  const std::string signed_text = key->Sign("secevent+jwt", R"({"jti":"1"})");
  const std::vector<std::string> parts = absl::StrSplit(signed_text, '.');
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(*Base64UrlDecode(parts[0]),
            R"({"alg":"ES256","typ":"secevent+jwt","kid":")" + key->id() + "\"}");
  EXPECT_EQ(*Base64UrlDecode(parts[1]), R"({"jti":"1"})");
  EXPECT_EQ(Base64UrlDecode(parts[2])->size(), 64u);
  EXPECT_EQ(SigningKey::FromPem(pem)->id(), key->id());
  EXPECT_NE(SigningKey::FromPem(SigningKey::MakePem())->id(), key->id());
}

TEST(SigningKey, ItsPublicPartHoldsNoPrivateOne) {
  const auto key = SigningKey::FromPem(SigningKey::MakePem());
  EXPECT_EQ(key->public_jwk().find("\"d\":"), std::string::npos);
  EXPECT_NE(key->public_jwk().find(key->id()), std::string::npos);
}

TEST(SigningKey, WhatIsNoneIsRefusedAndNotRepeated) {
  for (const char* pem : {"", "secret-text", "-----BEGIN PRIVATE KEY-----\nAAAA\n"}) {
    const auto key = SigningKey::FromPem(pem);
    EXPECT_EQ(key.status().code(), absl::StatusCode::kInvalidArgument) << pem;
    EXPECT_EQ(key.status().message().find("AAAA"), std::string::npos);
    EXPECT_EQ(key.status().message().find("secret-text"), std::string::npos);
  }
}

}  // namespace
}  // namespace purser
