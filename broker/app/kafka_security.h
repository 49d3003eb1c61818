// A Kafka log's address with its security: what a file of references stands for.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "broker/eventlog/kafka/kafka_address.h"

namespace purser {

// The address in `log`, and the security in the file, unless that is empty: its references are read
// from the environment and from files, once. InvalidArgument and NotFound name the file and the
// setting, and no secret.
absl::StatusOr<KafkaAddress> ResolveKafkaAddress(const std::string& log,
                                                 const std::string& security_file);

}  // namespace purser
