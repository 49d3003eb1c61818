// What is served over HTTP: SCIM, the keys of its events, health, readiness, metrics.
#pragma once

#include <atomic>
#include <functional>

#include "broker/app/broker_host.h"
#include "broker/app/feed_host.h"
#include "broker/base/metrics.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/http/server.h"

namespace purser {

// Thread-safe. All that it is given outlives it. `scim` is null where this node has no front door:
// SCIM requests are 503, as a 404 would be taken for a user who is not there.
class FrontRoutes {
 public:
  FrontRoutes(BrokerHost* broker, const ScimEndpoints* scim, const FeedHost* feeds,
              MetricsRegistry* metrics, bool dev)
      : broker_(broker), scim_(scim), feeds_(feeds), metrics_(metrics), dev_(dev) {}

  void Handle(http::Request request, http::Respond respond) const;
  // The server's own refusals: SCIM errors where a SCIM client asked.
  static http::Response ErrorPage(int status, absl::string_view path, absl::string_view message);

  bool ready() const { return ready_; }
  void SetReady(bool ready) { ready_ = ready; }
  // What /readyz says while it is not ready. Set before the first request.
  void SetProgress(std::function<std::string()> progress) { progress_ = std::move(progress); }

 private:
  // True where the path names a directory's public keys; then it is answered.
  bool HandleKeys(const http::Request& request, const http::Respond& respond) const;
  void HandleScim(http::Request request, http::Respond respond) const;

  BrokerHost* const broker_;
  const ScimEndpoints* const scim_;
  const FeedHost* const feeds_;
  MetricsRegistry* const metrics_;
  const bool dev_;
  std::function<std::string()> progress_;
  std::atomic<bool> ready_{false};
};

}  // namespace purser
