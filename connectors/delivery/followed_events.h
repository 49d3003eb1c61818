// A directory's events as the apps that are fed from it need them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "broker/eventlog/event_log.h"
#include "broker/projections/directory_reader.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser::delivery {

struct FollowedEvent {
  StreamPosition position = 0;
  std::string resource_id;
  event::v1::ResourceType type = event::v1::RESOURCE_TYPE_UNSPECIFIED;
  bool deleted = false;
  bool urgent = false;   // it takes access away
  bool renamed = false;  // it may have given a group another name
  // Of a group: whom it brought in or put out, or that it put out everyone it does not name.
  std::vector<std::string> members;
  bool members_cleared = false;
  std::string trace_parent;        // of the request; one that came without begins a trace itself
  std::vector<MemberRow> touched;  // what it names and what follows from it
};

// Of the event that `envelope` is, whole.
std::string TraceParentIn(const event::v1::Envelope& envelope);

// Reads each event once for all who ask within some hundred events of each other. One thread.
class FollowedEvents {
 public:
  // `log` outlives it.
  FollowedEvents(const EventLog* log, const std::string& directory_id);

  // The next events after `after`, in order, none behind what `directory` has folded, up to `head`.
  // At least one where there is one. They stay until the next call.
  absl::StatusOr<absl::Span<const FollowedEvent>> After(StreamPosition after,
                                                        const DirectoryReader& directory,
                                                        StreamPosition head);

 private:
  absl::Status ReadAfter(StreamPosition after, const DirectoryReader& directory,
                         StreamPosition head);
  absl::StatusOr<FollowedEvent> Read(const StoredRecord& record,
                                     const DirectoryReader& directory) const;

  const EventLog* const log_;
  const StreamId stream_;
  std::vector<FollowedEvent> events_;  // consecutive
};

}  // namespace purser::delivery
