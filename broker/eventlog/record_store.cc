#include "broker/eventlog/record_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser {
namespace {

// What this program writes; it opens no newer one.
constexpr int64_t kFormat = 1;

// A record's key is its stream's number and its position: one table, each stream together, and a
// record of up to 4,061 bytes in its leaf, which a table without rowid would put on another page.
constexpr int kPositionBits = 40;
constexpr StreamPosition kMaxPosition = (StreamPosition{1} << kPositionBits) - 1;

constexpr absl::Duration kInterruptEvery = absl::Milliseconds(10);

constexpr char kSchema[] = R"(
  CREATE TABLE streams (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE records (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
)";

int64_t KeyOf(int64_t number, StreamPosition position) {
  return number << kPositionBits | static_cast<int64_t>(std::min(position, kMaxPosition));
}

absl::Status CreateSchema(Database* database) {
  Transaction transaction(database);
  RETURN_IF_ERROR(transaction.status());
  RETURN_IF_ERROR(database->Execute(kSchema));
  RETURN_IF_ERROR(database->Execute(absl::StrCat("PRAGMA user_version = ", kFormat)));
  return transaction.Commit();
}

absl::Status CheckFormat(Database* database, const std::string& path) {
  Statement& version = database->Prepare("PRAGMA user_version");
  const int64_t format = version.Next() ? version.Int(0) : 0;
  version.Finish();
  RETURN_IF_ERROR(version.status());
  if (format == 0) return CreateSchema(database);
  if (format <= kFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("open ", path, ": it has format ", format,
                                                    ", this program knows formats up to ", kFormat,
                                                    ": run a newer purser"));
}

absl::Status LimitSize(Database* database, int64_t max_bytes) {
  Statement& page = database->Prepare("PRAGMA page_size");
  const int64_t page_bytes = page.Next() ? page.Int(0) : 0;
  page.Finish();
  if (page_bytes <= 0) return page.status();
  return database->Execute(
      absl::StrCat("PRAGMA max_page_count = ", std::max<int64_t>(max_bytes / page_bytes, 1)));
}

}  // namespace

// A read-only connection, borrowed from the pool for as long as it lives.
class RecordStore::Reader {
 public:
  static absl::StatusOr<Reader> Borrow(const RecordStore& store) {
    {
      MutexLock lock(&store.readers_mutex_);
      while (store.idle_readers_.empty() && store.open_readers_ >= store.options_.readers) {
        store.reader_freed_.WaitFor(&store.readers_mutex_, absl::Seconds(1));
      }
      if (!store.idle_readers_.empty()) {
        std::unique_ptr<Database> idle = std::move(store.idle_readers_.back());
        store.idle_readers_.pop_back();
        return Reader(&store, std::move(idle));
      }
      ++store.open_readers_;
    }
    auto opened =
        Database::Open(store.path_, {.read_only = true, .cache_kib = store.options_.cache_kib});
    if (!opened.ok()) {
      MutexLock lock(&store.readers_mutex_);
      --store.open_readers_;
      return opened.status();
    }
    return Reader(&store, *std::move(opened));
  }

  ~Reader() {
    if (database_ == nullptr) return;
    MutexLock lock(&store_->readers_mutex_);
    store_->idle_readers_.push_back(std::move(database_));
    store_->reader_freed_.NotifyOne();
  }
  Reader(Reader&& other) = default;

  Database* operator->() const { return database_.get(); }

 private:
  Reader(const RecordStore* store, std::unique_ptr<Database> database)
      : store_(store), database_(std::move(database)) {}

  const RecordStore* store_;
  std::unique_ptr<Database> database_;
};

RecordStore::RecordStore(std::string path, const RecordStoreOptions& options,
                         std::unique_ptr<Database> writer)
    : path_(std::move(path)), options_(options), writer_(std::move(writer)) {}

RecordStore::~RecordStore() {
  // Readers first, so that the writer is the last connection and checkpoints the file.
  MutexLock lock(&readers_mutex_);
  idle_readers_.clear();
}

absl::StatusOr<std::unique_ptr<RecordStore>> RecordStore::Open(const std::string& path,
                                                               const RecordStoreOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Database> writer,
                   Database::Open(path, {.synchronous = options.synchronous,
                                         .cache_kib = options.cache_kib,
                                         .checkpoint_pages = options.checkpoint_pages}));
  RETURN_IF_ERROR(CheckFormat(writer.get(), path));
  if (options.max_bytes > 0) RETURN_IF_ERROR(LimitSize(writer.get(), options.max_bytes));
  std::unique_ptr<RecordStore> store(new RecordStore(path, options, std::move(writer)));
  RETURN_IF_ERROR(store->LoadStreams());
  return store;
}

