// The program's own log: one JSON object a line on standard error.
//
// Never a secret, never a person's name or address: ids only. Callers hold to that; a test greps.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace purser {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// One named value of a log line: {"app", "recnice"}.
struct LogField {
  template <typename T>
  LogField(absl::string_view name, const T& value)  // NOLINT: written as {"name", value}
      : name(name), value(absl::StrCat(value)) {}

  std::string name;
  std::string value;
};

// Sets the least level that is written; kInfo until then. Thread-safe, as is Log().
void SetLogLevel(LogLevel level);

// Log(LogLevel::kInfo, "app paused", {{"app", app_id}, {"reason", reason}}).
void Log(LogLevel level, absl::string_view message, const std::vector<LogField>& fields = {});

inline void LogInfo(absl::string_view message, const std::vector<LogField>& fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(absl::string_view message, const std::vector<LogField>& fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(absl::string_view message, const std::vector<LogField>& fields = {}) {
  Log(LogLevel::kError, message, fields);
}

}  // namespace purser
