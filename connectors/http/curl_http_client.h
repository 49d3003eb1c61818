// The HttpClient of production: libcurl, any number of requests at once.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/api/http_client.h"

namespace purser::connectors {

struct CurlOptions {
  std::string ca_file;  // PEM; empty: the system's certificate authorities
  std::string proxy;    // "http://proxy.example:3128"; empty: none, whatever the environment says
  std::string user_agent;  // empty: "Purser/VERSION"
  // A connection, TLS included, that takes longer than this counts as refused.
  absl::Duration connect_timeout = absl::Seconds(10);
  size_t max_response_bytes = 32u << 20;
  size_t max_idle_connections = 1024;
  int nice = 0;  // of the thread that moves the bytes, as setpriority(2)
};

// Certificates are verified; TLS 1.2 or later; HTTP/2 where the server offers it over TLS; no
// cookies, no redirects, no retries but of GET and HEAD on a kept connection found dead.
//
// Plain http goes to loopback alone: localhost, 127.0.0.0/8, ::1. A request with credentials in its
// URL, or a line break in a header, is InvalidArgument. An answer over the limit is Unavailable:
// the application has seen the request.
//
// Bytes are moved by a thread of its own, so that what an answer causes and the answers to come
// share the processors. Thread-compatible towards its user: Send() and RunOnce() are the driving
// thread's, and so are the completions; one may Send() and may not RunOnce(). Requests under way at
// destruction are cut, their completions dropped.
class CurlHttpClient : public HttpClient {
 public:
  static absl::StatusOr<std::unique_ptr<CurlHttpClient>> Create(const CurlOptions& options);

  // Runs the completions that are due, waiting at most `max_wait` for the first or for Wake(); true
  // if one ran.
  virtual bool RunOnce(absl::Duration max_wait) = 0;

  // Ends a wait in RunOnce(), or the next one. Thread-safe.
  virtual void Wake() = 0;

  // Requests sent whose completion has not run.
  virtual size_t in_flight() const = 0;
};

}  // namespace purser::connectors