absl::Status RecordStore::LoadStreams() {
  MutexLock lock(&write_mutex_);
  MutexLock streams_lock(&streams_mutex_);
  Statement& row = writer_->Prepare("SELECT number, name FROM streams");
  while (row.Next()) {
    auto stream = StreamId::Parse(row.Text(1));
    if (!stream.ok()) {
      return absl::DataLossError(absl::StrCat("open ", path_, ": ", stream.status().message()));
    }
    numbers_[*stream] = row.Int(0);
  }
  return row.status();
}

absl::Status RecordStore::AddStream(const StreamId& stream) {
  if (NumberOf(stream).ok()) return absl::OkStatus();
  MutexLock lock(&write_mutex_);
  Transaction transaction(writer_.get());
  RETURN_IF_ERROR(transaction.status());
  Numbers added;
  RETURN_IF_ERROR(AddNumber(stream, &added).status());
  RETURN_IF_ERROR(transaction.Commit());
  MutexLock streams_lock(&streams_mutex_);
  numbers_.insert(added.begin(), added.end());
  return absl::OkStatus();
}

std::vector<StreamId> RecordStore::Streams() const {
  std::vector<std::pair<int64_t, StreamId>> numbered;
  {
    MutexLock lock(&streams_mutex_);
    for (const auto& [stream, number] : numbers_) numbered.emplace_back(number, stream);
  }
  std::sort(numbered.begin(), numbered.end());
  std::vector<StreamId> streams;
  for (auto& [number, stream] : numbered) streams.push_back(std::move(stream));
  return streams;
}

absl::Status RecordStore::Write(const RecordBatch& batch) {
  if (batch.empty()) return absl::OkStatus();
  MutexLock lock(&write_mutex_);
  Transaction transaction(writer_.get());
  RETURN_IF_ERROR(transaction.status());
  Numbers added;
  RETURN_IF_ERROR(Insert(batch, &added));
  RETURN_IF_ERROR(PutMeta(batch.meta));
  RETURN_IF_ERROR(transaction.Commit());
  if (added.empty()) return absl::OkStatus();
  MutexLock streams_lock(&streams_mutex_);
  numbers_.insert(added.begin(), added.end());
  return absl::OkStatus();
}

absl::StatusOr<int64_t> RecordStore::FirstKept(int64_t number, uint64_t max_records,
                                               uint64_t max_bytes) const {
  ASSIGN_OR_RETURN(const Reader reader, Reader::Borrow(*this));
  Statement& row = reader
                       ->Prepare(
                           "SELECT key, length(bytes) FROM records WHERE key BETWEEN ? AND ? "
                           "ORDER BY key DESC")
                       .Bind(KeyOf(number, 0))
                       .Bind(KeyOf(number, kMaxPosition));
  int64_t first = KeyOf(number, kMaxPosition);
  uint64_t records = 0;
  uint64_t bytes = 0;
  while (row.Next()) {
    bytes += static_cast<uint64_t>(row.Int(1));
    if (++records > max_records || bytes > max_bytes) break;
    first = row.Int(0);
  }
  row.Finish();
  RETURN_IF_ERROR(row.status());
  return first;
}

absl::Status RecordStore::Trim(const StreamId& stream, uint64_t max_records, uint64_t max_bytes) {
  ASSIGN_OR_RETURN(const int64_t number, NumberOf(stream));
  ASSIGN_OR_RETURN(const int64_t first, FirstKept(number, max_records, max_bytes));
  MutexLock lock(&write_mutex_);
  return writer_->Prepare("DELETE FROM records WHERE key >= ? AND key < ?")
      .Bind(KeyOf(number, 0))
      .Bind(first)
      .Run();
}

absl::Status RecordStore::Clear(const StreamId& stream,
                                const std::vector<RecordBatch::Meta>& meta) {
  ASSIGN_OR_RETURN(const int64_t number, NumberOf(stream));
  MutexLock lock(&write_mutex_);
  Transaction transaction(writer_.get());
  RETURN_IF_ERROR(transaction.status());
  RETURN_IF_ERROR(writer_->Prepare("DELETE FROM records WHERE key BETWEEN ? AND ?")
                      .Bind(KeyOf(number, 0))
                      .Bind(KeyOf(number, kMaxPosition))
                      .Run());
  RETURN_IF_ERROR(PutMeta(meta));
  return transaction.Commit();
}

absl::StatusOr<std::vector<StoredRecord>> RecordStore::Read(const StreamId& stream,
                                                            StreamPosition after,
                                                            size_t max_records,
                                                            size_t max_bytes) const {
  ASSIGN_OR_RETURN(const int64_t number, NumberOf(stream));
  ASSIGN_OR_RETURN(const Reader reader, Reader::Borrow(*this));
  Statement& row =
      reader->Prepare("SELECT key, bytes FROM records WHERE key > ? AND key <= ? ORDER BY key")
          .Bind(KeyOf(number, after))
          .Bind(KeyOf(number, kMaxPosition));
  std::vector<StoredRecord> records;
  size_t bytes = 0;
  while (records.size() < max_records && (records.empty() || bytes < max_bytes) && row.Next()) {
    records.push_back({.position = static_cast<StreamPosition>(row.Int(0)) & kMaxPosition,
                       .bytes = std::string(row.Blob(1))});
    bytes += records.back().bytes.size();
  }
  row.Finish();
  // What was read before the damage is whole; asked again behind it, the error is the answer.
  if (records.empty() && !row.status().ok()) {
    return Annotate(row.status(),
                    absl::StrCat("stream ", stream.ToString(), ", position ", after + 1));
  }
  return records;
}

