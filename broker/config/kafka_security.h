// How the brokers of a Kafka log are spoken to, as a file of `--kafka-security` says it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/config/configuration.h"
#include "purser/config/v1/kafka.pb.h"

namespace purser::config {

// Everything wrong with it. A password in clear text is wrong unless the brokers are asked on
// `loopback`. No message repeats a secret.
std::vector<Problem> CheckKafkaSecurity(const config::v1::KafkaSecurity& security, bool loopback);

// Reads and checks a file; its references are as they were written. NotFound where it cannot be
// read; InvalidArgument lists every problem, one a line: "kafka.yaml:7:5: sasl.password: ...".
absl::StatusOr<config::v1::KafkaSecurity> LoadKafkaSecurity(const std::string& file, bool loopback);

}  // namespace purser::config
