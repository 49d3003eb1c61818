// Where a Kafka log is, kafka://HOST:PORT[,HOST:PORT...][/PREFIX], and how it is spoken to.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/eventlog/kafka/kafka_security.h"
#include "broker/events/stream_id.h"

namespace purser {

struct KafkaAddress {
  std::string bootstrap;          // "a:9092,b:9092"
  std::string prefix = "purser";  // begins every topic's name
  KafkaSecurity security;         // of no part of the text

  // InvalidArgument, saying what is wrong with it.
  static absl::StatusOr<KafkaAddress> Parse(absl::string_view text);

  // "purser.control", "purser.directory.0192f0c1-...".
  std::string Topic(const StreamId& stream) const;

  // What every handle needs to reach the brokers; secrets are among it.
  KafkaSettings ClientSettings() const;

  // Without the security.
  std::string ToString() const;
};

}  // namespace purser
