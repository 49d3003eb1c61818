#include "broker/admin/server.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/admin/app_service.h"
#include "broker/admin/services.h"
#include "broker/base/log.h"
#include "grpc/support/log.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

namespace purser {
namespace {

std::shared_ptr<grpc::ServerCredentials> CredentialsOf(const AdminServerOptions& options) {
  if (options.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(
      options.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_key_cert_pairs.push_back({options.private_key, options.certificate});
  tls.pem_root_certs = options.client_ca;
  return grpc::SslServerCredentials(tls);
}

// gRPC's own words, in our log's form.
void LogForGrpc(gpr_log_func_args* line) {
  Log(line->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kWarning : LogLevel::kDebug, "gRPC says",
      {{"text", line->message}});
}

// True while the app is running and answers.
bool Serves(const AdminContext& context, const AppEntry& entry) {
  AppReaders* readers = context.apps(entry.id);
  if (readers == nullptr) return false;
  const auto reader = readers->Take();
  if (!reader.ok()) return false;
  const absl::StatusOr<AppRow> row = (*reader)->App();
  return row.ok() && AppStateWord(entry, *row) == "running" && !row->breaker_open &&
         !row->credentials_refused && !row->not_configured;
}

}  // namespace

struct AdminServer::Parts {
  AdminContext context;
  std::vector<std::unique_ptr<grpc::Service>> services;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  bool stopped = false;
};

AdminServer::AdminServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

AdminServer::~AdminServer() { Shutdown(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const AdminServerOptions& options,
                                                                const AdminContext& context) {
  gpr_set_log_function(LogForGrpc);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto parts = std::make_unique<Parts>();
  parts->context = context;
  parts->services = MakeServices(parts->context);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.address, CredentialsOf(options), &parts->port);
  // Two servers on one port would share its calls without anybody noticing.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  for (const auto& service : parts->services) builder.RegisterService(service.get());
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || parts->port == 0) {
    return absl::UnavailableError(absl::StrCat("the admin API cannot listen on ", options.address));
  }
  std::unique_ptr<AdminServer> server(new AdminServer(std::move(parts)));
  server->SetReady(false);
  return server;
}

int AdminServer::port() const { return parts_->port; }

void AdminServer::RefreshHealth() {
  const std::shared_ptr<const ControlState> state = parts_->context.control->state();
  for (const auto& [id, entry] : state->apps) {
    const bool serving = Serves(parts_->context, entry);
    parts_->server->GetHealthCheckService()->SetServingStatus(entry.app.name(), serving);
  }
}

void AdminServer::SetReady(bool ready) {
  parts_->server->GetHealthCheckService()->SetServingStatus("", ready);
}

void AdminServer::Shutdown(absl::Duration grace) {
  if (parts_->stopped) return;
  parts_->stopped = true;
  parts_->server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  parts_->server->Wait();
}

std::shared_ptr<grpc::Channel> AdminServer::InProcessChannel() {
  return parts_->server->InProcessChannel(grpc::ChannelArguments());
}

}  // namespace purser
