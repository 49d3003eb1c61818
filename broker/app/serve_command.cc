#include "broker/app/serve_command.h"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/admin/log_service.h"
#include "broker/app/purser_server.h"
#include "broker/app/serve_options.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/eventlog/sqlite/verify_folder.h"
#include "connectors/sandbox/sandbox.h"

namespace purser {
namespace {

// Thousands of connections and calls need as many descriptors.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// SIGTERM and SIGINT, kept from every thread; call before the first one is made.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// True where a stop signal came, false where `failed` says so first.
bool WaitForStop(const sigset_t& signals, const std::function<bool()>& failed) {
  const timespec second = {0, 200'000'000};
  while (!failed()) {
    if (sigtimedwait(&signals, nullptr, &second) > 0) return true;
  }
  return false;
}

int Serve(Session& session, const ServeOptions& options) {
  RaiseDescriptorLimit();
  const sigset_t signals = BlockStopSignals();
  PurserServer server(options);
  if (const absl::Status started = server.Start(); !started.ok()) {
    server.Stop();
    return session.Fail(started);
  }
  LogInfo("serving", {{"http", server.http_port()}, {"grpc", server.grpc_port()}});
  const bool stopped = WaitForStop(signals, [&] { return server.failed(); });
  server.Stop();
  LogInfo("stopped");
  return stopped ? kExitDone : kExitFailed;
}

int ServeSandbox(Session& session, const sandbox::SandboxOptions& options) {
  RaiseDescriptorLimit();
  const sigset_t signals = BlockStopSignals();
  auto started = sandbox::StartSandbox(options);
  if (!started.ok()) return session.Fail(started.status());
  LogInfo("sandbox serving", {{"port", (*started)->port()}});
  WaitForStop(signals, [] { return false; });
  return kExitDone;
}

void AddServe(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* serve = root->add_subcommand("serve", "run Purser: front door, log, deliveries");
  auto options = std::make_shared<ServeOptions>();
  auto drain = std::make_shared<std::string>("10s");
  serve->add_flag("--dev", options->dev, "loopback, clear text, directory main, one token");
  serve->add_option("--data", options->data, "the data folder")->required();
  serve->add_option("--http", options->http, "SCIM, health and metrics: HOST:PORT");
  serve->add_option("--grpc", options->grpc, "the admin API: HOST:PORT");
  serve->add_option("--log", options->log, "kafka://HOST:PORT[,..][/PREFIX]; else embedded");
  serve->add_option("--apply", options->apply, "configuration to be in force: FILE_OR_DIR");
  serve->add_option("--drain-timeout", *drain, "how long a stop may take (10s)");
  serve->add_option("--http-threads", options->http_threads, "threads of the HTTP server (2)")
      ->check(CLI::Range(1, 64));
  serve->add_option("--tls-cert", options->tls_certificate, "PEM file");
  serve->add_option("--tls-key", options->tls_key, "PEM file");
  serve->add_option("--tls-client-ca", options->tls_client_ca,
                    "PEM file: admin clients must have a certificate of it");
  serve->callback([chosen, options, drain] {
    if (!absl::ParseDuration(*drain, &options->drain_timeout)) {
      throw CLI::ValidationError("--drain-timeout", "not a duration such as 10s");
    }
    chosen->action = [options](Session& session) { return Serve(session, *options); };
  });
}

void AddSandbox(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* command =
      root->add_subcommand("sandbox", "serve twins of the four applications on loopback");
  auto options =
      std::make_shared<sandbox::SandboxOptions>(sandbox::SandboxOptionsFromEnvironment());
  command->add_option("--listen", options->listen, "HOST:PORT (127.0.0.1:8090)");
  command->add_option("--faults", options->faults_file, "fault rules in force from the start");
  command->callback([chosen, options] {
    chosen->action = [options](Session& session) { return ServeSandbox(session, *options); };
  });
}

}  // namespace

void AddServeCommands(CLI::App* root, ChosenCommand* chosen) {
  AddServe(root, chosen);
  AddSandbox(root, chosen);
}

absl::StatusOr<admin::v1::VerifyLogReport> VerifyOffline(const OfflineLog& log) {
  if (log.data.empty()) {
    return absl::UnimplementedError(
        "a Kafka log is read through a server: run purser log verify without --log");
  }
  ASSIGN_OR_RETURN(const FolderReport folder, VerifyFolder(log.data));
  admin::v1::VerifyLogReport report;
  report.set_ok(folder.status().ok());
  for (const StreamReport& stream : folder.streams) {
    *report.add_streams() = ToProto(stream, "");
  }
  if (!folder.pages.ok()) {
    admin::v1::StreamReport* pages = report.add_streams();
    pages->set_stream("pages");
    pages->set_problem(std::string(folder.pages.message()));
    pages->set_remedy("stop purser and restore the log from a backup");
  }
  return report;
}

}  // namespace purser
