// Records of an unchained stream from the newest to the oldest, page by page.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/eventlog/event_log.h"

namespace purser {

// An entry of a record: where a page ended, the next one begins before it.
struct Place {
  StreamPosition position = 0;
  int index = 0;
};

// "1734/12". InvalidArgument for text that FormatPlace() did not make.
absl::StatusOr<Place> ParsePlace(absl::string_view token);
std::string FormatPlace(const Place& place);

// Where the pages begin: before `token`, or at the stream's end where it is empty. A stream that is
// not there has no entries: position 0.
absl::StatusOr<Place> BeginPages(const EventLog& log, const StreamId& stream,
                                 absl::string_view token);

// Calls `visit` for the records from `from` back to the first that is kept, until it returns false.
absl::Status VisitBackwards(
    const EventLog& log, const StreamId& stream, StreamPosition from,
    const std::function<bool(StreamPosition position, const std::string& bytes)>& visit);

}  // namespace purser
