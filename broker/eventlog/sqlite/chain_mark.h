// How far a chain was known to be whole: written at a clean stop and now and then, so that after an
// unclean one only what is behind it is walked, and a log that ends before it is found out.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/eventlog/record_store.h"
#include "broker/events/record.h"
#include "broker/events/stream_id.h"

namespace purser {

// The mark that says `stream` is whole up to `head`.
RecordBatch::Meta ChainMark(const StreamId& stream, const Head& head);

// The mark of `stream`, without its time; the empty head where it has none. DataLoss where it does
// not decode.
absl::StatusOr<Head> ReadMark(const RecordStore& store, const StreamId& stream);

// A stream as it was found: the head up to which it is whole, and what is wrong behind that.
struct LoadedChain {
  Head head;
  StreamPosition marked = 0;
  absl::Status health;
  bool moved = false;  // its last record says that it goes on elsewhere
};

// Finds the end of `stream` in `store` and walks what is behind its mark. An error is one of
// reading; damage is the chain's health.
absl::StatusOr<LoadedChain> LoadChain(const RecordStore& store, const StreamId& stream);

}  // namespace purser
