// A log that arbitrates between its writers: the port, over whatever carries the bytes.
//
// What it has read and found valid it keeps in a local table, from which all reads are served; a
// completion runs once that holds what it tells of. After a restart it goes on from there.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/mailbox.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/arbitrated/chained_stream.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/arbitrated/unchained_stream.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/folder_lock.h"
#include "broker/eventlog/record_store.h"

namespace purser {

struct ArbitratedEventLogOptions {
  ArbitrationTimes times;
  // False: who only looks. A stream without a topic is broken then.
  bool creates = true;
  // How many of the newest records of an unchained stream remain in the local table.
  uint64_t exchanges_kept = 100'000;
  uint64_t heartbeats_kept = 1'000;
  // And of these so many bytes.
  uint64_t unchained_bytes_kept = 64 << 20;
  // Bytes of unchained records that may wait to be sent; more are dropped.
  size_t max_queued_unchained_bytes = 16 << 20;
};

// See EventLog for what each call promises. Beyond it:
// - Append() is InvalidArgument for records that do not chain on `expected_head`,
//   ResourceExhausted with nothing written where the transport's queue is full, Unavailable while
//   an earlier append's doubt is not settled within 10 s.
// - Aborted also says that what was in doubt was not written.
// - Open() is Unavailable after 10 s without the log, PermissionDenied where that does not let this
//   node in, and goes on trying; it may be called again.
// - Health() of a broken stream names the record, or what became of the topic.
class ArbitratedEventLog : public EventLog {
 public:
  // `clock` and `ids` outlive the log; `lock`, of the folder the table lies in, may be null.
  ArbitratedEventLog(std::unique_ptr<RecordTransport> transport, std::unique_ptr<RecordStore> table,
                     std::unique_ptr<FolderLock> lock, const Clock& clock, IdSource& ids,
                     uint64_t seed, const ArbitratedEventLogOptions& options = {});
  ~ArbitratedEventLog() override;

  void Open(const StreamId& stream, HeadDone done) override;
  void Append(const StreamId& stream, const Head& expected_head, std::vector<Record> records,
              AppendDone done) override;
  void AppendUnchained(const StreamId& stream, std::string bytes) override;
  uint64_t unchained_dropped() const override { return *unchained_dropped_; }
  void CatchUp(const StreamId& stream, absl::Duration deadline, HeadDone done) override;
  absl::StatusOr<Head> KnownHead(const StreamId& stream) const override;
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t max_records,
                                                 size_t max_bytes) const override;
  absl::Status Health(const StreamId& stream) const override;
  void SetListener(std::function<void(const StreamId&)> listener) override;
  bool RunOnce(absl::Duration max_wait) override;
  void Wake() override;

  // SinceBoot of the next thing that is due by itself, but for what the transport brings. The
  // driving thread's.
  absl::Duration NextDue() const;

  // Every stream that this node keeps records of, opened or not.
  std::vector<StreamId> Streams() const { return table_->Streams(); }

  std::vector<StreamStanding> Standings() const override;

  // What a chained stream has met; all zero for a stream that was not opened. Any thread.
  StreamCounts Counts(const StreamId& stream) const;

 private:
  struct Published {
    Head head;
    absl::Status health;
    StreamTrouble trouble = StreamTrouble::kNone;
    StreamCounts counts;
    uint64_t read = 0;
    uint64_t to_read = 0;
  };

  void Post(std::function<void()> work);
  absl::StatusOr<StreamReader*> FindOrLoad(const StreamId& stream);
  StreamReader* Find(const StreamId& stream);
  void Tick();
  bool Flush();
  bool Save(std::vector<StreamReader*>* grown);
  void OnSaveFailed(const absl::Status& why);
  void Publish();
  void Trim(const StreamReader& stream);
  void WatchClock();

  const Clock& clock_;
  IdSource& ids_;
  const ArbitratedEventLogOptions options_;
  const std::unique_ptr<FolderLock> lock_;
  const std::unique_ptr<RecordStore> table_;
  std::function<void(const StreamId&)> listener_;
  Mailbox mailbox_;

  // Of the thread that drives. The transport is the first to go.
  std::mt19937_64 random_;
  std::vector<std::function<void()>> completions_;
  absl::Duration look_not_before_ = -absl::InfiniteDuration();
  std::map<StreamId, std::unique_ptr<StreamReader>> streams_;
  std::map<StreamId, StreamPosition> trimmed_at_;  // how far it had grown
  std::unique_ptr<RecordTransport> transport_;
  absl::Duration save_again_at_ = -absl::InfiniteDuration();
  bool save_failed_ = false;
  absl::Time boot_;  // what the wall clock says the machine's boot was

  mutable Mutex mutex_;
  absl::flat_hash_map<StreamId, Published> published_ ABSL_GUARDED_BY(mutex_);
  size_t queued_unchained_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of reports that may come when this is gone, too.
  const std::shared_ptr<std::atomic<uint64_t>> unchained_dropped_ =
      std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace purser
