// The gRPC server of the admin API, with reflection and health.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/admin/admin_context.h"

namespace grpc {
class Channel;
}

namespace purser {

struct AdminServerOptions {
  std::string address = "127.0.0.1:9090";  // port 0: any free one
  // PEM texts. Without a certificate the server speaks clear text; with client_ca it asks every
  // client for a certificate of that authority (mutual TLS).
  std::string certificate;
  std::string private_key;
  std::string client_ca;
};

// Answers on gRPC's own threads until it is destroyed. Health is asked of "" (the server) and of
// each app by name.
class AdminServer {
 public:
  // Unavailable where the address cannot be listened on. The context is copied; what it points to
  // outlives the server.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const AdminServerOptions& options,
                                                            const AdminContext& context);
  // Shutdown() with no time to spare, where it was not called.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  int port() const;

  // Tells health checks how each app stands now: serving while it is running and its app answers.
  void RefreshHealth();
  // What health checks of "" are told; not serving until this says so.
  void SetReady(bool ready);

  // Takes no new calls, and cuts those that are still under way after `grace`.
  void Shutdown(absl::Duration grace);

  // A channel to this server without a socket.
  std::shared_ptr<grpc::Channel> InProcessChannel();

 private:
  struct Parts;
  explicit AdminServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace purser
