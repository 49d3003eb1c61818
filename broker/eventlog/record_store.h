// The local table of valid records: what the embedded engine stores, and where the Kafka engine
// keeps those it has folded, so that history, replay and rebuild read one table on both.
//
// It keeps what it is given and checks no chain (eventlog/verify.h does). One SQLite file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/base/mutex.h"
#include "broker/events/record.h"
#include "broker/events/stream_id.h"
#include "broker/sqlite/database.h"

namespace purser {

struct RecordStoreOptions {
  // kFull where the table is the log itself; kNormal where it can be built again.
  Synchronous synchronous = Synchronous::kFull;
  int cache_kib = 8192;
  // How many threads may read at the same time; more wait for one of them.
  int readers = 2;
  // The file grows no further (ResourceExhausted); 0: as far as the disk goes.
  int64_t max_bytes = 0;
  int checkpoint_pages = DatabaseOptions().checkpoint_pages;
};

// What one transaction writes. The bytes outlive the call of Write().
struct RecordBatch {
  struct Entry {
    StreamId stream;
    StreamPosition position = 0;
    absl::string_view bytes;
  };
  struct Meta {
    std::string key;
    std::string value;
  };
  std::vector<Entry> records;
  std::vector<Meta> meta;

  bool empty() const { return records.empty() && meta.empty(); }
};

// Thread-safe: writes go one after the other, readers run beside them and see whole transactions.
// Errors are those of Database. One process a file: its owner holds the folder's lock.
class RecordStore {
 public:
  // Opens the file, creating it where absent. FailedPrecondition, naming both versions, for a file
  // of a newer format.
  static absl::StatusOr<std::unique_ptr<RecordStore>> Open(const std::string& path,
                                                           const RecordStoreOptions& options = {});
  ~RecordStore();

  // Makes `stream` known, durably. Nothing to do where it is.
  absl::Status AddStream(const StreamId& stream);

  // Every stream that was added, in the order of their adding.
  std::vector<StreamId> Streams() const;

  // Writes all of `batch` in one transaction, durable by `synchronous` when it returns OK; after
  // an error nothing is written (an I/O error of the commit itself leaves that in doubt until the
  // file is opened again). Streams it names are added. AlreadyExists where a position is taken.
  absl::Status Write(const RecordBatch& batch);

  // Retention of unchained streams: of `stream` the newest records remain, at most `max_records`
  // of them and `max_bytes` in all.
  absl::Status Trim(const StreamId& stream, uint64_t max_records, uint64_t max_bytes);

  // Deletes all records of `stream`, the stream remaining, and sets `meta` in the same
  // transaction: the local copy of a Kafka stream is built again.
  absl::Status Clear(const StreamId& stream, const std::vector<RecordBatch::Meta>& meta = {});

  // Records after `after` in order, at most `max_records` and about `max_bytes`, at least one if
  // there is one. A gap is returned as it stands; an error, only where no record before it can be
  // returned. NotFound for a stream that was not added.
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t max_records, size_t max_bytes) const;

  // The last record of `stream`, if it has any. NotFound for a stream that was not added.
  absl::StatusOr<std::optional<StoredRecord>> Last(const StreamId& stream) const;

  // A value written in a batch's `meta`, if any: offsets, marks.
  absl::StatusOr<std::optional<std::string>> Meta(absl::string_view key) const;

  // SQLite's quick_check on a connection of its own: long on a big file, and beside everything
  // else. DataLoss with its first finding; Cancelled after EndVerifyPages(). One at a time.
  absl::Status VerifyPages() const;

  // Ends a VerifyPages() on another thread, and every later one; waits until it has returned.
  void EndVerifyPages() const;

 private:
  class Reader;
  // What a stream is called in the table: its row in `streams`.
  using Numbers = absl::flat_hash_map<StreamId, int64_t>;

  RecordStore(std::string path, const RecordStoreOptions& options,
              std::unique_ptr<Database> writer);
  absl::Status LoadStreams();
  // The key of the first of the newest records that are within both bounds; past them all where
  // not even the last is.
  absl::StatusOr<int64_t> FirstKept(int64_t number, uint64_t max_records, uint64_t max_bytes) const;
  absl::StatusOr<int64_t> NumberOf(const StreamId& stream) const;
  absl::StatusOr<int64_t> AddNumber(const StreamId& stream, Numbers* added)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status Insert(const RecordBatch& batch, Numbers* added)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status PutMeta(const std::vector<RecordBatch::Meta>& meta)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  const std::string path_;
  const RecordStoreOptions options_;

  Mutex write_mutex_;
  const std::unique_ptr<Database> writer_ ABSL_PT_GUARDED_BY(write_mutex_);

  mutable Mutex streams_mutex_;
  Numbers numbers_ ABSL_GUARDED_BY(streams_mutex_);

  mutable Mutex verify_mutex_;
  mutable CondVar verified_;
  mutable Database* verifying_ ABSL_GUARDED_BY(verify_mutex_) = nullptr;
  mutable bool verify_ended_ ABSL_GUARDED_BY(verify_mutex_) = false;

  // Read-only connections that nobody uses, and how many there are in all.
  mutable Mutex readers_mutex_;
  mutable CondVar reader_freed_;
  mutable std::vector<std::unique_ptr<Database>> idle_readers_ ABSL_GUARDED_BY(readers_mutex_);
  mutable int open_readers_ ABSL_GUARDED_BY(readers_mutex_) = 0;
};

}  // namespace purser
