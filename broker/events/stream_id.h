// The name of a stream: what it is of, and the minted id of that.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser {

enum class StreamKind {
  kControl,    // configuration; one
  kDirectory,  // the events of a directory
  kApp,        // the deliveries of an app
  kExchanges,  // redacted exchanges with an app; unchained
  kRequests,   // redacted requests that a directory refused; unchained
  kFeeds,      // how far each receiver of a directory's security events has come
  kHeartbeats  // unchained; one
};

// Value type, ordered and hashable; "control", "directory/0192f0c1-...", "app/...".
class StreamId {
 public:
  StreamId() = default;
  static StreamId Control() { return {StreamKind::kControl, ""}; }
  static StreamId Directory(absl::string_view id) { return {StreamKind::kDirectory, id}; }
  static StreamId App(absl::string_view id) { return {StreamKind::kApp, id}; }
  static StreamId Exchanges(absl::string_view app_id) { return {StreamKind::kExchanges, app_id}; }
  static StreamId Requests(absl::string_view directory_id) {
    return {StreamKind::kRequests, directory_id};
  }
  static StreamId Feeds(absl::string_view directory_id) {
    return {StreamKind::kFeeds, directory_id};
  }
  static StreamId Heartbeats() { return {StreamKind::kHeartbeats, ""}; }

  // Of its text; ids are of letters, digits, '-', '_' and '.'. InvalidArgument where it is none.
  static absl::StatusOr<StreamId> Parse(absl::string_view text);

  StreamKind kind() const { return kind_; }
  const std::string& id() const { return id_; }
  bool chained() const {
    return kind_ == StreamKind::kControl || kind_ == StreamKind::kDirectory ||
           kind_ == StreamKind::kApp || kind_ == StreamKind::kFeeds;
  }
  std::string ToString() const;

  bool operator==(const StreamId& other) const = default;
  auto operator<=>(const StreamId& other) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const StreamId& s) {
    return H::combine(std::move(h), s.kind_, s.id_);
  }

 private:
  StreamId(StreamKind kind, absl::string_view id) : kind_(kind), id_(id) {}

  StreamKind kind_ = StreamKind::kControl;
  std::string id_;
};

}  // namespace purser
