// How the brokers of a log are spoken to: in clear, by TLS, with a login. Values, no references: it
// is never printed.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace purser {

// librdkafka's names and values.
using KafkaSettings = std::vector<std::pair<std::string, std::string>>;

struct KafkaTls {
  std::string ca_file;           // empty: the system's authorities
  std::string certificate_file;  // of this client; empty: none
  std::string key;               // PEM
  std::string key_password;
  bool verify_host_name = true;
};

struct KafkaSasl {
  std::string mechanism;  // "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"
  std::string username;
  std::string password;
};

struct KafkaSecurity {
  std::optional<KafkaTls> tls;
  std::optional<KafkaSasl> sasl;

  KafkaSettings ToSettings() const;
};

// What librdkafka says, with our names for its settings: "ssl.ca.location" is "tls.ca_file".
std::string WithOurSettings(absl::string_view text);

// Which of our settings to look at after an error of librdkafka, named "_SSL" or so; empty where
// none is likely at fault.
std::string SettingsAtFault(absl::string_view error, absl::string_view reason);

// What else may be behind a refused login, of which the reason knows nothing: librdkafka
// before 2.6.1 gets SCRAM wrong, and Kafka 4, which looks closely, refuses it. Empty where that is
// not it; `version` is librdkafka's, 0x020002ff.
std::string ScramNote(int version, absl::string_view reason);

// Why a broker's certificate was refused, by OpenSSL's number for it.
std::string CertificateProblem(int x509_error);

}  // namespace purser
