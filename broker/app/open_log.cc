#include "broker/app/open_log.h"

#include <utility>

#include "broker/base/status.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"
#ifdef PURSER_KAFKA
#include "broker/eventlog/kafka/kafka_event_log.h"
#endif

namespace purser {

absl::StatusOr<std::unique_ptr<EventLog>> OpenLog(
    const std::string& address, const std::string& folder, const Clock* clock,
    std::function<void(const absl::Status&)> on_fatal) {
  if (!address.empty()) {
#ifdef PURSER_KAFKA
    ASSIGN_OR_RETURN(const KafkaAddress kafka, ParseKafkaAddress(address));
    return OpenKafkaEventLog(kafka, folder, *clock);
#else
    (void)clock;
    return absl::UnimplementedError("this program was built without Kafka");
#endif
  }
  SqliteEventLogOptions options;
  options.folder = folder;
  options.on_fatal = std::move(on_fatal);
  return SqliteEventLog::Create(options);
}

}  // namespace purser
