#include "broker/app/front_routes.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/feed/feed_settings.h"

namespace purser {
namespace {

constexpr absl::string_view kDevBase = "/scim/v2";
constexpr absl::string_view kDirectories = "/directories/";
constexpr absl::string_view kKeys = "/.well-known/jwks.json";

http::Response Text(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

bool Under(absl::string_view path, absl::string_view base) {
  return path == base || (absl::StartsWith(path, base) && path[base.size()] == '/');
}

RequestLimits LimitsOf(const config::v1::Directory& directory) {
  RequestLimits limits;
  const config::v1::DirectoryLimits& own = directory.limits();
  if (own.max_results() > 0) limits.results = own.max_results();
  if (own.bulk_operations() > 0) limits.bulk_operations = own.bulk_operations();
  if (own.max_body_bytes() > 0) limits.body_bytes = own.max_body_bytes();
  return limits;
}

}  // namespace

void FrontRoutes::Handle(http::Request request, http::Respond respond) const {
  if (request.path == "/healthz") {
    respond(Text(200, "ok\n"));
  } else if (request.path == "/readyz") {
    respond(ready_ ? Text(200, "ready\n")
                   : Text(503, absl::StrCat("not ready\n", progress_ ? progress_() : "")));
  } else if (request.path == "/metrics") {
    http::Response response = Text(200, metrics_->Render());
    response.content_type = std::string(kMetricsContentType);
    respond(std::move(response));
  } else if (HandleKeys(request, respond)) {
    return;
  } else if ((dev_ && Under(request.path, kDevBase)) ||
             absl::StartsWith(request.path, kDirectories)) {
    HandleScim(std::move(request), std::move(respond));
  } else {
    respond(Text(404, "no such page\n"));
  }
}

// Public: whoever holds an event may verify it.
bool FrontRoutes::HandleKeys(const http::Request& request, const http::Respond& respond) const {
  absl::string_view name = request.path;
  if (!absl::ConsumeSuffix(&name, kKeys)) return false;
  if (dev_ && name.empty()) {
    name = "main";
  } else if (!absl::ConsumePrefix(&name, kDirectories)) {
    return false;
  }
  const auto state = broker_->control().state();
  const DirectoryEntry* entry = state->DirectoryByName(name);
  const auto keys = entry == nullptr ? std::nullopt : feeds_->PublicKeys(entry->id);
  http::Response response = Text(keys ? 200 : 404, keys ? *keys : "no such page\n");
  if (keys) response.content_type = "application/jwk-set+json";
  respond(std::move(response));
  return true;
}

void FrontRoutes::HandleScim(http::Request request, http::Respond respond) const {
  if (scim_ == nullptr) {
    respond(ErrorResponse(503, "this node has no front door: it serves its connectors alone"));
    return;
  }
  std::string name = "main";
  std::string base(kDevBase);
  if (absl::StartsWith(request.path, kDirectories)) {
    const std::vector<std::string> parts = absl::StrSplit(request.path, '/', absl::SkipEmpty());
    name = parts.size() > 1 ? parts[1] : "";
    base = absl::StrCat(kDirectories, name, kDevBase);
    if (!Under(request.path, base)) {
      respond(ErrorResponse(404, "SCIM is served at /directories/NAME/scim/v2"));
      return;
    }
  }
  DirectoryService* directory = broker_->DirectoryByName(name);
  if (directory == nullptr) {
    respond(ErrorResponse(broker_->WhyNotServed(name, request.Header("Authorization"))));
    return;
  }
  const auto state = broker_->control().state();
  const auto entry = state->directories.find(directory->id());
  DirectorySettings settings;
  if (entry != state->directories.end()) {
    const config::v1::Directory& configured = entry->second.directory;
    settings.public_url = configured.public_url();
    settings.schemas = entry->second.schemas;
    settings.limits = LimitsOf(configured);
    settings.clear_values.assign(configured.clear_values().begin(),
                                 configured.clear_values().end());
    settings.event_uris = feed::EventUris(configured);
  }
  scim_->Handle(std::move(request), std::move(respond), directory, base, settings);
}

http::Response FrontRoutes::ErrorPage(int status, absl::string_view path,
                                      absl::string_view message) {
  // A head that could not be read names no path; SCIM clients are those who send such.
  const bool scim = path.empty() || Under(path, kDevBase) || absl::StartsWith(path, kDirectories);
  return scim ? ErrorResponse(status, message) : Text(status, absl::StrCat(message, "\n"));
}

}  // namespace purser
