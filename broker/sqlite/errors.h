// SQLite's result codes as statuses; for this folder alone.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct sqlite3;

namespace purser {

// The status of the last failed call on `database`, as the table at Database says; `code` is its
// extended result code, `doing` what was being done.
absl::Status SqliteStatus(sqlite3* database, int code, absl::string_view doing);

}  // namespace purser
