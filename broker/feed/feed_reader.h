// One receiver's way through a directory's stream: what it has, and what comes next.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/events/record.h"
#include "broker/feed/feed_settings.h"
#include "broker/feed/security_event.h"

namespace purser::feed {

// A record of the directory with its place.
struct PlacedEnvelope {
  StreamPosition position = 0;
  event::v1::Envelope envelope;
};

// Where the events come from. Driven: the calls read what is here, and do not wait.
class EventSource {
 public:
  virtual ~EventSource() = default;

  // The last position that may be read.
  virtual StreamPosition End() const = 0;
  // Records of the directory after `after`, in order, some at a time, up to End().
  virtual absl::StatusOr<std::vector<PlacedEnvelope>> Read(StreamPosition after,
                                                           size_t max) const = 0;
  // See WasActive.
  virtual absl::StatusOr<bool> WasActive(absl::string_view id, StreamPosition position) const = 0;
};

// Holds no event: it reads them again until they are acknowledged. One thread.
class FeedReader {
 public:
  // `source` outlives it.
  FeedReader(FeedSettings settings, const EventSource* source, StreamPosition place)
      : settings_(std::move(settings)), source_(source), place_(place) {}

  const FeedSettings& settings() const { return settings_; }
  void set_settings(FeedSettings settings) { settings_ = std::move(settings); }

  // The receiver has all that is up to here, or wants none of it.
  StreamPosition place() const { return place_; }
  // Begins again behind `place`.
  void MoveTo(StreamPosition place);
  // Another node knows that the receiver has come so far.
  void Advance(StreamPosition place);

  struct Batch {
    std::vector<SecurityEvent> events;
    bool more = false;  // there may be more behind them
  };
  // What it has not acknowledged, in order, at most `max` and about 1 MiB. Moves the place over
  // what it does not want. An error where the log, or a record of it, cannot be read.
  absl::StatusOr<Batch> Next(size_t max);

  // The receiver has that event; false where that is none of the feed's, or nothing new.
  absl::StatusOr<bool> Acknowledge(absl::string_view jti);

 private:
  // Takes one record; false where the batch is full.
  absl::StatusOr<bool> Take(const PlacedEnvelope& record, size_t max, size_t* bytes, Batch* batch);
  void Settle(StreamPosition position, const Batch& batch);

  FeedSettings settings_;
  const EventSource* const source_;
  StreamPosition place_;
  std::set<StreamPosition> beyond_;  // acknowledged, with something before that is not
};

}  // namespace purser::feed
