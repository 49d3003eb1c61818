// What may be sent at all, decided before a socket is opened.
#pragma once

#include "absl/status/status.h"
#include "connectors/api/http_client.h"

namespace purser::connectors {

// InvalidArgument for an address that is not allowed (see CurlHttpClient), a method that is no
// token, or a header that would break the message. The message names no value.
absl::Status CheckRequest(const HttpRequest& request);

}  // namespace purser::connectors
