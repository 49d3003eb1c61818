// The HTTP server: sockets, TLS, limits and time-outs; what a request means is its handler's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace purser::http {

struct Request {
  std::string method;  // "GET"
  std::string path;    // percent-decoded, without the query: "/scim/v2/Users"
  // Percent-decoded, a plus sign being a space, in the order given; a bare parameter has an empty
  // value.
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string scheme;  // "http" or "https"
  std::string host;    // the Host header
  std::string remote_address;

  // The first header of that name, in any case; empty where there is none.
  absl::string_view Header(absl::string_view name) const;
  // The first query parameter of that name; nullptr where there is none.
  const std::string* Query(absl::string_view name) const;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type;
  std::string body;
  // Where set, makes the response anew once it is to be sent, on one of the server's threads: so
  // that whoever answers need not render.
  std::function<Response()> render = nullptr;
};

// Sends the answer; called once for each request, from any thread, at any time. Dropped without a
// call: the connection is closed without an answer (an unsettled request at shutdown).
using Respond = std::function<void(Response)>;
// Called on one of the server's threads; must not block.
using Handler = std::function<void(Request, Respond)>;

struct ServerOptions {
  std::string address = "127.0.0.1:8080";  // port 0: one that is free
  std::string certificate_file;            // PEM; both empty: clear text
  std::string key_file;
  int threads = 1;
  size_t max_body_bytes = 32u << 20;
  size_t max_header_bytes = 16u << 10;
  size_t max_connections = 4096;
  absl::Duration header_timeout = absl::Seconds(10);  // from the first byte to the last header
  absl::Duration body_timeout = absl::Seconds(30);    // without a byte of it arriving
  absl::Duration body_total_timeout = absl::Minutes(5);
  absl::Duration idle_timeout = absl::Seconds(120);  // between requests
  // Renders the server's own refusals (400, 408, 413, 431) in the form that the path's clients
  // expect; plain text where it is not set.
  std::function<Response(int status, absl::string_view path, absl::string_view message)> error_page;
};

// Owns its threads (an adapter). HTTP/1.1 with keep-alive and pipelining in order.
class Server {
 public:
  // Listens at once; FailedPrecondition where the address is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       Handler handler);
  virtual ~Server() = default;

  // The port it listens on.
  virtual uint16_t port() const = 0;

  // Takes no new connection. Each answer is its connection's last from now on, and says so; clients
  // at work so leave by themselves, and a connection on which no request comes for 250 ms is
  // closed. Waits at most `drain` for answers under way, closes the rest unanswered, and joins its
  // threads.
  virtual void Stop(absl::Duration drain) = 0;
};

}  // namespace purser::http
