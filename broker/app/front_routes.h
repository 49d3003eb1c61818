// What is served over HTTP: SCIM, health, readiness, metrics.
#pragma once

#include <atomic>

#include "broker/app/broker_host.h"
#include "broker/base/metrics.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/http/server.h"

namespace purser {

// Thread-safe. All that it is given outlives it.
class FrontRoutes {
 public:
  FrontRoutes(BrokerHost* broker, const ScimEndpoints* scim, MetricsRegistry* metrics, bool dev)
      : broker_(broker), scim_(scim), metrics_(metrics), dev_(dev) {}

  void Handle(http::Request request, http::Respond respond) const;
  // The server's own refusals: SCIM errors where a SCIM client asked.
  static http::Response ErrorPage(int status, absl::string_view path, absl::string_view message);

  void SetReady(bool ready) { ready_ = ready; }

 private:
  void HandleScim(http::Request request, http::Respond respond) const;

  BrokerHost* const broker_;
  const ScimEndpoints* const scim_;
  MetricsRegistry* const metrics_;
  const bool dev_;
  std::atomic<bool> ready_{false};
};

}  // namespace purser
