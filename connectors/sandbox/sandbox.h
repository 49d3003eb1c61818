// `purser sandbox`: twins of the four applications on loopback.
//
//   /recnice/scim  /preciate/api/v1/scim  /alexishr/scim  /replicon
//   /_sandbox/                    what there is
//   /_sandbox/<app>/state         GET, PUT (sets it back), DELETE (empties it)
//   /_sandbox/<app>/calls         GET (?since=N&bodies=1), DELETE
//   /_sandbox/<app>/stats         GET
//   /_sandbox/<app>/faults        GET, PUT, DELETE: see faults.h
//   /_sandbox/<app>/settings      GET, PUT
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/http/server.h"

namespace purser::sandbox {

struct SandboxOptions {
  std::string listen = "127.0.0.1:8090";  // port 0: one that is free
  // Fault rules in force from the start, for all four (a rule names its app), and their settings:
  // {"rules": [...], "settings": {"replicon": {"sender_fault_status": 500}}}.
  std::string faults_file;
  int threads = 2;

  std::string recnice_token = "recnice-token";
  std::string preciate_token = "preciate-token";
  std::string alexishr_token = "alexishr-token";
  std::string replicon_company = "acme";
  std::string replicon_username = "admin";
  std::string replicon_password = "sandbox";
};

// The defaults, with what the environment says in their place: RECNICE_TOKEN, PRECIATE_TOKEN,
// ALEXISHR_TOKEN, REPLICON_COMPANY_ID, REPLICON_USERNAME, REPLICON_PASSWORD.
SandboxOptions SandboxOptionsFromEnvironment();

// Owns its threads (an adapter): the server's and a timer. Serves until it is destroyed.
class Sandbox {
 public:
  virtual ~Sandbox() = default;
  virtual uint16_t port() const = 0;
  // What a request to the port would do; for tests without a socket.
  virtual void Serve(http::Request request, http::Respond respond) = 0;
};

// InvalidArgument: the fault file does not parse. NotFound: it cannot be read. FailedPrecondition:
// the address is taken.
absl::StatusOr<std::unique_ptr<Sandbox>> StartSandbox(const SandboxOptions& options);

}  // namespace purser::sandbox
