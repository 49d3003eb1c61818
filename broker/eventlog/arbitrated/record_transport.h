// What carries the bytes of a log with several writers: one ordered sequence a stream, to whose end
// anybody may append. It knows nothing of chains.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/events/stream_id.h"

namespace purser {

// Bytes with their place in the sequence. Places grow by one, and never leave eventlog/.
struct CarriedRecord {
  int64_t offset = 0;
  std::string bytes;
};

// What became of one record handed to Produce().
struct ProduceReport {
  // An error says nothing: the record may be written, or may yet be.
  absl::Status status;
  // Where it was written; -1 where that was not told.
  int64_t offset = -1;
};

// The offsets that can be read: from `low` up to, not including, `high`.
struct Watermarks {
  int64_t low = 0;
  int64_t high = 0;
};

using FetchSink = std::function<void(absl::StatusOr<std::vector<CarriedRecord>>)>;
using ReportSink = std::function<void(size_t index, const ProduceReport& report)>;
using PrepareDone = std::function<void(absl::Status)>;
using WatermarksDone = std::function<void(absl::StatusOr<Watermarks>)>;
using ReadAtDone = std::function<void(absl::StatusOr<CarriedRecord>)>;

// Driven: all calls are made by one thread, and all completions run inside its RunOnce(); Wake() is
// for any thread. None runs after the destructor has begun.
// Implementations: memory/MemoryTransport, kafka/KafkaTransport.
class RecordTransport {
 public:
  virtual ~RecordTransport() = default;

  // Makes sure that the stream's sequence is there, creating it where absent if `create`, and that
  // it keeps what it must. NotFound: absent. FailedPrecondition: its settings would lose records.
  // Unavailable: out of reach. PermissionDenied: it does not let us in.
  virtual void Prepare(const StreamId& stream, bool create, PrepareDone done) = 0;

  // Hands every record from `from` on to `sink`, in order, for as long as the transport lives or
  // until Fetch() is called again for the stream; nothing of the former fetch comes after that.
  // OutOfRange: there is nothing at that place, and the fetch has ended. Failures that may pass are
  // the transport's to retry.
  virtual void Fetch(const StreamId& stream, int64_t from, FetchSink sink) = 0;

  // Nothing more of the stream is handed on.
  virtual void EndFetch(const StreamId& stream) = 0;

  // Appends `records` in order; other writers' may come between. `sink` hears of each at most once,
  // in any order; a report may get lost. ResourceExhausted: the queue is full; InvalidArgument: one
  // is too large. In both cases none was taken, and `sink` hears nothing.
  virtual absl::Status Produce(const StreamId& stream, std::vector<std::string> records,
                               ReportSink sink) = 0;

  // Asks what can be read at the time of the call or later. The answer may be late, or never come.
  // NotFound: the sequence is gone.
  virtual void QueryWatermarks(const StreamId& stream, WatermarksDone done) = 0;

  // Reads the one record at `offset`, beside the fetch. OutOfRange: nothing is there. NotFound: the
  // sequence is gone. Always answers.
  virtual void ReadAt(const StreamId& stream, int64_t offset, ReadAtDone done) = 0;

  // Runs the completions that are due, waiting at most `max_wait` for the first; true if any ran.
  virtual bool RunOnce(absl::Duration max_wait) = 0;

  // Ends a wait in RunOnce(). Any thread.
  virtual void Wake() = 0;
};

}  // namespace purser
