// Times as operators type them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace purser {

// "2026-11-20T10:00:00Z" (RFC 3339, any offset), "2026-11-20" (midnight, UTC), "now", "2h ago",
// "-30m", "1d12h ago"; units s, m, h, d, w. InvalidArgument for any other text.
absl::StatusOr<absl::Time> ParseOperatorTime(absl::string_view text, absl::Time now);

// When something ends: "90d", "1d12h" from `now` on, or a time as above. InvalidArgument for any
// other text.
absl::StatusOr<absl::Time> ParseOperatorExpiry(absl::string_view text, absl::Time now);

// "2026-11-20T10:00:00Z", in UTC.
std::string FormatOperatorTime(absl::Time time);

}  // namespace purser
