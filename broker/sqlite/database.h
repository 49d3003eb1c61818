// SQLite behind two small classes; nothing else in the product includes <sqlite3.h>.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace purser {

class Statement;

enum class Synchronous { kNormal, kFull };

struct DatabaseOptions {
  bool read_only = false;
  // kFull: a commit is on the disk when it returns. kNormal: it survives a crash of the process.
  Synchronous synchronous = Synchronous::kNormal;
  // Pages kept in memory, in KiB: what bounds memory whatever the file's size.
  int cache_kib = 8192;
  // The commit that brings the write-ahead log to so many pages moves them into the file: pages
  // that change often are moved the less often, and a start after a crash reads the more.
  int checkpoint_pages = 1000;
};

// One connection to one file in WAL mode; one read-write connection a file in the whole process.
// Not thread-safe: one thread at a time.
//
// Errors: ResourceExhausted where the disk is full (nothing changed; may work later), DataLoss for
// a file that is damaged or no database, AlreadyExists for a UNIQUE constraint, Aborted where the
// file is locked, NotFound where a file to be read only is not there, Cancelled by Interrupt(),
// Internal for an I/O error. A COMMIT that is Internal may stand: nothing more is written before
// the file is opened anew.
class Database {
 public:
  // Opens `path`, creating it unless read-only. ":memory:" is a database of its own.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const DatabaseOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs one or more statements that return no rows: a schema, "BEGIN IMMEDIATE", "COMMIT".
  absl::Status Execute(const std::string& sql);

  // The prepared statement of `sql`, kept and handed out again; reset, with nothing bound. Owned by
  // the database; used to its end before the same text is asked for again. Dies (CHECK) on SQL that
  // does not compile against a healthy file: that is a bug.
  Statement& Prepare(absl::string_view sql);

  // Number of rows changed by the last statement.
  int64_t Changes() const;

  // True between BEGIN and its COMMIT or ROLLBACK, SQLite's own after an error included.
  bool in_transaction() const;

  // SQLite's quick_check; DataLoss with its first finding.
  absl::Status QuickCheck();

  // Ends the statement that runs now, if any. From any thread.
  void Interrupt();

 private:
  explicit Database(sqlite3* handle);

  struct Cache;
  sqlite3* handle_;
  std::unique_ptr<Cache> cache_;
  int checkpoint_pages_ = 0;
};

// statement.Bind(id).Bind(position); while (statement.Next()) use(statement.Text(0));
// RETURN_IF_ERROR(statement.status()).
//
// Until Next() has returned false the statement holds its snapshot, and with it every other
// statement of the connection, and the write-ahead log grows: after a look-up of one row, call
// Finish(). A build without NDEBUG dies of a query that is open while its connection commits.
class Statement {
 public:
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds the next parameter, from the first on.
  Statement& Bind(int64_t value);
  Statement& Bind(uint64_t value) { return Bind(static_cast<int64_t>(value)); }
  Statement& Bind(int value) { return Bind(static_cast<int64_t>(value)); }
  Statement& Bind(double value);
  Statement& Bind(absl::string_view text);
  Statement& Bind(const std::string& text) { return Bind(absl::string_view(text)); }
  Statement& Bind(const char* text) { return Bind(absl::string_view(text)); }
  Statement& BindBlob(absl::string_view bytes);
  Statement& BindNull();

  // Steps to the next row; false at the end or on an error (see status()).
  bool Next();

  // Runs a statement that returns no rows.
  absl::Status Run();

  // Ends it where rows are left. The columns are no longer valid, the status stays.
  void Finish();

  const absl::Status& status() const { return status_; }

  // Columns of the current row, from 0. Text() and Blob() are valid until the next call of Next(),
  // Finish() or Prepare() of the same text; both are empty for NULL.
  bool IsNull(int column) const;
  int64_t Int(int column) const;
  double Real(int column) const;
  absl::string_view Text(int column) const;
  absl::string_view Blob(int column) const;

 private:
  friend class Database;
  Statement(sqlite3* database, sqlite3_stmt* handle) : database_(database), handle_(handle) {}
  void Reset();

  sqlite3* database_;
  sqlite3_stmt* handle_;
  int bound_ = 0;
  absl::Status status_;
};

// Everything read through the connection while it lives is of one moment, and costs no lock of its
// own. Does nothing within a transaction, which promises as much. Nothing is written meanwhile.
class ReadTransaction {
 public:
  explicit ReadTransaction(Database* database);
  ~ReadTransaction();
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  Database* database_;  // null: within another transaction
};

// BEGIN IMMEDIATE in the constructor, ROLLBACK in the destructor unless committed.
class Transaction {
 public:
  explicit Transaction(Database* database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Of the BEGIN.
  absl::Status status() const { return status_; }
  absl::Status Commit();

 private:
  Database* database_;
  absl::Status status_;
  bool open_ = false;
};

// Copies what the file `from` holds at one moment into the new file `to`, which is on the disk when
// it returns. Somebody may read and write `from` meanwhile, in this process or another; nothing of
// that waits. NotFound where there is no `from`; else the errors of Database.
absl::Status CopyDatabase(const std::string& from, const std::string& to);

}  // namespace purser
