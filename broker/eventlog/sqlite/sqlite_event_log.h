// The embedded log: one machine, one process, one SQLite file in the data folder.
//
// A commit is on the disk before its appends are answered; all streams' waiting appends share one.
// There is one writer, so nothing is ever inert here: a record that does not chain, or is missing,
// is damage. The streams without a chain live in a file of their own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/folder_lock.h"
#include "broker/eventlog/record_store.h"
#include "broker/eventlog/sqlite/unchained_log.h"

namespace purser {

struct SqliteEventLogOptions {
  // The data folder, created where absent. Holds log.db, exchanges.db and lock.
  std::string folder;
  int cache_kib = 8192;
  // How many threads may read at the same time.
  int readers = 4;
  // log.db grows no further: appends are refused as on a full disk. 0: as far as the disk goes.
  int64_t max_log_bytes = 0;
  int checkpoint_pages = DatabaseOptions().checkpoint_pages;
  // Appends are refused as on a full disk while the folder's file system has less room: so that the
  // read models beside the log can keep what stands on it, and reads go on.
  uint64_t reserve_bytes = 0;
  // Of each unchained stream, the newest so many remain, and so many bytes of them.
  uint64_t exchanges_kept = 100'000;
  uint64_t exchange_bytes_kept = 64 << 20;
  size_t max_queued_exchange_bytes = 16 << 20;
  // Every so many records of a chain, how far it is whole is noted (see stopped_cleanly()).
  StreamPosition mark_every = 100'000;
  // Called once, on the thread that finds it, when the log can no longer be trusted to write: an
  // I/O error, or damaged pages. The process is to exit.
  std::function<void(const absl::Status&)> on_fatal;
};

// See EventLog for what each call promises. Beyond it:
// - Append() is Aborted with nothing valid where `expected_head` lies before the head, DataLoss
// where
//   it lies ahead or is another record there (the log was truncated or restored under the caller),
//   ResourceExhausted with nothing written where the disk is full, InvalidArgument for records that
//   do not chain on `expected_head`. All of an append stands, or none.
// - After an I/O error the appends of that commit are Unavailable (a restart tells), every later
//   one fails with the error, and Health() of every stream is that error.
// - Open() of a damaged stream fails with DataLoss; what is whole can be read all the same.
// - Read() checks each record it returns; damage ends the stream there, for good. It is OutOfRange
//   where `after` is beyond the end.
class SqliteEventLog : public EventLog {
 public:
  // Opens the log of a folder and walks each chain behind its last mark. FailedPrecondition where
  // another process holds the folder, or the folder is of a newer format; a damaged stream is no
  // error here but its Health(). DataLoss where log.db as a whole cannot be read.
  static absl::StatusOr<std::unique_ptr<SqliteEventLog>> Create(
      const SqliteEventLogOptions& options);

  // Marks how far each chain is whole: the clean stop. Nothing else may be running.
  ~SqliteEventLog() override;

  void Open(const StreamId& stream, HeadDone done) override;
  void Append(const StreamId& stream, const Head& expected_head, std::vector<Record> records,
              AppendDone done) override;
  void AppendUnchained(const StreamId& stream, std::string bytes) override;
  uint64_t unchained_dropped() const override { return unchained_->dropped(); }
  void CatchUp(const StreamId& stream, absl::Duration deadline, HeadDone done) override;
  absl::StatusOr<Head> KnownHead(const StreamId& stream) const override;
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t max_records,
                                                 size_t max_bytes) const override;
  absl::Status Health(const StreamId& stream) const override;
  std::vector<StreamStanding> Standings() const override;
  void SetListener(std::function<void(const StreamId&)> listener) override;
  bool RunOnce(absl::Duration max_wait) override;
  void Wake() override;

  // False where the process before this one did not end by its destructor, or before VerifyPages()
  // was done: it is due.
  bool stopped_cleanly() const { return stopped_cleanly_; }

  // SQLite's check of every page, from any thread and beside everything else; long on a big log.
  // DataLoss stops all writing. Cancelled after EndVerifyPages().
  absl::Status VerifyPages();

  // Ends a VerifyPages() on another thread, and waits for that; it is still due at the next start.
  void EndVerifyPages();

  // Every stream the log holds, opened or not.
  std::vector<StreamId> Streams() const;

 private:
  struct Stream {
    Head head;
    absl::Status health;
    StreamPosition marked = 0;
    bool opened = false;
    bool appending = false;  // from Append() until its `done`
  };
  struct PendingAppend {
    StreamId stream;
    Head expected_head;
    std::vector<Record> records;
    AppendDone done;
    AppendResult result;
    bool under_way = false;  // the one that its stream counts as such
    // Set once admitted to the group.
    Head new_head;
    bool moves = false;
  };
  struct PendingOpen {
    StreamId stream;
    HeadDone done;
  };
  struct Work {
    std::vector<PendingOpen> opens;
    std::vector<PendingAppend> appends;
  };

  SqliteEventLog(const SqliteEventLogOptions& options, std::unique_ptr<FolderLock> lock,
                 std::unique_ptr<RecordStore> store, std::unique_ptr<UnchainedLog> unchained);
  absl::Status Load();
  Work TakeWork(absl::Duration max_wait);
  absl::StatusOr<Head> OpenStream(const StreamId& stream);
  void CommitGroup(std::vector<PendingAppend>* group);
  absl::Status CheckRoom() const;
  void Admit(PendingAppend* append, RecordBatch* batch);
  void Settle(const absl::Status& written, std::vector<PendingAppend>* group);
  void Answer(std::vector<PendingAppend>* group);
  void FlushUnchained();
  void NoteFull(const absl::Status& written);
  void SetFatal(const absl::Status& why);
  void SetDamaged(const StreamId& stream, const absl::Status& why) const;
  absl::StatusOr<Stream> Find(const StreamId& stream) const;
  absl::StatusOr<Head> HeadBefore(const StreamId& stream, StreamPosition position) const;

  const SqliteEventLogOptions options_;
  const std::unique_ptr<FolderLock> lock_;
  const std::unique_ptr<RecordStore> store_;
  const std::unique_ptr<UnchainedLog> unchained_;
  bool stopped_cleanly_ = true;
  std::atomic<bool> pages_due_ = false;
  bool full_ = false;  // as the last write of records found; of the thread that drives
  std::function<void(const StreamId&)> listener_;

  mutable Mutex mutex_;
  CondVar work_arrived_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  Work work_ ABSL_GUARDED_BY(mutex_);
  mutable absl::flat_hash_map<StreamId, Stream> streams_ ABSL_GUARDED_BY(mutex_);
  absl::Status fatal_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
