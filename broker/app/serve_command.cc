#include "broker/app/serve_command.h"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/app/offline.h"
#include "broker/app/purser_server.h"
#include "broker/app/serve_options.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/sqlite/page_cache.h"
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

// Whether one of them came and was not taken.
bool StopAsked() {
  sigset_t pending;
  return sigpending(&pending) == 0 &&
         (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

// True where a stop signal came, false where `go_on`, asked every second, says so first.
bool WaitForStop(const sigset_t& signals, const std::function<bool()>& go_on) {
  const timespec second = {1, 0};
  while (go_on()) {
    if (sigtimedwait(&signals, nullptr, &second) > 0) return true;
  }
  return false;
}

int Serve(Session& session, const ServeOptions& options) {
  RaiseDescriptorLimit();
  if (options.page_cache_mib > 0) LimitPageCaches(options.page_cache_mib << 10);
  const sigset_t signals = BlockStopSignals();
  PurserServer server(options);
  if (const absl::Status started = server.Start(StopAsked); !started.ok()) {
    server.Stop();
    if (!absl::IsCancelled(started)) return session.Fail(started);
    LogInfo("stopped before it was ready");
    return kExitDone;
  }
  LogInfo("serving", {{"http", server.http_port()}, {"grpc", server.grpc_port()}});
  const bool stopped = WaitForStop(signals, [&] {
    server.Tick();
    return !server.failed();
  });
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
  WaitForStop(signals, [] { return true; });
  return kExitDone;
}

// An option that takes a duration of more than nothing: "10s", "5m".
void AddDuration(CLI::App* command, const std::string& name, absl::Duration* value,
                 const std::string& description) {
  const auto set = [name, value](const std::string& text) {
    if (!absl::ParseDuration(text, value) || *value <= absl::ZeroDuration()) {
      throw CLI::ValidationError(name, "not a duration such as 10s");
    }
  };
  command->add_option_function<std::string>(name, set, description);
}

void AddServe(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* serve = root->add_subcommand("serve", "run Purser: front door, log, deliveries");
  auto options = std::make_shared<ServeOptions>();
  serve->add_flag("--dev", options->dev, "loopback, clear text, directory main, one token");
  serve->add_option("--data", options->data, "the data folder")->required();
  serve->add_option("--http", options->http, "SCIM, health and metrics: HOST:PORT");
  serve->add_option("--grpc", options->grpc, "the admin API: HOST:PORT");
  serve->add_option("--log", options->log, "kafka://HOST:PORT[,..][/PREFIX]; else embedded");
  serve->add_option("--kafka-security", options->kafka_security,
                    "TLS and login to the brokers of --log: FILE");
  serve
      ->add_option_function<std::string>(
          "--parts",
          [options](const std::string& part) {
            options->broker = part == "broker";
            options->connectors = part == "connectors";
          },
          "on Kafka: the front door alone, or deliveries alone; else both")
      ->check(CLI::IsMember({"broker", "connectors"}));
  serve->add_option("--apply", options->apply, "configuration to be in force: FILE_OR_DIR");
  AddDuration(serve, "--drain-timeout", &options->drain_timeout, "how long a stop may take (10s)");
  serve->add_option("--http-threads", options->http_threads, "threads of the HTTP server (2)")
      ->check(CLI::Range(1, 64));
  serve
      ->add_option("--page-cache-mib", options->page_cache_mib,
                   "the most that the page cache of one file takes: MiB")
      ->check(CLI::Range(1, 1024));
  AddDuration(serve, "--header-timeout", &options->header_timeout,
              "for a request's headers, from the first byte (10s)");
  AddDuration(serve, "--body-timeout", &options->body_timeout,
              "without a byte of a body that is not whole (30s)");
  AddDuration(serve, "--body-total-timeout", &options->body_total_timeout, "for a whole body (5m)");
  serve->add_option("--tls-cert", options->tls_certificate, "PEM file");
  serve->add_option("--tls-key", options->tls_key, "PEM file");
  serve->add_option("--tls-client-ca", options->tls_client_ca,
                    "PEM file: admin clients must have a certificate of it");
  serve->callback([chosen, options] {
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

int PrintDigests(Session& session, const std::string& folder) {
  const auto digests = DigestModels(folder);
  if (!digests.ok()) return session.Fail(digests.status());
  for (const ModelDigest& model : *digests) {
    session.out() << model.file << " " << model.position << " " << model.digest << "\n";
  }
  return kExitDone;
}

int Snapshot(Session& session, const std::string& folder, const std::string& to) {
  const auto copied = CopyStores(folder, to);
  if (!copied.ok()) return session.Fail(copied.status());
  for (const ModelDigest& model : *copied) {
    session.out() << model.file << " " << model.position << "\n";
  }
  return kExitDone;
}

void AddSnapshot(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* command = root->add_subcommand(
      "snapshot", "copy the stores of a node, running or not, to a new folder");
  auto folder = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  command->add_option("--data", *folder, "the data folder")->required();
  command->add_option("--to", *to, "the new folder: a data folder to start on")->required();
  command->callback([chosen, folder, to] {
    chosen->action = [folder, to](Session& session) { return Snapshot(session, *folder, *to); };
  });
}

int Rebuild(Session& session, const std::string& folder) {
  const absl::Status removed = RemoveModels(folder);
  if (!removed.ok()) return session.Fail(removed);
  session.Note("the read models are removed; the next start folds them from the log");
  return kExitDone;
}

void AddModel(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* model = root->add_subcommand("model", "read models of a data folder, the server down");
  model->require_subcommand(1);
  const auto add = [&](const char* name, const char* description,
                       int (*action)(Session&, const std::string&)) {
    CLI::App* command = model->add_subcommand(name, description);
    auto folder = std::make_shared<std::string>();
    command->add_option("--data", *folder, "the data folder")->required();
    command->callback([chosen, folder, action] {
      chosen->action = [folder, action](Session& session) { return action(session, *folder); };
    });
  };
  add("digest", "position and digest of each: equal ones are equal models", &PrintDigests);
  add("rebuild", "remove them; the next start folds them from the log again", &Rebuild);
}

}  // namespace

void AddServeCommands(CLI::App* root, ChosenCommand* chosen) {
  AddServe(root, chosen);
  AddSandbox(root, chosen);
  AddModel(root, chosen);
  AddSnapshot(root, chosen);
}

}  // namespace purser
