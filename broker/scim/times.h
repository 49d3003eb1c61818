// A dateTime as SCIM writes it.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace purser::scim {

// "2026-11-21T09:14:51.123Z" (RFC 7643, section 2.3.5), to the millisecond.
inline std::string FormatDateTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

}  // namespace purser::scim
