// A request's target taken apart: where the path ends, what its percent signs mean.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/http/server.h"

namespace purser::http {

// Sets path and query of `request` from a target in origin form ("/Users?count=2"), absolute form
// ("https://host/Users"; RFC 9112 section 3.2.2) or "*".
//
// A plus sign in the query is a space, as form encoders write it; in the path it is a plus sign.
// InvalidArgument: another form, a fragment, a percent sign without two hexadecimal digits, %00.
absl::Status ParseTarget(absl::string_view target, Request* request);

}  // namespace purser::http
