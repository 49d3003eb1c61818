// HTTP towards an application: what a connector is given, and what a test puts in its place.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace purser::connectors {

struct HttpRequest {
  std::string method;  // "GET", "POST", ...
  std::string url;     // absolute; https, or http to a loopback address
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  absl::Duration timeout = absl::Seconds(30);
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The first header of that name, in any case; empty where there is none.
  absl::string_view Header(absl::string_view name) const;
};

// Sends requests; follows no redirect, keeps connections alive, reads at most 32 MiB of a body.
// Driven: `done` runs inside RunOnce() of the implementation, once for each Send().
// Implementations: connectors/http (libcurl), FakeHttpClient in tests.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Errors say whether the application can have seen the request:
  // FailedPrecondition: it cannot (no connection, name not resolved, refused TLS).
  // DeadlineExceeded, Unavailable: it may have (time-out, connection lost): an effect is possible.
  // InvalidArgument: the request was not sent (an URL that is not allowed).
  using Done = std::function<void(absl::StatusOr<HttpResponse>)>;
  virtual void Send(HttpRequest request, Done done) = 0;
};

}  // namespace purser::connectors
