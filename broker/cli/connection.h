// How the operator's commands reach a running Purser.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace purser {

// Calls the admin API by a method's full name: "purser.admin.v1.AppService/List". Blocks.
// Implementations: ConnectByGrpc(); a script in tests.
class AdminConnection {
 public:
  virtual ~AdminConnection() = default;

  // The server's status; Unavailable too where it is out of reach.
  virtual absl::Status Call(absl::string_view method, const google::protobuf::Message& request,
                            google::protobuf::Message* response) = 0;

  // Fills `message` and calls `each` for every message of the answer.
  virtual absl::Status Stream(absl::string_view method, const google::protobuf::Message& request,
                              google::protobuf::Message* message,
                              const std::function<void()>& each) = 0;
};

struct ConnectionOptions {
  std::string address = "127.0.0.1:9090";
  std::string token;
  // Paths of PEM files. Without `ca` a loopback address is spoken to in clear text, any other by
  // TLS under the system's authorities.
  std::string ca;
  std::string certificate;
  std::string private_key;
};

// From PURSER_GRPC, PURSER_TOKEN, PURSER_CA, PURSER_CERT and PURSER_KEY.
ConnectionOptions OptionsFromEnvironment();

// True for 127.0.0.0/8, ::1 and localhost, with or without a port.
bool IsLoopbackAddress(absl::string_view address);

// Does not connect yet. InvalidArgument where a PEM file cannot be read.
absl::StatusOr<std::unique_ptr<AdminConnection>> ConnectByGrpc(const ConnectionOptions& options);

}  // namespace purser
