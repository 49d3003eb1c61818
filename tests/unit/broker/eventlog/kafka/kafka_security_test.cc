#include "broker/eventlog/kafka/kafka_security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/match.h"
#include "broker/eventlog/kafka/kafka_address.h"
#include "broker/eventlog/kafka/kafka_client.h"

namespace purser {
namespace {

using testing::HasSubstr;
using testing::Not;

std::map<std::string, std::string> SettingsOf(const KafkaSecurity& security) {
  const KafkaSettings settings = security.ToSettings();
  return {settings.begin(), settings.end()};
}

TEST(KafkaSecurity, WithoutAnyItIsInClear) {
  EXPECT_EQ(SettingsOf({}),
            (std::map<std::string, std::string>{{"security.protocol", "plaintext"}}));
}

TEST(KafkaSecurity, TlsVerifiesTheHostNameUnlessToldOtherwise) {
  auto settings = SettingsOf({.tls = KafkaTls{}});
  EXPECT_EQ(settings["security.protocol"], "ssl");
  EXPECT_EQ(settings["ssl.endpoint.identification.algorithm"], "https");
  EXPECT_EQ(settings.count("ssl.ca.location"), 0u) << "the system's authorities";
  settings = SettingsOf({.tls = KafkaTls{.ca_file = "/ca.pem", .verify_host_name = false}});
  EXPECT_EQ(settings["ssl.ca.location"], "/ca.pem");
  EXPECT_EQ(settings["ssl.endpoint.identification.algorithm"], "none");
}

TEST(KafkaSecurity, ALoginGoesThroughTlsWhereThereIsTls) {
  const KafkaSasl sasl{.mechanism = "SCRAM-SHA-256", .username = "u", .password = "p"};
  EXPECT_EQ(SettingsOf({.sasl = sasl})["security.protocol"], "sasl_plaintext");
  auto settings = SettingsOf({.tls = KafkaTls{}, .sasl = sasl});
  EXPECT_EQ(settings["security.protocol"], "sasl_ssl");
  EXPECT_EQ(settings["sasl.mechanisms"], "SCRAM-SHA-256");
  EXPECT_EQ(settings["sasl.password"], "p");
}

TEST(KafkaSecurity, NoPartOfItIsInAnAddresssText) {
  auto address = KafkaAddress::Parse("kafka://a:1");
  address->security.sasl = KafkaSasl{"PLAIN", "purser", "hunter2"};
  EXPECT_EQ(address->ToString(), "kafka://a:1/purser");
}

TEST(KafkaSecurity, TheLibraryHasTlsAndScram) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char features[512];
  size_t size = sizeof(features);
  ASSERT_EQ(rd_kafka_conf_get(conf, "builtin.features", features, &size), RD_KAFKA_CONF_OK);
  rd_kafka_conf_destroy(conf);
  for (const char* feature : {"ssl", "sasl_plain", "sasl_scram"}) {
    EXPECT_THAT(std::string(features), HasSubstr(feature));
  }
}

TEST(KafkaSecurity, AKeyThatIsNoneIsRefusedByOurNameForItAndNotRepeated) {
  const KafkaSecurity security{.tls = KafkaTls{.key = "hunter2"}};
  auto handle = MakeKafkaHandle(RD_KAFKA_PRODUCER, security.ToSettings());
  ASSERT_TRUE(absl::IsInvalidArgument(handle.status())) << handle.status();
  EXPECT_THAT(std::string(handle.status().message()), HasSubstr("tls.key"));
  EXPECT_THAT(std::string(handle.status().message()), Not(HasSubstr("hunter2")));
}

TEST(KafkaSecurity, AValueThatIsNotTakenIsNotRepeated) {
  auto handle = MakeKafkaHandle(RD_KAFKA_PRODUCER, {{"sasl.mechanisms.unknown", "hunter2"}});
  ASSERT_TRUE(absl::IsInvalidArgument(handle.status())) << handle.status();
  EXPECT_THAT(std::string(handle.status().message()), Not(HasSubstr("hunter2")));
}

TEST(KafkaSecurity, AnErrorNamesTheSettingsToLookAt) {
  EXPECT_EQ(SettingsAtFault("_AUTHENTICATION", "SASL SCRAM-SHA-256 authentication failed"),
            "sasl.mechanism, sasl.username, sasl.password");
  EXPECT_EQ(SettingsAtFault("_SSL", "SSL handshake failed: ...: certificate verify failed: ..."),
            "tls.ca_file, tls.verify_host_name");
  EXPECT_EQ(SettingsAtFault("_SSL", "...: tlsv13 alert certificate required"),
            "tls.certificate_file, tls.key");
  EXPECT_EQ(SettingsAtFault("_TRANSPORT",
                            "might be caused by incorrect security.protocol "
                            "configuration (connecting to a SSL listener?)"),
            "--kafka-security, if it never connects");
  EXPECT_EQ(SettingsAtFault("_TRANSPORT", "Connect to ipv4#127.0.0.1:1 failed"), "");
  EXPECT_EQ(WithOurSettings("verify that ssl.ca.location is correctly configured"),
            "verify that tls.ca_file is correctly configured");
}

TEST(KafkaSecurity, ARefusedScramLoginNamesTheLibraryThatKafka4Refuses) {
  EXPECT_THAT(ScramNote(0x020002ff, "invalid credentials with SASL mechanism SCRAM-SHA-256"),
              HasSubstr("2.6.1"));
  EXPECT_EQ(ScramNote(0x020601ff, "invalid credentials with SASL mechanism SCRAM-SHA-256"), "");
  EXPECT_EQ(ScramNote(0x020002ff, "Authentication failed: Invalid username or password"), "");
}

TEST(KafkaSecurity, ARefusedCertificateIsExplained) {
  EXPECT_THAT(CertificateProblem(62), HasSubstr("does not name the host"));
  EXPECT_THAT(CertificateProblem(10), HasSubstr("expired"));
  EXPECT_THAT(CertificateProblem(19), HasSubstr("tls.ca_file"));
}

}  // namespace
}  // namespace purser