absl::StatusOr<std::optional<StoredRecord>> RecordStore::Last(const StreamId& stream) const {
  ASSIGN_OR_RETURN(const int64_t number, NumberOf(stream));
  ASSIGN_OR_RETURN(const Reader reader, Reader::Borrow(*this));
  Statement& row = reader
                       ->Prepare(
                           "SELECT key, bytes FROM records WHERE key BETWEEN ? AND ? "
                           "ORDER BY key DESC LIMIT 1")
                       .Bind(KeyOf(number, 0))
                       .Bind(KeyOf(number, kMaxPosition));
  std::optional<StoredRecord> last;
  while (row.Next()) {
    last = StoredRecord{.position = static_cast<StreamPosition>(row.Int(0)) & kMaxPosition,
                        .bytes = std::string(row.Blob(1))};
  }
  RETURN_IF_ERROR(row.status());
  return last;
}

absl::StatusOr<std::optional<std::string>> RecordStore::Meta(absl::string_view key) const {
  ASSIGN_OR_RETURN(const Reader reader, Reader::Borrow(*this));
  Statement& row = reader->Prepare("SELECT value FROM meta WHERE key = ?").Bind(key);
  std::optional<std::string> value;
  while (row.Next()) value = std::string(row.Blob(0));
  RETURN_IF_ERROR(row.status());
  return value;
}

absl::Status RecordStore::VerifyPages() const {
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> database,
                   Database::Open(path_, {.read_only = true}));
  {
    MutexLock lock(&verify_mutex_);
    if (verify_ended_) return absl::CancelledError(absl::StrCat(path_, " is no longer checked"));
    verifying_ = database.get();
  }
  const absl::Status checked = database->QuickCheck();
  MutexLock lock(&verify_mutex_);
  verifying_ = nullptr;
  verified_.NotifyAll();
  return Annotate(checked, path_);
}

void RecordStore::EndVerifyPages() const {
  MutexLock lock(&verify_mutex_);
  verify_ended_ = true;
  while (verifying_ != nullptr) {
    verifying_->Interrupt();  // again and again: one that comes before the statement runs is lost
    verified_.WaitFor(&verify_mutex_, kInterruptEvery);
  }
}

absl::StatusOr<int64_t> RecordStore::NumberOf(const StreamId& stream) const {
  MutexLock lock(&streams_mutex_);
  auto found = numbers_.find(stream);
  if (found != numbers_.end()) return found->second;
  return absl::NotFoundError(absl::StrCat("stream ", stream.ToString(), " is not on this log"));
}

absl::StatusOr<int64_t> RecordStore::AddNumber(const StreamId& stream, Numbers* added) {
  RETURN_IF_ERROR(writer_->Prepare("INSERT OR IGNORE INTO streams (name) VALUES (?)")
                      .Bind(stream.ToString())
                      .Run());
  Statement& row =
      writer_->Prepare("SELECT number FROM streams WHERE name = ?").Bind(stream.ToString());
  int64_t number = 0;
  while (row.Next()) number = row.Int(0);
  RETURN_IF_ERROR(row.status());
  (*added)[stream] = number;
  return number;
}

absl::Status RecordStore::Insert(const RecordBatch& batch, Numbers* added) {
  const StreamId* last = nullptr;
  int64_t number = 0;
  for (const RecordBatch::Entry& entry : batch.records) {
    if (last == nullptr || *last != entry.stream) {
      auto known = added->contains(entry.stream) ? (*added)[entry.stream] : NumberOf(entry.stream);
      if (!known.ok()) known = AddNumber(entry.stream, added);
      ASSIGN_OR_RETURN(number, known);
      last = &entry.stream;
    }
    if (entry.position == 0 || entry.position > kMaxPosition) {
      return absl::InvalidArgumentError(absl::StrCat("no position: ", entry.position));
    }
    RETURN_IF_ERROR(writer_->Prepare("INSERT INTO records (key, bytes) VALUES (?, ?)")
                        .Bind(KeyOf(number, entry.position))
                        .BindBlob(entry.bytes)
                        .Run());
  }
  return absl::OkStatus();
}

absl::Status RecordStore::PutMeta(const std::vector<RecordBatch::Meta>& meta) {
  for (const RecordBatch::Meta& entry : meta) {
    RETURN_IF_ERROR(writer_->Prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
                        .Bind(entry.key)
                        .BindBlob(entry.value)
                        .Run());
  }
  return absl::OkStatus();
}

}  // namespace purser
