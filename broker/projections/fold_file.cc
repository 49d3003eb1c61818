#include "broker/projections/fold_file.h"

#include <cstdio>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/crypto/sha256.h"

namespace purser {
namespace {

// 16 MiB: the inner pages of a fold's indexes change with every commit.
constexpr int kCheckpointPages = 4096;

constexpr char kMetaSchema[] =
    "CREATE TABLE fold(stream TEXT NOT NULL, layout INTEGER NOT NULL, position INTEGER NOT NULL,"
    " self BLOB NOT NULL, time INTEGER NOT NULL)";

// True where the file holds a fold of this stream in this layout.
bool Fits(Database& database, const StreamId& stream, int layout) {
  Statement& exists =
      database.Prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND name='fold'");
  const bool is_fold = exists.Next();
  exists.Finish();
  if (!is_fold) return false;
  Statement& row = database.Prepare("SELECT stream, layout FROM fold");
  const bool fits = row.Next() && row.Text(0) == stream.ToString() && row.Int(1) == layout;
  row.Finish();
  return fits;
}

absl::Status Initialise(Database& database, const StreamId& stream, int layout,
                        const std::string& schema) {
  Transaction transaction(&database);
  RETURN_IF_ERROR(transaction.status());
  RETURN_IF_ERROR(database.Execute(kMetaSchema));
  RETURN_IF_ERROR(database.Execute(schema));
  const Head empty = EmptyHead(stream);
  RETURN_IF_ERROR(database.Prepare("INSERT INTO fold VALUES(?, ?, 0, ?, 0)")
                      .Bind(stream.ToString())
                      .Bind(layout)
                      .BindBlob(AsBytes(empty.self))
                      .Run());
  return transaction.Commit();
}

void RemoveFile(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::remove((path + suffix).c_str());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenFoldFile(const std::string& path,
                                                       const StreamId& stream, int layout,
                                                       const std::string& schema, int cache_kib) {
  const DatabaseOptions options{.cache_kib = cache_kib, .checkpoint_pages = kCheckpointPages};
  auto database = Database::Open(path, options);
  if (database.ok() && Fits(**database, stream, layout)) return database;
  if (!database.ok() && database.status().code() != absl::StatusCode::kDataLoss) {
    return database.status();
  }
  database = absl::InternalError("closed");  // Closes the file before it is removed.
  RemoveFile(path);
  ASSIGN_OR_RETURN(auto fresh, Database::Open(path, options));
  RETURN_IF_ERROR(Initialise(*fresh, stream, layout, schema));
  return fresh;
}

absl::StatusOr<Head> ReadFoldHead(Database& database, const StreamId& stream) {
  Statement& row = database.Prepare("SELECT position, self, time FROM fold");
  if (!row.Next()) {
    RETURN_IF_ERROR(row.status());
    return absl::DataLossError(absl::StrCat("the projection of ", stream.ToString(), " is empty"));
  }
  Head head;
  head.position = static_cast<StreamPosition>(row.Int(0));
  const absl::string_view self = row.Blob(1);
  if (self.size() != head.self.size()) return absl::DataLossError("the fold's head is no hash");
  std::memcpy(head.self.data(), self.data(), self.size());
  head.time = head.position == 0 ? absl::InfinitePast() : FromStored(row.Int(2));
  while (row.Next()) {
  }
  return head;
}

absl::Status BeginFold(Database& database) { return database.Prepare("BEGIN IMMEDIATE").Run(); }

absl::Status CommitFold(Database& database, const Head& head) {
  RETURN_IF_ERROR(database.Prepare("UPDATE fold SET position=?, self=?, time=?")
                      .Bind(head.position)
                      .BindBlob(AsBytes(head.self))
                      .Bind(head.position == 0 ? int64_t{0} : ToStored(head.time))
                      .Run());
  return database.Prepare("COMMIT").Run();
}

void RollbackFold(Database& database) {
  // A failed COMMIT may have rolled back by itself; then there is nothing to undo.
  database.Execute("ROLLBACK").IgnoreError();
}

absl::StatusOr<std::string> DigestTables(Database& database,
                                         const std::vector<std::string>& queries) {
  Sha256Hash digest{};
  for (const std::string& query : queries) {
    Statement& rows = database.Prepare(query);
    while (rows.Next()) {
      const absl::string_view row = rows.Text(0);
      digest = Sha256({AsBytes(digest), row});
    }
    RETURN_IF_ERROR(rows.status());
  }
  return absl::BytesToHexString(AsBytes(digest));
}

int64_t ToStored(absl::Time time) { return absl::ToUnixMicros(time); }
absl::Time FromStored(int64_t micros) { return absl::FromUnixMicros(micros); }

}  // namespace purser
