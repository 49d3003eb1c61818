// The one place that knows which engine the log runs on.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/eventlog/event_log.h"

namespace purser {

// Where the log is, as the command line says it.
struct LogLocation {
  std::string folder;          // the data folder
  std::string address;         // "kafka://HOST:PORT/PREFIX"; empty: embedded, in `folder`
  std::string kafka_security;  // a file that says how its brokers are spoken to; may be empty
};

struct OpenedLog {
  std::unique_ptr<EventLog> log;
  // Set where the process before did not stop cleanly: the check of every page that is then due,
  // beside everything else. Its failure has stopped writing and told `on_fatal`. Outlived by `log`.
  std::function<absl::Status()> verify_pages;
  // Set with it: ends it on its thread, and waits for that. It is due again at the next start.
  std::function<void()> end_verify_pages;
};

// Opens the log that is there. `on_fatal` is called, on the thread that finds it, when the log can
// no longer be trusted to write: the process is to exit.
absl::StatusOr<OpenedLog> OpenLog(const LogLocation& location, const Clock* clock,
                                  std::function<void(const absl::Status&)> on_fatal);

}  // namespace purser
