#include "connectors/delivery/followed_events.h"

#include <utility>

#include "broker/base/ids.h"
#include "broker/base/status.h"
#include "broker/base/trace_context.h"
#include "broker/eventlog/whole_event.h"
#include "broker/events/payload_run.h"
#include "broker/events/sealing.h"
#include "purser/event/v1/directory.pb.h"

namespace purser::delivery {
namespace {

constexpr size_t kReadAtOnce = 500;
constexpr size_t kReadBytes = 4 << 20;

template <typename Payload>
absl::StatusOr<Payload> OpenPayload(const event::v1::Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::string bytes, Open(envelope.key_id(), envelope.payload()));
  Payload payload;
  if (!payload.ParseFromString(bytes)) return absl::DataLossError("a payload does not decode");
  return payload;
}

template <typename Payload>
void AddMembers(const Payload& payload, FollowedEvent* event) {
  for (const auto& member : payload.members_added()) event->members.push_back(member.id());
  for (const auto& member : payload.members_removed()) event->members.push_back(member);
  event->members_cleared = payload.members_cleared();
}

absl::Status ReadChanges(const event::v1::Envelope& envelope, FollowedEvent* event) {
  const bool group = envelope.resource_type() == event::v1::GROUP;
  if (envelope.kind() == event::v1::RESOURCE_CHANGED) {
    ASSIGN_OR_RETURN(const auto changed, OpenPayload<event::v1::ResourceChanged>(envelope));
    AddMembers(changed, event);
    for (const event::v1::AttributeChange& change : changed.changes()) {
      if (change.attribute() == "active" && change.value() == "false") event->urgent = true;
      if (change.attribute() == "displayName") event->renamed = true;
    }
  } else if (group && envelope.kind() == event::v1::RESOURCE_CREATED) {
    ASSIGN_OR_RETURN(const auto created, OpenPayload<event::v1::ResourceCreated>(envelope));
    for (const auto& member : created.members()) event->members.push_back(member.id());
  } else if (group && envelope.kind() == event::v1::RESOURCE_REPLACED) {
    ASSIGN_OR_RETURN(const auto replaced, OpenPayload<event::v1::ResourceReplaced>(envelope));
    AddMembers(replaced, event);
    event->renamed = true;
  }
  return absl::OkStatus();
}

}  // namespace

std::string TraceParentIn(const event::v1::Envelope& envelope) {
  if (ParseTraceParent(envelope.trace_parent())) return envelope.trace_parent();
  const std::string& id = envelope.event_id();
  return IsUuid(id) ? FormatTraceParent(TraceBegunBy(id), id) : "";
}

FollowedEvents::FollowedEvents(const EventLog* log, const std::string& directory_id)
    : log_(log), stream_(StreamId::Directory(directory_id)) {}

absl::StatusOr<absl::Span<const FollowedEvent>> FollowedEvents::After(
    StreamPosition after, const DirectoryReader& directory, StreamPosition head) {
  const bool held =
      !events_.empty() && events_.front().position <= after + 1 && events_.back().position > after;
  if (!held) RETURN_IF_ERROR(ReadAfter(after, directory, head));
  if (events_.empty()) return absl::Span<const FollowedEvent>();
  return absl::MakeConstSpan(events_).subspan(after + 1 - events_.front().position);
}

// What comes before a record that cannot be read is followed; that one is asked for again.
absl::Status FollowedEvents::ReadAfter(StreamPosition after, const DirectoryReader& directory,
                                       StreamPosition head) {
  events_.clear();
  ASSIGN_OR_RETURN(const auto records, log_->Read(stream_, after, kReadAtOnce, kReadBytes));
  for (const StoredRecord& record : records) {
    if (record.position > head) break;
    auto event = Read(record, directory);
    if (!event.ok()) return events_.empty() ? event.status() : absl::OkStatus();
    events_.push_back(*std::move(event));
  }
  return absl::OkStatus();
}

absl::StatusOr<FollowedEvent> FollowedEvents::Read(const StoredRecord& record,
                                                   const DirectoryReader& directory) const {
  ASSIGN_OR_RETURN(auto envelope, DecodeRecord(record.bytes));
  if (EndsRun(envelope)) {
    ASSIGN_OR_RETURN(envelope, WholeEvent(*log_, stream_, record.position, std::move(envelope)));
  }
  FollowedEvent event;
  event.position = record.position;
  event.resource_id = envelope.resource_id();
  event.type = envelope.resource_type();
  event.deleted = event.urgent = envelope.kind() == event::v1::RESOURCE_DELETED;
  event.trace_parent = TraceParentIn(envelope);
  // What cannot be opened tells no more than whom it touched.
  ReadChanges(envelope, &event).IgnoreError();
  ASSIGN_OR_RETURN(event.touched, directory.TouchedAt(record.position));
  return event;
}

}  // namespace purser::delivery
