// A payload that is too large for one record, as the run of records that hold it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// Of the payload that one record holds at most: every engine takes that with much to spare.
inline constexpr size_t kMaxPieceBytes = 256u << 10;

// Cuts the payload of `event` where it is above kMaxPieceBytes: returns the chunks that go before
// it, in order, leaves the last piece in it, and moves the payload as it was to `whole`. Where the
// payload fits: no chunks, and nothing is changed. `event` has its id, from which the run has its
// own.
std::vector<event::v1::Envelope> CutPayload(event::v1::Envelope* event, std::string* whole);

// So that small events are runs too: pieces of `bytes` in this process. Not while a log is written.
void SetMaxPieceBytesForTest(size_t bytes);

// Whether `envelope` is the last record of a run, whose payload is in the chunks before it too.
bool EndsRun(const event::v1::Envelope& envelope);

// Gives `last`, which ends a run, the payload as it was before it was cut. `chunks`: the records
// before it. DataLoss where they are not those of its run.
absl::Status JoinPayload(const std::vector<event::v1::Envelope>& chunks, event::v1::Envelope* last);

}  // namespace purser
