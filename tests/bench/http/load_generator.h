// Keep-alive connections that each send a request, wait for its answer, and send the next.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/bench/http/load_result.h"

namespace purser::bench {

struct LoadOptions {
  std::string host = "127.0.0.1";  // an IPv4 address
  int port = 8080;
  std::string method = "GET";
  // Each "{n}" in path and body becomes the request's number, in nine digits.
  std::string path = "/";
  std::vector<std::string> paths;  // where there are any, in place of `path`: each in its turn
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  int connections = 64;
  int threads = 1;
  uint64_t requests = 100'000;
  uint64_t first_number = 1;
  // No request is begun after it; those under way have another minute.
  absl::Duration time_limit = absl::Minutes(10);
};

// Runs it to its end, or to the time limit, and until the last answer. A connection that the server
// closes is opened again, and its request counted as lost.
//
// InvalidArgument: the host is no IPv4 address. Unavailable: it cannot be connected to.
absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options);

// A SCIM user of about 1 KB with its number in userName, externalId, employeeNumber and e-mail.
std::string ScimUserTemplate();

}  // namespace purser::bench
