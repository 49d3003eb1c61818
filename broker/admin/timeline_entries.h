// Records -> the lines of a timeline: what each says about one resource.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/events/record.h"
#include "purser/admin/v1/admin.pb.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// Whose line it is, and how much of it the caller may see.
struct TimelineScope {
  std::string resource_id;
  bool show_values = false;  // else attributes by name alone
};

// Adds what a directory's record says about the resource: it may be named by the record, be a
// member in it, or be touched by what follows from it. DataLoss where the payload does not decode.
absl::Status AddDirectoryEntry(const event::v1::Envelope& envelope, StreamPosition position,
                               const TimelineScope& scope,
                               std::vector<admin::v1::TimelineEntry>* entries);

// Adds what a record of an app's stream says about the resource: calls started, what came of them,
// and commands that name it.
absl::Status AddAppEntries(const event::v1::Envelope& envelope, StreamPosition position,
                           const std::string& app, const TimelineScope& scope,
                           std::vector<admin::v1::TimelineEntry>* entries);

}  // namespace purser
