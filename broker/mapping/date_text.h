// Dates as the incumbent reads and writes them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace purser::mapping {

// "3/16/2020 7:00:00 AM": M/d/yyyy h:mm:ss tt, in UTC.
std::string FormatIncumbentDate(absl::Time time);

// Reads "2020-03-16", "2020-03-16-07:00", RFC 3339, "3/16/2020" and "3/16/2020 7:00:00 AM"; UTC
// where no offset stands. InvalidArgument for any other text.
absl::StatusOr<absl::Time> ParseDate(absl::string_view text);

}  // namespace purser::mapping
