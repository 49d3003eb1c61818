// One directory: its fold, its writer, and reads that never miss an acknowledged write.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/frontdoor/list_series.h"
#include "broker/projections/directory_projection.h"
#include "broker/projections/directory_reader.h"

namespace purser {

// The writer is driven by one thread; WhenCurrent(), readers() and series() are for any.
class DirectoryService {
 public:
  // `path` is the read model's file. The stream is open already; what is passed outlives it.
  static absl::StatusOr<std::unique_ptr<DirectoryService>> Open(const std::string& path,
                                                                const std::string& id,
                                                                EventLog* log, const Clock* clock,
                                                                StreamWriter::Post post,
                                                                std::function<void()> wake);

  const std::string& id() const { return id_; }
  const StreamId& stream() const { return stream_; }
  const EventLog& log() const { return *log_; }
  StreamWriter& writer() { return *writer_; }
  // For decisions, on the driving thread inside the writer's transaction.
  const DirectoryReader& state() const { return projection_->reader(); }
  DirectoryReaders& readers() { return readers_; }
  OpenSeries& series() { return series_; }

  // Calls `done` once the read model holds every write that was acknowledged anywhere before the
  // call: at once where it does already. DeadlineExceeded or Unavailable after at most `within`.
  // On the caller's thread, or on the one that drives the log.
  void WhenCurrent(absl::Duration within, std::function<void(absl::Status)> done);

  // How long ago the read model was last known to hold every acknowledged write; infinite where it
  // was not since the start. Any thread.
  absl::Duration SinceCurrent() const;

 private:
  DirectoryService(const std::string& path, const std::string& id, EventLog* log,
                   const Clock* clock);
  void NoteCurrent(absl::Duration asked);

  const std::string id_;
  const StreamId stream_;
  EventLog* const log_;
  const Clock* const clock_;
  std::unique_ptr<DirectoryProjection> projection_;
  std::unique_ptr<StreamWriter> writer_;
  DirectoryReaders readers_;
  OpenSeries series_;
  std::atomic<int64_t> current_at_;  // nanoseconds since boot
};

}  // namespace purser
