// The one place that seals and opens payloads: per subject, so that erasing a person will mean
// destroying a key, and the chain stays whole.
//
// The only seal so far is the empty key id, whose bytes are in clear. Who writes a payload or the
// sealed fields of a delivery calls Seal(), who reads one calls Open(), so that keys have one door.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser {

struct SealedPayload {
  std::string key_id;  // empty: in clear
  std::string bytes;
};

// Seals `bytes`, which are about `subject` (a resource's id).
SealedPayload Seal(absl::string_view subject, std::string bytes);

// What was sealed. NotFound where the key is not here, or was destroyed.
absl::StatusOr<std::string> Open(absl::string_view key_id, absl::string_view bytes);

}  // namespace purser
