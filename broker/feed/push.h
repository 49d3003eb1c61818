// Sending one event to its receiver, and what the answer means (RFC 8935).
#pragma once

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "broker/feed/poll_message.h"

namespace purser::feed {

struct PushRequest {
  std::string url;    // as configured: references are resolved by whoever sends it
  std::string token;  // likewise; empty: none
  std::string body;   // a signed event
};

struct PushAnswer {
  int status = 0;  // 0: none came
  std::string body;
  std::string retry_after;  // the header
  std::string error;        // why none came
};

// Sends, and calls back once on the thread that drives the feeds; not at all where it is destroyed
// first.
using PushTransport = std::function<void(PushRequest, std::function<void(PushAnswer)>)>;

enum class PushVerdict {
  kAccepted,
  kRefused,  // the event itself: it may be skipped
  kLater,    // the receiver, or what is configured of it, is at fault: nothing is skipped
};

// 202, or another 2xx, is accepted. 400 with "invalid_request", 413 and 422 are about the event;
// every other error would befall the next event too.
PushVerdict JudgePush(const PushAnswer& answer);

// What a refusal says, or why there was no acceptance: "invalid_request", the receiver's words.
RefusedEvent RefusalIn(const std::string& jti, const PushAnswer& answer);

// How long to wait after so many failures in a row, 1 and more: 1 s, doubled each time, up to 5
// min, and from half of that up by `chance` in [0, 1); never less than the receiver asked for.
absl::Duration PushPause(int failures, double chance, const std::string& retry_after);

}  // namespace purser::feed
