// One node's handle on a cluster in memory, with faults drawn from a seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/memory/memory_cluster.h"

namespace purser {

// How often, of all batches, what goes wrong; and how long what takes. All zero: nothing does.
struct MemoryFaults {
  double report_lost = 0;      // written, and nobody is told
  double error_written = 0;    // an error is told, though it is written
  double error_later = 0;      // an error is told, and it is written up to `longest_late` later
  double error_dropped = 0;    // an error is told, and it is never written
  double no_offset = 0;        // written, and told without its place
  double split = 0;            // written in two pieces, between which others may come
  double query_lost = 0;       // watermarks are never answered
  bool fetch_hangs = false;    // a fetch that begins brings nothing, ever
  size_t max_batch_bytes = 0;  // of what is sent together; more is refused. 0: no such limit
  absl::Status settings;       // what is wrong with a topic's
  absl::Duration longest_delivery;
  absl::Duration longest_report;
  absl::Duration longest_fetch;
  absl::Duration longest_late;
  absl::Duration message_timeout = absl::Seconds(30);
};

// A record is written at most once, and the pieces of a node that are not late in order: what an
// idempotent producer promises. What a node sent arrives though the node be gone.
class MemoryTransport : public RecordTransport {
 public:
  // `cluster` and `clock` outlive it.
  MemoryTransport(MemoryCluster* cluster, const Clock& clock, uint64_t seed);

  // Any thread.
  void SetFaults(const MemoryFaults& faults);
  // Cut off: what is sent times out, nothing is read, nothing is answered.
  void SetReachable(bool reachable);

  void Prepare(const StreamId& stream, bool create, PrepareDone done) override;
  void Fetch(const StreamId& stream, int64_t from, FetchSink sink) override;
  void EndFetch(const StreamId& stream) override;
  absl::Status Produce(const StreamId& stream, std::vector<std::string> records,
                       ReportSink sink) override;
  void QueryWatermarks(const StreamId& stream, WatermarksDone done) override;
  void ReadAt(const StreamId& stream, int64_t offset, ReadAtDone done) override;
  bool RunOnce(absl::Duration max_wait) override;
  void Wake() override { inbox_->Wake(); }

  // When something is due here or on its way to the cluster.
  absl::Duration next_due() const;

 private:
  struct Fetching {
    int64_t next = 0;
    FetchSink sink;
    uint64_t number = 0;
    bool hangs = false;
  };
  struct Piece {
    StreamId stream;
    std::vector<std::string> records;
    size_t first_index = 0;
    bool tell_offset = true;
    bool tell_error = false;
    bool tell = true;
  };

  void SendPiece(Piece piece, absl::Duration at, const ReportSink& sink);
  void Report(const ReportSink& sink, size_t first, size_t count, const ProduceReport& report,
              absl::Duration at);
  void PostDelivery(const StreamId& stream);
  void Deliver(const StreamId& stream, uint64_t number);
  bool Chance(double share);
  absl::Duration UpTo(absl::Duration longest);
  absl::Duration Now() const { return clock_.SinceBoot(); }

  MemoryCluster* const cluster_;
  const Clock& clock_;
  // Shared with what is on its way, which may outlive this node.
  const std::shared_ptr<TimedQueue> inbox_ = std::make_shared<TimedQueue>();
  std::map<StreamId, Fetching> fetching_;
  uint64_t next_fetch_ = 1;
  absl::Duration last_delivery_ = -absl::InfiniteDuration();

  mutable Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  MemoryFaults faults_ ABSL_GUARDED_BY(mutex_);
  bool reachable_ ABSL_GUARDED_BY(mutex_) = true;
  std::shared_ptr<MemoryCluster::AppendedFn> watch_;
};

}  // namespace purser
