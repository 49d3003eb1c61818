// How the admin API writes: records that say who asked for what, and why.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "google/protobuf/message_lite.h"
#include "purser/event/v1/delivery.pb.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

// How long a request may wait for the log to settle it.
inline constexpr absl::Duration kWriteDeadline = absl::Seconds(10);

// Who wants a change, under which id, and why.
struct Wish {
  std::string actor;
  std::string request_id;  // minted by MakeWish where the caller gave none
  std::string reason;
};

Wish MakeWish(const AdminContext& context, const Caller& caller, const std::string& request_id,
              const std::string& reason);

// A record of `kind` about a resource, without what the chain gives it.
event::v1::Envelope MakeEnvelope(const AdminContext& context, const Wish& wish,
                                 event::v1::Kind kind, event::v1::ResourceType type,
                                 const std::string& resource_id,
                                 const google::protobuf::MessageLite& payload);

// Appends and waits, kWriteDeadline at most. Unavailable where it is not known what came of it.
absl::StatusOr<StreamPosition> SubmitAndWait(const AdminContext& context, const StreamId& stream,
                                             DecideRecords decide);

// Puts one command on an app's stream.
absl::StatusOr<StreamPosition> SubmitCommand(const AdminContext& context, const Wish& wish,
                                             const std::string& app_id,
                                             const event::v1::AppCommand& command);

}  // namespace purser
