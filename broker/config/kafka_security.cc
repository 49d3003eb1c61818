#include "broker/config/kafka_security.h"

#include "absl/strings/str_cat.h"
#include "broker/config/reference.h"

namespace purser::config {
namespace {

using config::v1::KafkaSasl;
using config::v1::KafkaSecurity;
using config::v1::KafkaTls;

class KafkaChecker {
 public:
  std::vector<Problem> Check(const KafkaSecurity& security, bool loopback) {
    if (!security.has_tls() && !security.has_sasl()) {
      Add("", "neither tls nor sasl stands here; without security leave --kafka-security out");
    }
    if (security.has_tls()) CheckTls(security.tls());
    if (security.has_sasl()) CheckSasl(security.sasl());
    if (security.sasl().mechanism() == KafkaSasl::PLAIN && !security.has_tls() && !loopback) {
      Add("sasl.mechanism",
          "plain sends the password as it is, so it needs tls, or brokers on loopback");
    }
    return std::move(problems_);
  }

 private:
  void Add(absl::string_view path, absl::string_view message) {
    problems_.push_back({std::string(path), std::string(message)});
  }
  void CheckSecret(absl::string_view path, const std::string& secret) {
    if (secret.empty()) return;
    const absl::Status form = CheckSecretReference(secret);
    if (!form.ok()) Add(path, form.message());
  }

  void CheckTls(const KafkaTls& tls) {
    CheckSecret("tls.key", tls.key());
    CheckSecret("tls.key_password", tls.key_password());
    if (tls.certificate_file().empty() != tls.key().empty()) {
      Add(tls.key().empty() ? "tls.certificate_file" : "tls.key",
          "certificate_file and key go together; one of them is missing");
    }
    if (tls.key().empty() && !tls.key_password().empty()) {
      Add("tls.key_password", "there is no key that it opens");
    }
  }

  void CheckSasl(const KafkaSasl& sasl) {
    CheckSecret("sasl.password", sasl.password());
    if (sasl.mechanism() == KafkaSasl::MECHANISM_UNSPECIFIED) {
      Add("sasl", "say a mechanism: plain, scram_sha_256 or scram_sha_512");
    }
    if (sasl.username().empty()) Add("sasl", "the username is missing");
    const absl::Status username = CheckReferences(sasl.username());
    if (!username.ok()) Add("sasl.username", username.message());
    if (sasl.password().empty()) {
      Add("sasl", "the password is missing; write a reference to it, ${env:NAME} or ${file:/path}");
    }
  }

  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> CheckKafkaSecurity(const KafkaSecurity& security, bool loopback) {
  return KafkaChecker().Check(security, loopback);
}

}  // namespace purser::config
