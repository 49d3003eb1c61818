// Walks a stream's records and names the first bad one: what engines check as they read, and what
// `purser log verify` reports.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "broker/eventlog/event_log.h"
#include "broker/events/record.h"
#include "broker/events/stream_id.h"

namespace purser {

// Checks that `records` follow `head` without a gap, each valid, and moves `head` onto the last
// whole one. `last`, unless null, holds the envelope of the last whole one.
//
// DataLoss, naming the stream and the position, for the first that is damaged, missing or does not
// chain; FailedPrecondition for one that needs a newer reader.
absl::Status CheckRun(const StreamId& stream, absl::Span<const StoredRecord> records, Head* head,
                      event::v1::Envelope* last = nullptr);

// The error for a stream that should have gone on to `expected` and ends at `head`.
absl::Status MissingTail(const StreamId& stream, const Head& head, StreamPosition expected);

// What is wrong with a stream, and what an operator does about it.
struct BadRecord {
  StreamPosition position = 0;
  std::string what;    // "stream app/0192f0c1-..., position 17: damaged record: it is cut short"
  std::string remedy;  // "stop purser and restore the log from a backup; ..."
};

struct StreamReport {
  StreamId stream;
  Head head;  // the last record that is whole, as are all before it
  std::optional<BadRecord> bad;
};

// Reads on in a stream, as EventLog::Read() does; it may check or not.
using ReadRun = std::function<absl::StatusOr<std::vector<StoredRecord>>(
    StreamPosition after, size_t max_records, size_t max_bytes)>;

// Told the position reached, now and then; false ends the walk with Cancelled.
using VerifyProgress = std::function<bool(const StreamId&, StreamPosition)>;

// Walks `stream` from its first record to its end, which is not before `end`. An error is one of
// reading, and says nothing about the records.
absl::StatusOr<StreamReport> VerifyStream(const StreamId& stream, StreamPosition end,
                                          const ReadRun& read,
                                          const VerifyProgress& progress = nullptr);

// Walks a chained stream of a live log, to its head as of the call.
absl::StatusOr<StreamReport> VerifyStream(const EventLog& log, const StreamId& stream,
                                          const VerifyProgress& progress = nullptr);

}  // namespace purser
