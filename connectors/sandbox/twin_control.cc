// What a test or a person asks of a twin, or orders it, under /_sandbox/<app>/.
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "connectors/sandbox/json_access.h"
#include "connectors/sandbox/twin_server.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

http::Response Json(int status, const json& body) {
  return {.status = status, .content_type = "application/json", .body = Dump(body)};
}

http::Response Done(const absl::Status& status) {
  if (status.ok()) return {.status = 204};
  return Json(400, {{"error", std::string(status.message())}});
}

http::Response NotAllowed() { return Json(405, {{"error", "this method is not supported here"}}); }

absl::StatusOr<json> ParseBody(const http::Request& request) {
  json body = json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (body.is_discarded()) return absl::InvalidArgumentError("the body is no JSON");
  return body;
}

// Runs `set` on the body, where it is JSON.
template <typename Set>
http::Response Put(const http::Request& request, Set set) {
  const absl::StatusOr<json> body = ParseBody(request);
  return Done(body.ok() ? set(*body) : body.status());
}

}  // namespace

http::Response TwinServer::Control(absl::string_view what, const http::Request& request) {
  if (what == "state") return ControlState(request);
  if (what == "calls") return ControlCalls(request);
  if (what == "faults") return ControlFaults(request);
  if (what == "settings") return ControlSettings(request);
  if (what == "stats" && request.method == "GET") return Json(200, log_.Stats());
  return Json(404, {{"error", "state, calls, stats, faults and settings are what can be asked"}});
}

http::Response TwinServer::ControlState(const http::Request& request) {
  if (request.method == "GET") return Json(200, twin_->State());
  if (request.method == "DELETE") return Done(twin_->SetState(json::object()));
  if (request.method != "PUT") return NotAllowed();
  return Put(request, [this](const json& body) {
    if (!body.is_object()) return absl::InvalidArgumentError("the state must be an object");
    return twin_->SetState(body);
  });
}

http::Response TwinServer::ControlCalls(const http::Request& request) {
  if (request.method == "DELETE") {
    log_.Clear();
    return {.status = 204};
  }
  if (request.method != "GET") return NotAllowed();
  uint64_t since = 0;
  const std::string* text = request.Query("since");
  if (text != nullptr && !absl::SimpleAtoi(*text, &since)) {
    return Json(400, {{"error", "since must be the number of a call"}});
  }
  const std::string* bodies = request.Query("bodies");
  return Json(200, log_.List(since, bodies != nullptr && *bodies != "0"));
}

http::Response TwinServer::ControlFaults(const http::Request& request) {
  if (request.method == "GET") return Json(200, faults_.Get());
  if (request.method == "DELETE") return Done(faults_.Set(json::object()));
  if (request.method != "PUT") return NotAllowed();
  return Put(request, [this](const json& body) { return SetFaults(body); });
}

http::Response TwinServer::ControlSettings(const http::Request& request) {
  if (request.method == "GET") return Json(200, Settings());
  if (request.method != "PUT") return NotAllowed();
  return Put(request, [this](const json& body) { return Configure(body); });
}

json TwinServer::Settings() const {
  json settings = twin_->Settings();
  MutexLock lock(&mutex_);
  settings["latency_ms"] = absl::ToDoubleMilliseconds(latency_);
  settings["limits"] = limits_.Get();
  return settings;
}

absl::Status TwinServer::Configure(const json& settings) {
  if (!settings.is_object()) return absl::InvalidArgumentError("the settings must be an object");
  json own = settings;
  for (const char* name : {"latency_ms", "limits"}) own.erase(name);
  const json* latency = Member(settings, "latency_ms");
  if (latency != nullptr && !latency->is_number()) {
    return absl::InvalidArgumentError("latency_ms must be a number");
  }
  const json* limits = Member(settings, "limits");
  RollingLimits parsed;
  if (limits != nullptr) RETURN_IF_ERROR(parsed.Set(*limits));
  RETURN_IF_ERROR(twin_->Configure(own));
  MutexLock lock(&mutex_);
  if (latency != nullptr) latency_ = absl::Milliseconds(latency->get<double>());
  if (limits != nullptr) limits_ = std::move(parsed);
  return absl::OkStatus();
}

}  // namespace purser::sandbox
