#include "broker/eventlog/kafka/kafka_security.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace purser {
namespace {

// OpenSSL's X509_V_ERR_*.
constexpr int kCertificateExpired = 10;
constexpr int kHostnameMismatch = 62;
constexpr int kIpAddressMismatch = 64;

void AddTls(const KafkaTls& tls, KafkaSettings* settings) {
  const std::pair<const char*, const std::string*> given[] = {
      {"ssl.ca.location", &tls.ca_file},
      {"ssl.certificate.location", &tls.certificate_file},
      {"ssl.key.pem", &tls.key},
      {"ssl.key.password", &tls.key_password}};
  for (const auto& [name, value] : given) {
    if (!value->empty()) settings->emplace_back(name, *value);
  }
  settings->emplace_back("ssl.endpoint.identification.algorithm",
                         tls.verify_host_name ? "https" : "none");
}

}  // namespace

KafkaSettings KafkaSecurity::ToSettings() const {
  KafkaSettings settings;
  if (tls.has_value()) AddTls(*tls, &settings);
  if (sasl.has_value()) {
    settings.emplace_back("sasl.mechanisms", sasl->mechanism);
    settings.emplace_back("sasl.username", sasl->username);
    settings.emplace_back("sasl.password", sasl->password);
  }
  const char* protocols[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
  settings.emplace_back("security.protocol",
                        protocols[(tls.has_value() ? 1 : 0) + (sasl.has_value() ? 2 : 0)]);
  return settings;
}

std::string WithOurSettings(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"ssl.ca.location", "tls.ca_file"},
                                    {"ssl.certificate.location", "tls.certificate_file"},
                                    {"ssl.key.location", "tls.key"},
                                    {"ssl.key.pem", "tls.key"},
                                    {"ssl.key.password", "tls.key_password"},
                                    {"sasl.mechanisms", "sasl.mechanism"}});
}

std::string SettingsAtFault(absl::string_view error, absl::string_view reason) {
  const auto says = [&](absl::string_view words) { return absl::StrContains(reason, words); };
  if (says("certificate verify failed")) return "tls.ca_file, tls.verify_host_name";
  if (says("certificate required") || says("bad certificate") || says("client SSL auth")) {
    return "tls.certificate_file, tls.key";
  }
  if (says("PLAINTEXT broker listener")) return "tls";
  if (says("mechanism") && says("enabled mechanisms")) return "sasl.mechanism";
  if (error == "_AUTHENTICATION" || error == "SASL_AUTHENTICATION_FAILED") {
    return "sasl.mechanism, sasl.username, sasl.password";
  }
  // librdkafka guesses so whenever a connection ends early.
  if (says("security.protocol")) return "--kafka-security, if it never connects";
  return error == "_SSL" ? "tls" : "";
}

std::string ScramNote(int version, absl::string_view reason) {
  constexpr int kMended = 0x02060100;  // github.com/confluentinc/librdkafka/pull/4895
  if (version >= kMended || !absl::StrContains(reason, "SCRAM")) return "";
  return "brokers of Kafka 4 refuse SCRAM of librdkafka before 2.6.1, which this is: use plain by "
         "TLS, or a client certificate";
}

std::string CertificateProblem(int x509_error) {
  switch (x509_error) {
    case kHostnameMismatch:
    case kIpAddressMismatch:
      return "it does not name the host that was asked: see --log and tls.verify_host_name";
    case kCertificateExpired:
      return "it has expired";
    default:
      return absl::StrCat("no authority of tls.ca_file vouches for it (OpenSSL's error ",
                          x509_error, ")");
  }
}

}  // namespace purser
