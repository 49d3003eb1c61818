#include "broker/app/kafka_security.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "broker/base/status.h"
#include "broker/cli/connection.h"
#include "broker/config/kafka_security.h"
#include "connectors/api/secrets.h"

namespace purser {
namespace {

bool IsOnLoopback(const KafkaAddress& address) {
  for (absl::string_view server : absl::StrSplit(address.bootstrap, ',')) {
    if (!IsLoopbackAddress(server)) return false;
  }
  return true;
}

// Reads what the settings of one file refer to.
class Resolver {
 public:
  explicit Resolver(const std::string& file) : file_(file) {}

  absl::StatusOr<std::string> Value(absl::string_view setting, const std::string& text) const {
    auto value = connectors::ResolveSecrets(text, connectors::ProcessSecrets());
    if (value.ok()) return value;
    return absl::Status(value.status().code(),
                        absl::StrCat(file_, ": ", setting, ": ", value.status().message()));
  }
  absl::Status CheckReadable(absl::string_view setting, const std::string& path) const {
    if (path.empty() || std::ifstream(path).good()) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat(file_, ": ", setting, ": cannot read ", path));
  }

 private:
  const std::string file_;
};

absl::StatusOr<KafkaTls> ResolveTls(const config::v1::KafkaTls& tls, const Resolver& resolver) {
  RETURN_IF_ERROR(resolver.CheckReadable("tls.ca_file", tls.ca_file()));
  RETURN_IF_ERROR(resolver.CheckReadable("tls.certificate_file", tls.certificate_file()));
  KafkaTls resolved{.ca_file = tls.ca_file(), .certificate_file = tls.certificate_file()};
  ASSIGN_OR_RETURN(resolved.key, resolver.Value("tls.key", tls.key()));
  ASSIGN_OR_RETURN(resolved.key_password, resolver.Value("tls.key_password", tls.key_password()));
  resolved.verify_host_name = !tls.has_verify_host_name() || tls.verify_host_name();
  return resolved;
}

std::string MechanismOf(config::v1::KafkaSasl::Mechanism mechanism) {
  switch (mechanism) {
    case config::v1::KafkaSasl::SCRAM_SHA_256:
      return "SCRAM-SHA-256";
    case config::v1::KafkaSasl::SCRAM_SHA_512:
      return "SCRAM-SHA-512";
    default:
      return "PLAIN";
  }
}

absl::StatusOr<KafkaSasl> ResolveSasl(const config::v1::KafkaSasl& sasl, const Resolver& resolver) {
  KafkaSasl resolved{.mechanism = MechanismOf(sasl.mechanism())};
  ASSIGN_OR_RETURN(resolved.username, resolver.Value("sasl.username", sasl.username()));
  ASSIGN_OR_RETURN(resolved.password, resolver.Value("sasl.password", sasl.password()));
  return resolved;
}

}  // namespace

absl::StatusOr<KafkaAddress> ResolveKafkaAddress(const std::string& log,
                                                 const std::string& security_file) {
  if (log.empty()) {
    return absl::InvalidArgumentError("--kafka-security is for a log on Kafka: give --log too");
  }
  ASSIGN_OR_RETURN(KafkaAddress address, KafkaAddress::Parse(log));
  if (security_file.empty()) return address;
  ASSIGN_OR_RETURN(const auto security,
                   config::LoadKafkaSecurity(security_file, IsOnLoopback(address)));
  const Resolver resolver(security_file);
  if (security.has_tls()) {
    ASSIGN_OR_RETURN(address.security.tls, ResolveTls(security.tls(), resolver));
  }
  if (security.has_sasl()) {
    ASSIGN_OR_RETURN(address.security.sasl, ResolveSasl(security.sasl(), resolver));
  }
  return address;
}

}  // namespace purser
