// The unchained streams of the embedded log, in a file of their own: written without waiting for
// the disk, bounded in number, and lost without harm.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/record_store.h"
#include "broker/events/stream_id.h"

namespace purser {

// Thread-safe, but for Flush(): one thread at a time.
class UnchainedLog {
 public:
  struct Bounds {
    // Of each stream the newest records remain: so many, and so many bytes of them.
    uint64_t kept = 0;
    uint64_t bytes_kept = 0;
    size_t max_queued_bytes = 0;
  };

  // A file that is damaged is put aside ("exchanges.db.damaged") and a new one begun.
  static absl::StatusOr<std::unique_ptr<UnchainedLog>> Open(const std::string& path,
                                                            const Bounds& bounds);

  absl::Status AddStream(const StreamId& stream);

  // Queues `bytes` for the next Flush(); false, and counted, where the queue is full.
  bool Append(const StreamId& stream, std::string bytes);

  // True where Flush() has something to write.
  bool HasQueued() const;

  // Writes what is queued and returns the streams that grew. What cannot be written is dropped.
  std::vector<StreamId> Flush();

  // The place of the last record; 0 where there is none. NotFound as RecordStore::Read().
  absl::StatusOr<StreamPosition> End(const StreamId& stream) const;

  // As RecordStore::Read(): positions count on, so the first one kept may be far from 1.
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t max_records, size_t max_bytes) const {
    return store_->Read(stream, after, max_records, max_bytes);
  }

  // How many records were dropped since the start.
  uint64_t dropped() const;

 private:
  UnchainedLog(std::unique_ptr<RecordStore> store, const Bounds& bounds)
      : store_(std::move(store)), bounds_(bounds) {}
  absl::StatusOr<StreamPosition> NextPosition(const StreamId& stream);
  void Count(const absl::Status& written, size_t records);
  absl::Status Write(const std::vector<std::pair<StreamId, std::string>>& queued,
                     std::vector<StreamId>* grown);
  void Trim(const StreamId& stream);

  const std::unique_ptr<RecordStore> store_;
  const Bounds bounds_;

  // Of the thread that flushes.
  absl::flat_hash_map<StreamId, StreamPosition> ends_;

  mutable Mutex mutex_;
  std::vector<std::pair<StreamId, std::string>> queued_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t dropped_in_a_row_ ABSL_GUARDED_BY(mutex_) = 0;  // since the disk took one
};

}  // namespace purser
