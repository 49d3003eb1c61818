// Why a stream takes no append, in the words of metrics, log lines and reports.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/events/stream_id.h"

namespace purser {

enum class StreamTrouble {
  kNone,
  kDamaged,           // a record is not what was written
  kNewer,             // a record that this version cannot read
  kMoved,             // to another log
  kDeleted,           // its topic is gone
  kReplaced,          // another record stands where one was read
  kShortened,         // it ends before what was read of it
  kBeginningDeleted,  // it no longer begins with its first record
  kSettings,          // its topic would lose records, or has not one partition
  kLocalCopy,         // this node's own table cannot be written
};

// "replaced"; "" of none.
absl::string_view TroubleName(StreamTrouble trouble);
// What an operator does about it: one sentence. "" of none.
absl::string_view RemedyOf(StreamTrouble trouble);

// How a stream stands at one node.
struct StreamStanding {
  StreamId stream;
  absl::Status health;
  StreamTrouble trouble = StreamTrouble::kNone;
  uint64_t foreign = 0;    // records without our magic, that were skipped
  uint64_t too_large = 0;  // appends that the log would not take for their size
  // Of what the log held when the stream was opened, how much was fetched; 0 of 0 on a log that is
  // here anyway.
  uint64_t read = 0;
  uint64_t to_read = 0;
};

}  // namespace purser
