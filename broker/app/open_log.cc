#include "broker/app/open_log.h"

#include <utility>

#include "broker/base/status.h"
#include "broker/eventlog/kafka/kafka_event_log.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"

namespace purser {

absl::StatusOr<std::unique_ptr<EventLog>> OpenLog(
    const std::string& address, const std::string& folder, const Clock* clock,
    std::function<void(const absl::Status&)> on_fatal) {
  if (!address.empty()) {
    ASSIGN_OR_RETURN(const KafkaAddress kafka, KafkaAddress::Parse(address));
    return OpenKafkaEventLog(kafka, folder, *clock);
  }
  SqliteEventLogOptions options;
  options.folder = folder;
  options.on_fatal = std::move(on_fatal);
  return SqliteEventLog::Create(options);
}

}  // namespace purser
