// The bytes of a response before its body.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "broker/http/server.h"

namespace purser::http {

// Writes status line and headers of `response` over `head`. Content-Length is the body's size, also
// in the answer to HEAD; 204 and 304 have none. The response's own Content-Length,
// Transfer-Encoding and Connection headers are dropped: framing is the server's. A line break
// within a header becomes a space, so that no value can add a header.
//
// `date` is "Sat, 21 Nov 2026 09:00:00 GMT".
void RenderHead(const Response& response, bool keep_alive, absl::string_view date,
                std::string* head);

// True where a response of that status has a body (RFC 9110, section 6.4.1).
bool HasBody(int status);

}  // namespace purser::http
