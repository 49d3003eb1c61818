// Lists that are read page by page, all pages of one position of the log (RFC 9865).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/event_log.h"
#include "broker/frontdoor/list_cursor.h"
#include "broker/frontdoor/list_order.h"
#include "broker/projections/directory_reader.h"
#include "broker/scim/request.h"

namespace purser {

// One such list. Its snapshot of the read model keeps the file's write-ahead log from being begun
// anew, and is let go with the series.
struct ListSeries {
  ListSeries(DirectoryReaders::Lease snapshot, ListOrder its_order, uint64_t page_size)
      : lease(std::move(snapshot)), order(std::move(its_order)), count(page_size) {}

  DirectoryReaders::Lease lease;  // one thread at a time, which holds `reading`
  const ListOrder order;
  const uint64_t count;
  Head head;                  // up to which record its snapshot goes
  absl::Duration current_at;  // since boot: when that was known to be the log's end
  Mutex reading;
};

// The series that are open on one directory, on this node. Thread-safe. What it was made with
// outlives it, and so do the readers that its series' leases come from.
class OpenSeries {
 public:
  struct Options {
    const Clock* clock = nullptr;
    // How long a series waits to be asked for its next page; once all were sent, for its last one
    // again.
    absl::Duration idle = scim::kCursorTimeout;
    absl::Duration after_end = absl::Seconds(30);
    // The one that waited longest makes room. A snapshot may cost 4 MiB of cache, a row 8 bytes.
    size_t max_open = 16;
    size_t max_rows = 8'000'000;
    // How far the log may move on: each record leaves 14 to 30 KiB in a write-ahead log that cannot
    // be begun anew (PATCHes, eight at once and one by one), so 600 MB at most.
    StreamPosition max_behind = 20'000;
  };

  struct Place {
    std::string id;
    std::shared_ptr<ListSeries> series;
    ListOrder::Place place = 0;
  };

  explicit OpenSeries(const Options& options) : options_(options) {}

  // Takes a series in, and gives its id.
  std::string Add(std::shared_ptr<ListSeries> series);
  // What a client asks for the part of a series behind `place`; `binding` as in CursorSeal.
  std::string CursorFor(const std::string& id, ListOrder::Place place,
                        absl::string_view binding) const;
  // 400 invalidCursor: not one of ours with that binding; expiredCursor: its series is closed.
  absl::StatusOr<Place> Find(absl::string_view cursor, absl::string_view binding);
  // All its pages were sent.
  void Ended(const std::string& id);
  // Closes what has waited too long, or stands too far behind the log's record `last`.
  void Expire(StreamPosition last);

  size_t open() const;

 private:
  struct Entry {
    std::shared_ptr<ListSeries> series;
    absl::Duration used = {};  // since boot
    uint64_t turn = 0;         // the higher, the later it was asked for
    bool ended = false;
  };
  using Closed = std::vector<std::shared_ptr<ListSeries>>;

  // Moves what must make room into `closed`, to be let go without the lock.
  void MakeRoom(Closed* closed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const CursorSeal seal_;
  mutable Mutex mutex_;
  uint64_t turn_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, Entry> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
