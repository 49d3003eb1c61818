#include "broker/frontdoor/list_series.h"

#include <algorithm>
#include <optional>

#include "broker/crypto/secrets.h"
#include "broker/scim/error.h"

namespace purser {

std::string OpenSeries::Add(std::shared_ptr<ListSeries> series) {
  const std::string id = RandomBytes(16);
  Closed closed;
  MutexLock lock(&mutex_);
  open_[id] = {std::move(series), options_.clock->SinceBoot(), ++turn_};
  MakeRoom(&closed);
  return id;
}

std::string OpenSeries::CursorFor(const std::string& id, ListOrder::Place place,
                                  absl::string_view binding) const {
  return seal_.Seal({id, place}, binding);
}

absl::StatusOr<OpenSeries::Place> OpenSeries::Find(absl::string_view cursor,
                                                   absl::string_view binding) {
  const std::optional<ListCursor> opened = seal_.Open(cursor, binding);
  if (!opened) {
    return scim::BadRequest(scim::ErrorType::kInvalidCursor,
                            "the cursor is not one that was given for this query");
  }
  MutexLock lock(&mutex_);
  const auto found = open_.find(opened->series);
  if (found == open_.end()) {
    return scim::BadRequest(scim::ErrorType::kExpiredCursor,
                            "the cursor has expired; begin again with an empty one");
  }
  found->second.used = options_.clock->SinceBoot();
  found->second.turn = ++turn_;
  return Place{opened->series, found->second.series, opened->place};
}

void OpenSeries::Ended(const std::string& id) {
  MutexLock lock(&mutex_);
  const auto found = open_.find(id);
  if (found != open_.end()) found->second.ended = true;
}

void OpenSeries::Expire(StreamPosition last) {
  Closed closed;
  MutexLock lock(&mutex_);
  if (open_.empty()) return;
  const absl::Duration now = options_.clock->SinceBoot();
  for (auto it = open_.begin(); it != open_.end();) {
    const Entry& entry = it->second;
    const absl::Duration patience = entry.ended ? options_.after_end : options_.idle;
    const bool behind = entry.series->head.position + options_.max_behind < last;
    const auto here = it++;
    if (!behind && now - entry.used <= patience) continue;
    closed.push_back(std::move(here->second.series));
    open_.erase(here);
  }
}

void OpenSeries::MakeRoom(Closed* closed) {
  size_t rows = 0;
  for (const auto& [id, entry] : open_) rows += entry.series->order.held();
  // The newest stays, whatever it holds.
  while (open_.size() > 1 && (open_.size() > options_.max_open || rows > options_.max_rows)) {
    const auto oldest = std::min_element(
        open_.begin(), open_.end(),
        [](const auto& a, const auto& b) { return a.second.turn < b.second.turn; });
    rows -= oldest->second.series->order.held();
    closed->push_back(std::move(oldest->second.series));
    open_.erase(oldest);
  }
}

size_t OpenSeries::open() const {
  MutexLock lock(&mutex_);
  return open_.size();
}

}  // namespace purser
