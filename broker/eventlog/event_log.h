// The durable, ordered record of every accepted change: one chain a stream.
//
// Driven: nothing here starts work by itself; completions run inside RunOnce(), on the thread that
// calls it. Append(), CatchUp(), Open() and the reads may be called from any thread.
// Implementations: eventlog/sqlite, eventlog/kafka, eventlog/memory; all pass one suite.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/eventlog/stream_trouble.h"
#include "broker/events/record.h"
#include "broker/events/stream_id.h"

namespace purser {

// What became of an Append().
struct AppendResult {
  // OK: all are valid and durable.
  // Aborted: another writer came first; fold to the new head and decide again.
  // Unavailable: the log is out of reach, the rest may yet become valid or not; the log settles
  // that
  //   with a barrier before it takes another append on the stream. Nobody may be told "done".
  // ResourceExhausted: the disk is full; nothing was written, later appends may succeed.
  // InvalidArgument: the log takes no record that large; what is behind `valid` was not written.
  // DataLoss, FailedPrecondition: the stream is broken or moved; it takes no append any more.
  absl::Status status;
  // How many of the records are valid: a prefix may stand whatever the status.
  size_t valid = 0;
};

using AppendDone = std::function<void(const AppendResult&)>;
using HeadDone = std::function<void(absl::StatusOr<Head>)>;

class EventLog {
 public:
  virtual ~EventLog() = default;

  // Creates `stream` where absent and makes it readable to its end. `done` gets the head.
  virtual void Open(const StreamId& stream, HeadDone done) = 0;

  // Appends `records`, chained in order on `expected_head`, and calls `done` once. One append a
  // stream may be under way; a second one before `done` is FailedPrecondition.
  virtual void Append(const StreamId& stream, const Head& expected_head,
                      std::vector<Record> records, AppendDone done) = 0;

  // Appends to an unchained stream, best effort: dropped (and counted) where the log is out of
  // reach or its queue is full. Never waits.
  virtual void AppendUnchained(const StreamId& stream, std::string bytes) = 0;

  // How many such records were dropped since the start. Any thread.
  virtual uint64_t unchained_dropped() const = 0;

  // Makes sure that all records valid at the time of the call can be read here, then hands the head
  // to `done`; DeadlineExceeded after `deadline`, Unavailable while the log is out of reach.
  // On an engine with one writer `done` runs before CatchUp() returns.
  virtual void CatchUp(const StreamId& stream, absl::Duration deadline, HeadDone done) = 0;

  // The head as far as it is known here. NotFound for a stream that was not opened.
  virtual absl::StatusOr<Head> KnownHead(const StreamId& stream) const = 0;

  // Valid records after `after`, in order, at most `max_records` and about `max_bytes` (at least
  // one, if there is one). Reads what is here; does not wait. On an unchained stream, positions are
  // ordinals of what is kept.
  virtual absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream,
                                                         StreamPosition after, size_t max_records,
                                                         size_t max_bytes) const = 0;

  // OK, or why the stream takes no append any more (damage, truncated, moved).
  virtual absl::Status Health(const StreamId& stream) const = 0;

  // How each chained stream that was opened stands. Any thread.
  virtual std::vector<StreamStanding> Standings() const { return {}; }

  // Called from RunOnce() with each stream that has new valid records to read. Set once, before
  // the first RunOnce().
  virtual void SetListener(std::function<void(const StreamId&)> listener) = 0;

  // Does the work that is waiting (one group commit of all streams' appends), runs completions, and
  // waits at most `max_wait` for work where there is none; true if anything was done.
  virtual bool RunOnce(absl::Duration max_wait) = 0;

  // Ends a wait in RunOnce(). Any thread.
  virtual void Wake() = 0;
};

// True where the stream is read no further: damaged, or not what it was.
inline bool IsBroken(const EventLog& log, const StreamId& stream) {
  const absl::Status health = log.Health(stream);
  return absl::IsDataLoss(health) || absl::IsFailedPrecondition(health);
}

}  // namespace purser
