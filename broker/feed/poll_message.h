// What a receiver asks of a feed and is answered (RFC 8936, sections 2.2 and 2.3).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/crypto/signing_key.h"
#include "broker/feed/security_event.h"
#include "broker/http/server.h"

namespace purser::feed {

// An answer holds no more; one that asks for more gets so many.
inline constexpr size_t kMaxEventsInPoll = 1000;
// Of one that does not say how many.
inline constexpr size_t kDefaultEventsInPoll = 100;

struct RefusedEvent {
  std::string jti;
  std::string error;        // "invalid_request"; "other" where it has not the form of a code
  std::string description;  // at most 200 characters, in the receiver's words: never in a log line
};

struct PollMessage {
  size_t max_events = kDefaultEventsInPoll;
  bool return_immediately = false;
  std::vector<std::string> acknowledged;
  std::vector<RefusedEvent> refused;
};

// 400 invalidSyntax for what is no such message. An empty body asks for what there is.
absl::StatusOr<PollMessage> ParsePoll(absl::string_view body);

// The error that stands in `value`, an object of RFC 8935, section 2.4.
RefusedEvent RefusedOf(const std::string& jti, absl::string_view error,
                       absl::string_view description);

// The events are signed when the answer is sent.
http::Response PollAnswer(std::vector<SecurityEvent> events, bool more,
                          std::shared_ptr<const SigningKey> key);

// The event as it is sent: a JWS of type "secevent+jwt".
std::string Signed(const SecurityEvent& event, const SigningKey& key);

}  // namespace purser::feed
