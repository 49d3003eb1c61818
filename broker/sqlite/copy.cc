#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/sqlite/database.h"
#include "broker/sqlite/errors.h"

namespace purser {
namespace {

// A connection without any settings: what is copied brings its own.
class Connection {
 public:
  Connection(const std::string& path, int flags)
      : code_(sqlite3_open_v2(path.c_str(), &handle_,
                              flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr)) {}
  ~Connection() { sqlite3_close(handle_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* handle() const { return handle_; }
  absl::Status status() const {
    return code_ == SQLITE_OK ? absl::OkStatus() : SqliteStatus(handle_, code_, "open");
  }

 private:
  sqlite3* handle_ = nullptr;
  int code_;
};

}  // namespace

absl::Status CopyDatabase(const std::string& from, const std::string& to) {
  const std::string doing = absl::StrCat("copy ", from, " to ", to);
  // Sets SQLite up as all of the program needs it, and says what is wrong with `from`.
  RETURN_IF_ERROR(Database::Open(from, {.read_only = true}).status());
  const Connection source(from, SQLITE_OPEN_READONLY);
  RETURN_IF_ERROR(Annotate(source.status(), doing));
  const Connection target(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  RETURN_IF_ERROR(Annotate(target.status(), doing));
  sqlite3_exec(target.handle(), "PRAGMA journal_mode = OFF", nullptr, nullptr, nullptr);
  sqlite3_backup* copy = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
  if (copy == nullptr) {
    return SqliteStatus(target.handle(), sqlite3_extended_errcode(target.handle()), doing);
  }
  // All of it in one step: a read transaction, which a writer does not wait for.
  const int copied = sqlite3_backup_step(copy, -1);
  const int finished = sqlite3_backup_finish(copy);
  if (copied == SQLITE_DONE && finished == SQLITE_OK) return absl::OkStatus();
  return SqliteStatus(target.handle(), copied == SQLITE_DONE ? finished : copied, doing);
}

}  // namespace purser
