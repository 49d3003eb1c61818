// A stream's records batch after batch, for who is far behind its end.
#pragma once

#include <future>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/eventlog/event_log.h"

namespace purser {

// While its caller works on one batch the next one is read and checked on a thread of its own,
// where the log holds a whole one more: those records are valid, so they are what a read at that
// time would give. One thread.
class ReadAhead {
 public:
  // `log` outlives it.
  ReadAhead(const EventLog* log, StreamId stream) : log_(log), stream_(std::move(stream)) {}

  // What EventLog::Read() of the stream gives after `after`: at most 1,000 records, about 8 MiB.
  absl::StatusOr<std::vector<StoredRecord>> Read(StreamPosition after);

 private:
  using Batch = absl::StatusOr<std::vector<StoredRecord>>;

  void StartNext(StreamPosition after);

  const EventLog* const log_;
  const StreamId stream_;
  StreamPosition next_after_ = 0;
  std::future<Batch> next_;  // Its end waits for the read.
};

}  // namespace purser
