// What a directory's record says to a receiver: the claims of a security event token (RFC 8417,
// RFC 9967).
//
// A pure reading of the log: the same record makes the same claims on every node and at every
// repetition, so that a receiver knows a repeated event by its "jti".
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/events/record.h"
#include "broker/feed/feed_settings.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser::feed {

// One event, not yet signed.
struct SecurityEvent {
  StreamPosition position = 0;
  std::string jti;
  std::string claims;  // JSON text
};

// Whether the user `id` was active before the record at `position`, as the log has it.
using WasActive =
    std::function<absl::StatusOr<bool>(absl::string_view id, StreamPosition position)>;

// What the record at `position` is to the receiver of `feed`; nothing where it is nothing it wants.
// DataLoss for a payload that does not decode; or an error of `was_active`.
absl::StatusOr<std::optional<SecurityEvent>> SecurityEventOf(const event::v1::Envelope& envelope,
                                                             StreamPosition position,
                                                             const FeedSettings& feed,
                                                             const WasActive& was_active);

// What a record of a user says of `active`: nothing where it says nothing of it. A user made or
// replaced without it is active.
absl::StatusOr<std::optional<bool>> ActiveIn(const event::v1::Envelope& envelope);

// "42.0192f0c1-...": the record's position, and its event's id.
std::string JtiOf(StreamPosition position, absl::string_view event_id);
// The position in a jti; nothing where it is none of ours.
std::optional<StreamPosition> PositionIn(absl::string_view jti);

}  // namespace purser::feed
