#include "connectors/sandbox/sandbox.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/status.h"
#include "connectors/sandbox/json_access.h"
#include "connectors/sandbox/replicon_twin.h"
#include "connectors/sandbox/scim_twin.h"
#include "connectors/sandbox/timer_thread.h"
#include "connectors/sandbox/twin_server.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

constexpr absl::string_view kControlPath = "/_sandbox";

struct Mounted {
  std::string base_path;
  std::unique_ptr<TwinServer> server;
};

http::Response NotFound() {
  return {.status = 404, .content_type = "text/plain", .body = "There is nothing here.\n"};
}

// Whether `path` is `base` or below it.
bool IsBelow(absl::string_view path, absl::string_view base) {
  if (!absl::ConsumePrefix(&path, base)) return false;
  return path.empty() || path[0] == '/';
}

class RunningSandbox : public Sandbox {
 public:
  RunningSandbox() = default;
  ~RunningSandbox() override {
    timer_.Stop();
    if (server_ != nullptr) server_->Stop(absl::ZeroDuration());
  }

  void Mount(const SandboxOptions& options);
  absl::Status LoadFaults(const std::string& path);
  absl::Status Listen(const SandboxOptions& options);

  uint16_t port() const override { return server_ == nullptr ? 0 : server_->port(); }
  void Serve(http::Request request, http::Respond respond) override;

 private:
  void Add(std::string app, std::string base_path, std::unique_ptr<Twin> twin);
  http::Response Control(absl::string_view path, const http::Request& request);
  http::Response Index() const;
  bool Knows(absl::string_view app) const;

  TimerThread timer_;
  std::vector<Mounted> twins_;
  std::unique_ptr<http::Server> server_;
};

void RunningSandbox::Add(std::string app, std::string base_path, std::unique_ptr<Twin> twin) {
  auto server =
      std::make_unique<TwinServer>(std::move(app), std::move(twin), SystemClock(), timer_);
  twins_.push_back({std::move(base_path), std::move(server)});
}

void RunningSandbox::Mount(const SandboxOptions& options) {
  const std::pair<const ScimProfile&, std::string> scim[] = {
      {RecniceProfile(), options.recnice_token},
      {PreciateProfile(), options.preciate_token},
      {AlexisHrProfile(), options.alexishr_token}};
  for (const auto& [profile, token] : scim) {
    Add(profile.app, profile.base_path,
        std::make_unique<ScimTwin>(profile, token, SystemClock(), RandomIdSource()));
  }
  const RepliconAccess access = {options.replicon_company, options.replicon_username,
                                 options.replicon_password};
  Add("replicon", "/replicon",
      std::make_unique<RepliconTwin>(access, SystemClock(), RandomIdSource()));
}

// The rules go to all four, each of which heeds those that name it, or none.
absl::Status RunningSandbox::LoadFaults(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("fault file ", path, " cannot be read"));
  std::stringstream text;
  text << file.rdbuf();
  const json document = json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat("fault file ", path, " is no JSON"));
  }
  const json* rules = Member(document, "rules");
  for (const json& rule : rules == nullptr ? json::array() : *rules) {
    const json* match = Member(rule, "match");
    const std::string app = match == nullptr ? "" : TextMember(*match, "app");
    if (!app.empty() && !Knows(app)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": no such app: ", app));
    }
  }
  const json* given = Member(document, "settings");
  const json settings = given == nullptr ? json::object() : *given;
  for (const auto& [app, unused] : settings.items()) {
    if (!Knows(app)) return absl::InvalidArgumentError(absl::StrCat(path, ": no such app: ", app));
  }
  for (const Mounted& twin : twins_) {
    if (absl::Status set = twin.server->SetFaults(document); !set.ok()) return Annotate(set, path);
    const json* own = Member(settings, twin.server->app());
    if (own == nullptr) continue;
    if (absl::Status set = twin.server->Configure(*own); !set.ok()) return Annotate(set, path);
  }
  return absl::OkStatus();
}

bool RunningSandbox::Knows(absl::string_view app) const {
  for (const Mounted& twin : twins_) {
    if (twin.server->app() == app) return true;
  }
  return false;
}

absl::Status RunningSandbox::Listen(const SandboxOptions& options) {
  http::ServerOptions server;
  server.address = options.listen;
  server.threads = options.threads;
  server.max_connections = 16384;
  ASSIGN_OR_RETURN(
      server_, http::Server::Start(server, [this](http::Request request, http::Respond respond) {
        Serve(std::move(request), std::move(respond));
      }));
  return absl::OkStatus();
}

void RunningSandbox::Serve(http::Request request, http::Respond respond) {
  absl::string_view path = request.path;
  if (IsBelow(path, kControlPath)) {
    path.remove_prefix(kControlPath.size());
    respond(Control(absl::StripPrefix(path, "/"), request));
    return;
  }
  for (const Mounted& twin : twins_) {
    if (!IsBelow(path, twin.base_path)) continue;
    twin.server->Serve(std::move(request), std::move(respond));
    return;
  }
  respond(NotFound());
}

http::Response RunningSandbox::Control(absl::string_view path, const http::Request& request) {
  if (path.empty()) return Index();
  for (const Mounted& twin : twins_) {
    if (!IsBelow(path, twin.server->app())) continue;
    path.remove_prefix(twin.server->app().size());
    return twin.server->Control(absl::StripPrefix(path, "/"), request);
  }
  return NotFound();
}

http::Response RunningSandbox::Index() const {
  json apps = json::array();
  for (const Mounted& twin : twins_) {
    json app = {{"name", twin.server->app()}, {"url", twin.base_path}};
    for (const char* what : {"state", "calls", "stats", "faults", "settings"}) {
      app[what] = absl::StrCat(kControlPath, "/", twin.server->app(), "/", what);
    }
    apps.push_back(std::move(app));
  }
  return {.content_type = "application/json", .body = json{{"apps", apps}}.dump(2) + "\n"};
}

void FromEnvironment(const char* name, std::string* value) {
  const char* given = std::getenv(name);
  if (given != nullptr && *given != '\0') *value = given;
}

}  // namespace

SandboxOptions SandboxOptionsFromEnvironment() {
  SandboxOptions options;
  FromEnvironment("RECNICE_TOKEN", &options.recnice_token);
  FromEnvironment("PRECIATE_TOKEN", &options.preciate_token);
  FromEnvironment("ALEXISHR_TOKEN", &options.alexishr_token);
  FromEnvironment("REPLICON_COMPANY_ID", &options.replicon_company);
  FromEnvironment("REPLICON_USERNAME", &options.replicon_username);
  FromEnvironment("REPLICON_PASSWORD", &options.replicon_password);
  return options;
}

absl::StatusOr<std::unique_ptr<Sandbox>> StartSandbox(const SandboxOptions& options) {
  auto sandbox = std::make_unique<RunningSandbox>();
  sandbox->Mount(options);
  if (!options.faults_file.empty()) RETURN_IF_ERROR(sandbox->LoadFaults(options.faults_file));
  RETURN_IF_ERROR(sandbox->Listen(options));
  return sandbox;
}

}  // namespace purser::sandbox
