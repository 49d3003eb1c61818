// Events as they were written, whether in one record or in a run of chunks.
#pragma once

#include "absl/status/statusor.h"
#include "broker/eventlog/event_log.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// The event that the valid record `envelope` at `position` holds, or ends: the chunks of a run are
// read from the log. A chunk, which says nothing by itself, is given back as it is.
//
// DataLoss where the record ends a run that is not before it; else as EventLog::Read().
absl::StatusOr<event::v1::Envelope> WholeEvent(const EventLog& log, const StreamId& stream,
                                               StreamPosition position,
                                               event::v1::Envelope envelope);

// The record at `position` of `stream`, whole. NotFound where there is none.
absl::StatusOr<event::v1::Envelope> ReadEvent(const EventLog& log, const StreamId& stream,
                                              StreamPosition position);

}  // namespace purser
