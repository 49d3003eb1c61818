#include "broker/sqlite/errors.h"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"

namespace purser {
namespace {

absl::StatusCode CodeOf(int extended) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return absl::StatusCode::kAlreadyExists;
    case SQLITE_IOERR_CORRUPTFS:
      return absl::StatusCode::kDataLoss;
    default:
      break;
  }
  switch (extended & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kAborted;
    case SQLITE_INTERRUPT:
      return absl::StatusCode::kCancelled;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status SqliteStatus(sqlite3* database, int code, absl::string_view doing) {
  // The message of a failed constraint names columns, never values.
  const char* message = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  return absl::Status(CodeOf(code), absl::StrCat(doing, ": ", message, " (SQLite ", code, ")"));
}

}  // namespace purser
