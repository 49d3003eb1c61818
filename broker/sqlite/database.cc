#include "broker/sqlite/database.h"

#include <sqlite3.h>

#include <cstdlib>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/sqlite/errors.h"
#include "broker/sqlite/page_cache.h"

namespace purser {
namespace {

// A reader waits out the moment in which the writer opens, recovers or closes the file. A writer is
// alone on its file, so whatever holds a lock there for long is a mistake to be told; but a reader
// that met a half-written header of the write-ahead log holds it while it looks again.
constexpr int kReaderBusyMillis = 1000;
constexpr int kWriterBusyMillis = 250;

// What a checkpoint leaves of the write-ahead log's file.
constexpr int kJournalLimitBytes = 64 << 20;

std::string Settings(const DatabaseOptions& options) {
  std::string sql = absl::StrCat("PRAGMA cache_size = -", GrantedPageCache(options.cache_kib), ";");
  if (options.read_only) return sql;
  absl::StrAppend(
      &sql, "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ", kJournalLimitBytes,
      "; PRAGMA synchronous = ", options.synchronous == Synchronous::kFull ? "FULL" : "NORMAL",
      ";");
  return sql;
}

// A query of the connection that was not read to its end, nor finished, holds what the file was
// then: nothing newer could ever be moved into it. That is a bug, which a build without NDEBUG dies
// of.
void DieOfAnOpenQuery([[maybe_unused]] sqlite3* handle) {
#ifndef NDEBUG
  for (sqlite3_stmt* one = sqlite3_next_stmt(handle, nullptr); one != nullptr;
       one = sqlite3_next_stmt(handle, one)) {
    if (sqlite3_stmt_busy(one) == 0 || sqlite3_stmt_readonly(one) == 0) continue;  // no query
    if (absl::StartsWith(sqlite3_sql(one), "COMMIT")) continue;  // which writes nothing itself
    LogError("a query is still open at a commit", {{"sql", sqlite3_sql(one)}});
    std::abort();
  }
#endif
}

// Moves the write-ahead log into the file as SQLite's own hook would, and tells what that one keeps
// to itself: a disk that fails now may forget what it says it has. A full one is asked again after
// the next commit. What it tells becomes the COMMIT's error, which stands all the same.
int MoveIntoFile(void* checkpoint_pages, sqlite3* handle, const char* name, int pages) {
  DieOfAnOpenQuery(handle);
  if (pages < *static_cast<const int*>(checkpoint_pages)) return SQLITE_OK;
  const int code =
      sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  const int primary = code & 0xff;
  return primary == SQLITE_BUSY || primary == SQLITE_LOCKED || primary == SQLITE_FULL ? SQLITE_OK
                                                                                      : code;
}

// True for a statement that is wrong whatever the file holds.
bool IsBug(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_ERROR || primary == SQLITE_MISUSE || primary == SQLITE_RANGE;
}

}  // namespace

struct Database::Cache {
  absl::flat_hash_map<std::string, std::unique_ptr<Statement>> statements;
};

Database::Database(sqlite3* handle) : handle_(handle), cache_(std::make_unique<Cache>()) {}

Database::~Database() {
  cache_.reset();
  sqlite3_close(handle_);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const DatabaseOptions& options) {
  // SQLite's count of its memory costs every allocation a lock, and nobody asks for it.
  static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  if (uncounted != SQLITE_OK) return absl::InternalError("SQLite is in use by somebody else");
  const int mode =
      options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  const std::string doing = absl::StrCat("open ", path);
  if (options.read_only && code == SQLITE_CANTOPEN) {
    return absl::NotFoundError(absl::StrCat(doing, ": no such file, or not ours to read"));
  }
  if (code != SQLITE_OK) return SqliteStatus(handle, code, doing);
  sqlite3_busy_timeout(handle, options.read_only ? kReaderBusyMillis : kWriterBusyMillis);
  // Reading the schema finds a file that is no database.
  RETURN_IF_ERROR(
      Annotate(database->Execute(Settings(options) + "SELECT count(*) FROM sqlite_schema"), doing));
  if (options.read_only) return database;
  database->checkpoint_pages_ = options.checkpoint_pages;
  sqlite3_wal_hook(handle, &MoveIntoFile, &database->checkpoint_pages_);
  return database;
}

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return absl::OkStatus();
  return SqliteStatus(handle_, sqlite3_extended_errcode(handle_), "run a statement");
}

Statement& Database::Prepare(absl::string_view sql) {
  auto found = cache_->statements.find(sql);
  if (found != cache_->statements.end() && found->second->handle_ != nullptr) {
    found->second->Reset();
    return *found->second;
  }
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK && IsBug(code)) {
    LogError("a statement does not compile", {{"sql", sql}, {"why", sqlite3_errmsg(handle_)}});
    std::abort();
  }
  std::unique_ptr<Statement>& slot = cache_->statements[sql];
  slot.reset(new Statement(handle_, handle));
  if (code != SQLITE_OK) slot->status_ = SqliteStatus(handle_, code, "prepare a statement");
  return *slot;
}

int64_t Database::Changes() const { return sqlite3_changes64(handle_); }

absl::Status Database::QuickCheck() {
  Statement& check = Prepare("PRAGMA quick_check(1)");
  std::string finding;
  while (check.Next()) finding = std::string(check.Text(0));
  RETURN_IF_ERROR(check.status());
  if (finding == "ok") return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("quick_check: ", finding));
}

void Database::Interrupt() { sqlite3_interrupt(handle_); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

ReadTransaction::ReadTransaction(Database* database)
    : database_(database->in_transaction() ? nullptr : database) {
  // Where it is refused, each read is a transaction of its own, and tells why.
  if (database_ != nullptr) database_->Prepare("BEGIN").Run().IgnoreError();
}

ReadTransaction::~ReadTransaction() {
  if (database_ != nullptr && database_->in_transaction()) {
    database_->Prepare("COMMIT").Run().IgnoreError();
  }
}

Transaction::Transaction(Database* database) : database_(database) {
  status_ = database_->Prepare("BEGIN IMMEDIATE").Run();
  open_ = status_.ok();
}

Transaction::~Transaction() {
  // SQLite has rolled back by itself after some errors, a full disk among them.
  if (!open_ || !database_->in_transaction()) return;
  const absl::Status rolled_back = database_->Prepare("ROLLBACK").Run();
  if (!rolled_back.ok()) LogError("rollback failed", {{"why", rolled_back.message()}});
}

absl::Status Transaction::Commit() {
  RETURN_IF_ERROR(status_);
  RETURN_IF_ERROR(database_->Prepare("COMMIT").Run());
  open_ = false;
  return absl::OkStatus();
}

}  // namespace purser
