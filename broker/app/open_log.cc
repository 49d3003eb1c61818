#include "broker/app/open_log.h"

#include <utility>

#include "broker/app/kafka_security.h"
#include "broker/base/status.h"
#include "broker/eventlog/kafka/kafka_event_log.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"

namespace purser {
namespace {

// More than the read models write for what the log takes between two of their commits.
constexpr uint64_t kReserveBytes = 16u << 20;

}  // namespace

absl::StatusOr<OpenedLog> OpenLog(const LogLocation& location, const Clock* clock,
                                  std::function<void(const absl::Status&)> on_fatal) {
  OpenedLog opened;
  if (!location.address.empty() || !location.kafka_security.empty()) {
    ASSIGN_OR_RETURN(const KafkaAddress kafka,
                     ResolveKafkaAddress(location.address, location.kafka_security));
    ASSIGN_OR_RETURN(opened.log, OpenKafkaEventLog(kafka, location.folder, *clock));
    return opened;
  }
  SqliteEventLogOptions options;
  options.folder = location.folder;
  options.on_fatal = std::move(on_fatal);
  options.reserve_bytes = kReserveBytes;
  ASSIGN_OR_RETURN(auto log, SqliteEventLog::Create(options));
  if (!log->stopped_cleanly()) {
    opened.verify_pages = [raw = log.get()] { return raw->VerifyPages(); };
    opened.end_verify_pages = [raw = log.get()] { raw->EndVerifyPages(); };
  }
  opened.log = std::move(log);
  return opened;
}

}  // namespace purser
