#include "broker/config/kafka_security.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace purser::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class KafkaSecurityFile : public testing::Test {
 protected:
  absl::StatusOr<config::v1::KafkaSecurity> Load(const std::string& text, bool loopback = false) {
    std::ofstream(folder_ / "kafka.yaml") << text;
    return LoadKafkaSecurity(folder_ / "kafka.yaml", loopback);
  }
  std::string Refused(const std::string& text) {
    const auto loaded = Load(text);
    EXPECT_TRUE(absl::IsInvalidArgument(loaded.status())) << text << loaded.status();
    return std::string(loaded.status().message());
  }

  TempDir folder_;
};

TEST_F(KafkaSecurityFile, EveryFieldIsRead) {
  const auto loaded = Load(R"(
tls:
  ca_file: /etc/purser/ca.pem
  certificate_file: /etc/purser/client.pem
  key: ${file:/etc/purser/client.key}
  key_password: ${env:KEY_PASSWORD}
  verify_host_name: false
sasl:
  mechanism: scram_sha_512
  username: purser
  password: ${env:KAFKA_PASSWORD}
)");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->tls().ca_file(), "/etc/purser/ca.pem");
  EXPECT_TRUE(loaded->tls().has_verify_host_name());
  EXPECT_EQ(loaded->sasl().mechanism(), config::v1::KafkaSasl::SCRAM_SHA_512);
  EXPECT_EQ(loaded->sasl().password(), "${env:KAFKA_PASSWORD}");
}

TEST_F(KafkaSecurityFile, AnEmptyTlsIsTlsUnderTheSystemsAuthorities) {
  const auto loaded = Load("tls: {}");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(loaded->has_tls());
  EXPECT_FALSE(loaded->tls().has_verify_host_name());
}

TEST_F(KafkaSecurityFile, ASecretThatStandsThereItselfIsRefusedWithItsPlaceAndNotRepeated) {
  EXPECT_THAT(Refused("tls: {}\nsasl:\n  mechanism: plain\n  username: u\n  password: hunter2"),
              AllOf(HasSubstr("kafka.yaml:5:3: sasl.password: "), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(Refused("tls: {certificate_file: /c, key: hunter2}"),
              AllOf(HasSubstr("tls.key: "), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(Refused("tls: {certificate_file: /c, key: \"${env:K}\", key_password: hunter2}"),
              AllOf(HasSubstr("tls.key_password: "), Not(HasSubstr("hunter2"))));
}

TEST_F(KafkaSecurityFile, AnUnknownKeyIsNamedWithTheNearestKnownOne) {
  EXPECT_THAT(Refused("tls: {cafile: /etc/ca.pem}"),
              AllOf(HasSubstr("kafka.yaml:1:7"), HasSubstr("did you mean \"ca_file\"?")));
}

TEST_F(KafkaSecurityFile, WhatIsMissingIsSaid) {
  EXPECT_THAT(Refused(""), HasSubstr("neither tls nor sasl"));
  EXPECT_THAT(Refused("sasl: {}"), AllOf(HasSubstr("mechanism"), HasSubstr("username"),
                                         HasSubstr("the password is missing")));
  EXPECT_THAT(Refused("tls: {certificate_file: /c}"), HasSubstr("go together"));
  EXPECT_THAT(Refused("tls: {key: \"${env:K}\"}"), HasSubstr("go together"));
  EXPECT_THAT(Refused("tls: {key_password: \"${env:K}\"}"), HasSubstr("no key"));
}

TEST_F(KafkaSecurityFile, APasswordGoesInClearToLoopbackAlone) {
  const std::string plain =
      "sasl: {mechanism: plain, username: u, password: \"${env:KAFKA_PASSWORD}\"}";
  EXPECT_THAT(Refused(plain), HasSubstr("needs tls"));
  EXPECT_TRUE(Load(plain, /*loopback=*/true).ok());
  EXPECT_TRUE(Load("tls: {}\n" + plain).ok());
  // Nothing to be read off the wire.
  EXPECT_TRUE(
      Load("sasl: {mechanism: scram_sha_256, username: u, password: \"${env:KAFKA_PASSWORD}\"}")
          .ok());
}

TEST_F(KafkaSecurityFile, OneThatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(LoadKafkaSecurity(folder_ / "none.yaml", false).status()));
}

}  // namespace
}  // namespace purser::config
