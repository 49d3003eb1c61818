// Asking a twin without a socket.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "connectors/sandbox/scheduler.h"
#include "connectors/sandbox/scim_twin.h"
#include "connectors/sandbox/twin.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

using nlohmann::json;

// "/Users?filter=userName eq \"a\"" as a request of the twin's.
inline http::Request MakeRequest(std::string method, const std::string& target, json body = {},
                                 const std::string& authorization = "Bearer secret") {
  http::Request request;
  const std::vector<std::string> parts = absl::StrSplit(target, absl::MaxSplits('?', 1));
  request.method = std::move(method);
  request.path = parts[0];
  request.scheme = "http";
  request.host = "127.0.0.1:8090";
  request.headers = {{"Authorization", authorization}, {"Content-Type", "application/scim+json"}};
  if (!body.is_null()) request.body = body.dump();
  if (parts.size() == 1) return request;
  for (absl::string_view pair : absl::StrSplit(parts[1], '&')) {
    const std::vector<std::string> both = absl::StrSplit(pair, absl::MaxSplits('=', 1));
    request.query.emplace_back(both[0], both.size() > 1 ? both[1] : "");
  }
  return request;
}

inline json BodyOf(const http::Response& response) {
  return json::parse(response.body, nullptr, /*allow_exceptions=*/false);
}

// One SCIM twin with a clock that stands still.
class ScimDesk {
 public:
  explicit ScimDesk(const ScimProfile& profile)
      : base_(profile.base_path), twin(profile, "secret", clock, ids) {}

  http::Response Ask(std::string method, const std::string& target, json body = {}) {
    return Send(MakeRequest(std::move(method), base_ + target, std::move(body)));
  }
  http::Response Send(http::Request request, Circumstances circumstances = {}) {
    return twin.Handle(twin.Understand(std::move(request)), circumstances);
  }
  std::string Url(const std::string& target) const { return base_ + target; }

 private:
  std::string base_;

 public:
  FakeClock clock;
  SequentialIdSource ids;
  ScimTwin twin;
};

// Runs what is due when the test says so.
class ManualScheduler : public Scheduler {
 public:
  void After(absl::Duration delay, std::function<void()> work) override {
    waiting_.emplace(now_ + delay, std::move(work));
  }
  void Advance(absl::Duration step) {
    now_ += step;
    while (!waiting_.empty() && waiting_.begin()->first <= now_) {
      auto work = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      work();
    }
  }
  size_t waiting() const { return waiting_.size(); }

 private:
  absl::Duration now_;
  std::multimap<absl::Duration, std::function<void()>> waiting_;
};

inline json RecniceUser(const std::string& name) {
  return {{"schemas", {kUserUrn, kEnterpriseUrn}},
          {"userName", name},
          {"active", true},
          {"displayName", "Ada Byron"},
          {"title", "Analyst"},
          {"emails", {{{"type", "work"}, {"value", name}, {"primary", true}}}},
          {"preferredLanguage", "en"},
          {"name", {{"givenName", "Ada"}, {"familyName", "Byron"}, {"formatted", "Ada Byron"}}},
          {"addresses",
           {{{"type", "work"},
             {"formatted", "1 Main St"},
             {"streetAddress", "1 Main St"},
             {"locality", "London"},
             {"region", "London"},
             {"postalCode", "N1"},
             {"country", "GB"}}}},
          {"externalId", "ext-" + name},
          {"roles", {{{"value", "Recognition User"}}}},
          {kEnterpriseUrn, {{"department", "Engines"}}}};
}

inline json AlexisHrUser(const std::string& name) {
  return {{"schemas", {kUserUrn, kEnterpriseUrn}},
          {"userName", name},
          {"active", true},
          {"emails", {{{"type", "work"}, {"value", name}}}},
          {"name", {{"givenName", "Ada"}, {"familyName", "Byron"}}},
          {"phoneNumbers", {{{"type", "work"}, {"value", "+16175551212"}}}}};
}

inline json PatchOf(json operations) {
  return {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}},
          {"Operations", std::move(operations)}};
}

}  // namespace purser::sandbox
