// What the admin API's answers are made from, and how it writes; put together by the program.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/auth/role.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/cluster/live_nodes.h"
#include "broker/config/configuration.h"
#include "broker/eventlog/event_log.h"
#include "broker/events/record.h"
#include "broker/events/stream_id.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/control_state.h"
#include "broker/projections/directory_reader.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

class DirectoryService;

// Who asks: a viewer sees no attribute values. `actor` stands in the records of what they ask for.
struct Caller {
  std::string actor;
  auth::Role role = auth::Role::kViewer;
};

// Decides, on the thread that folds the stream, which records follow; none is an answer too. Runs
// again after each lost race.
using DecideRecords = std::function<absl::StatusOr<std::vector<event::v1::Envelope>>()>;

// The stream's position once the records are valid and folded, or why they are not.
using SubmitDone = std::function<void(absl::StatusOr<StreamPosition>)>;

// Appends what `decide` says to a stream, and calls `done` once, on any thread. `deadline` is on
// Clock::SinceBoot().
using Submit = std::function<void(const StreamId& stream, DecideRecords decide,
                                  absl::Duration deadline, SubmitDone done)>;

// What an app's owner alone knows of its lanes.
struct PendingLanes {
  uint64_t count = 0;
  absl::Time oldest = absl::InfinitePast();  // InfinitePast where none is pending
  // Of the directory: up to here all is settled or stands in a record, told on the stream or not
  // yet. 0: not known.
  StreamPosition settled = 0;
};

// All that is pointed to outlives every call; the functions are called from any thread.
struct AdminContext {
  const EventLog* log = nullptr;
  const ControlProjection* control = nullptr;
  const Clock* clock = nullptr;
  IdSource* ids = nullptr;

  // By minted id; nullptr while the projection is not there yet.
  std::function<DirectoryReaders*(absl::string_view directory_id)> directories;
  std::function<AppReaders*(absl::string_view app_id)> apps;

  Submit submit;
  // Who `token` belongs to; Unauthenticated for an unknown or expired one.
  std::function<absl::StatusOr<Caller>(absl::string_view token)> authenticate;
  // The catalogue's.
  config::TemplateSource templates;

  // Where this node owns the app, its lanes that wait to be sent. May be unset.
  std::function<std::optional<PendingLanes>(absl::string_view app_id)> pending;
  // Waits until what is folded here has reached the stream's end as of now. May be unset, where
  // this process is the only writer.
  std::function<absl::Status(const StreamId&)> catch_up;
  // The nodes that could deliver now, this one first. Unset: this one alone.
  std::function<absl::StatusOr<std::vector<NodeInfo>>()> nodes;
  // Calls `done` while the fold of a directory's or an app's stream is at `position` exactly: see
  // StreamWriter::WhenAt().
  std::function<void(const StreamId&, StreamPosition position, absl::Duration deadline,
                     std::function<void(absl::Status)> done)>
      when_at;
  // How much of the work of a start is done, from 0 to 1. May be unset.
  std::function<double()> built;
  // A directory to write to, by minted id; nullptr while it is not there yet.
  std::function<DirectoryService*(absl::string_view directory_id)> services;
};

}  // namespace purser
