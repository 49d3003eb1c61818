#include "broker/admin/backwards.h"

#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr StreamPosition kWindow = 64;

}  // namespace

absl::StatusOr<Place> ParsePlace(absl::string_view token) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(token, absl::MaxSplits('/', 1));
  Place place;
  if (!absl::SimpleAtoi(parts.first, &place.position) ||
      !absl::SimpleAtoi(parts.second, &place.index)) {
    return absl::InvalidArgumentError("the page token is not one of ours");
  }
  return place;
}

std::string FormatPlace(const Place& place) {
  return absl::StrCat(place.position, "/", place.index);
}

absl::StatusOr<Place> BeginPages(const EventLog& log, const StreamId& stream,
                                 absl::string_view token) {
  const absl::StatusOr<Head> head = log.KnownHead(stream);
  if (absl::IsNotFound(head.status())) return Place();
  RETURN_IF_ERROR(head.status());
  if (!token.empty()) return ParsePlace(token);
  return Place{head->position, std::numeric_limits<int>::max()};
}

absl::Status VisitBackwards(
    const EventLog& log, const StreamId& stream, StreamPosition from,
    const std::function<bool(StreamPosition position, const std::string& bytes)>& visit) {
  StreamPosition end = from;
  while (end > 0) {
    const StreamPosition after = end > kWindow ? end - kWindow : 0;
    ASSIGN_OR_RETURN(const auto records,
                     log.Read(stream, after, end - after, std::numeric_limits<size_t>::max()));
    bool any = false;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      if (record->position > end) continue;
      any = true;
      if (!visit(record->position, record->bytes)) return absl::OkStatus();
    }
    if (!any) return absl::OkStatus();  // the rest is gone
    end = after;
  }
  return absl::OkStatus();
}

}  // namespace purser
