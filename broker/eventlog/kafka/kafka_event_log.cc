#include "broker/eventlog/kafka/kafka_event_log.h"

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser {

absl::StatusOr<KafkaNode> OpenKafkaNode(const KafkaAddress& address, const std::string& data_dir,
                                        const Clock& clock,
                                        const ArbitratedEventLogOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<FolderLock> lock, FolderLock::Take(data_dir));
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> table,
                   RecordStore::Open(absl::StrCat(data_dir, "/kafka.db"),
                                     {.synchronous = Synchronous::kNormal, .readers = 4}));
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaTransport> transport, KafkaTransport::Make(address));
  KafkaNode node;
  node.transport = transport.get();
  node.log = std::make_unique<ArbitratedEventLog>(std::move(transport), std::move(table),
                                                  std::move(lock), clock, RandomIdSource(),
                                                  std::random_device()(), options);
  return node;
}

absl::StatusOr<std::unique_ptr<EventLog>> OpenKafkaEventLog(const KafkaAddress& address,
                                                            const std::string& data_dir,
                                                            const Clock& clock) {
  ASSIGN_OR_RETURN(KafkaNode node, OpenKafkaNode(address, data_dir, clock));
  return std::unique_ptr<EventLog>(std::move(node.log));
}

}  // namespace purser
