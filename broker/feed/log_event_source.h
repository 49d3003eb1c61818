// A directory's records, as far as its read model has come.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "broker/eventlog/event_log.h"
#include "broker/feed/feed_reader.h"
#include "broker/projections/directory_reader.h"

namespace purser::feed {

// One thread.
class LogEventSource : public EventSource {
 public:
  // `log` and `readers` outlive it; `folded` says up to where the read model has come.
  LogEventSource(const EventLog* log, const std::string& directory_id, DirectoryReaders* readers,
                 std::function<StreamPosition()> folded)
      : log_(log),
        stream_(StreamId::Directory(directory_id)),
        readers_(readers),
        folded_(std::move(folded)) {}

  StreamPosition End() const override { return folded_(); }
  absl::StatusOr<std::vector<PlacedEnvelope>> Read(StreamPosition after, size_t max) const override;
  absl::StatusOr<bool> WasActive(absl::string_view id, StreamPosition position) const override;

 private:
  const EventLog* const log_;
  const StreamId stream_;
  DirectoryReaders* const readers_;
  const std::function<StreamPosition()> folded_;
};

}  // namespace purser::feed
