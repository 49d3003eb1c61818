// .NET's custom date and time formats: yyyyMMddHHmmss.fZ, M/d/yyyy h:mm:ss tt.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace purser::mapping {

// Reads `text` in `format`; UTC where it holds no offset. InvalidArgument where it does not fit.
absl::StatusOr<absl::Time> ParseInFormat(absl::string_view text, absl::string_view format);

// Writes `time` in `format`, in UTC, with English names.
std::string FormatInFormat(absl::Time time, absl::string_view format);

}  // namespace purser::mapping
