// The event log on Kafka: several nodes write, the log decides.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/eventlog/arbitrated/arbitrated_event_log.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/kafka/kafka_address.h"
#include "broker/eventlog/kafka/kafka_transport.h"

namespace purser {

// Opens this node's side of the log. `data_dir`, created where absent, holds its own copy of the
// valid records (kafka.db), built again where it is lost. The brokers need not be reachable: what
// cannot be done without them is Unavailable. `clock` outlives the log.
//
// FailedPrecondition: another process holds `data_dir`. Errors of the copy are RecordStore's.
absl::StatusOr<std::unique_ptr<EventLog>> OpenKafkaEventLog(const KafkaAddress& address,
                                                            const std::string& data_dir,
                                                            const Clock& clock);

// The same, with what a test turns: its times, and the transport, which the log owns.
struct KafkaNode {
  std::unique_ptr<ArbitratedEventLog> log;
  KafkaTransport* transport = nullptr;
};
absl::StatusOr<KafkaNode> OpenKafkaNode(const KafkaAddress& address, const std::string& data_dir,
                                        const Clock& clock,
                                        const ArbitratedEventLogOptions& options = {});

}  // namespace purser
