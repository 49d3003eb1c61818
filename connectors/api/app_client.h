// What every connector sends through: one authenticated request, one judged and redacted answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/clock.h"
#include "connectors/api/connector.h"
#include "connectors/api/http_client.h"
#include "connectors/api/secrets.h"
#include "nlohmann/json.hpp"

namespace purser::connectors {

// One call of the runtime under way; its requests share the call's time-out.
struct Attempt {
  Call call;
  absl::Duration ends;  // by Clock::SinceBoot()
};

struct Request {
  std::string what;  // "create a user": begins every message
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<nlohmann::json> body;
  std::vector<std::string> fields;  // names of the fields sent, for people
  bool authenticated = true;
};

struct Answer {
  Result result;  // by verdicts.h; a 2xx is kDone whatever its body
  HttpResponse http;
  nlohmann::json body;  // is_discarded() where the body is no JSON
};

// How an app is logged in to. `secrets` are texts with references, the first to be tried first.
struct Login {
  std::vector<std::string> secrets;
  // The Authorization header's value for a resolved secret.
  std::function<absl::StatusOr<std::string>(const std::string& secret)> authorization;
};

// Adds Authorization, Accept, Content-Type, User-Agent, X-Request-Id and traceparent. A 401 to one
// secret has the other tried once, and the one that was taken goes first from then on.
//
// Thread-compatible. `http` and `clock` outlive it; it outlives its requests.
class AppClient {
 public:
  AppClient(HttpClient* http, SecretResolver secrets, Login login, std::string media_type,
            const Clock& clock);

  Attempt Begin(const Call& call) const;

  using AnswerDone = std::function<void(Answer)>;
  // Runs `done` once. Past the attempt's end nothing is sent: kUnavailable.
  void Send(const Attempt& attempt, Request request, AnswerDone done);

  // `text` with its references replaced, or a result for what lacks them: kUnauthenticated, so that
  // the app waits for its secret.
  absl::StatusOr<std::string> Resolve(absl::string_view text) const;
  static Result ResultOfMissing(absl::string_view what, const absl::Status& missing);

  absl::Time Now() const { return clock_.Now(); }

 private:
  void SendWith(size_t secret, bool may_switch, const Attempt& attempt, Request request,
                AnswerDone done);
  absl::StatusOr<HttpRequest> Build(size_t secret, const Attempt& attempt,
                                    const Request& request) const;
  Answer Judge(const Request& request, absl::StatusOr<HttpResponse> response) const;

  HttpClient* const http_;
  const SecretResolver secrets_;
  const Login login_;
  const std::string media_type_;
  const Clock& clock_;
  size_t preferred_ = 0;  // of login_.secrets, the one that was taken last
};

// A result without an exchange: "what: why".
Result MakeResult(Verdict verdict, absl::string_view what, absl::string_view why);

// Sets the verdict and says why, keeping what is known of the exchange.
void Overrule(Verdict verdict, absl::string_view why, Result* result);

// The result of a question: it has no effect, so its lost answer leaves nothing in doubt but the
// app's being there, kUnavailable.
Result OfQuestion(Result result);

// "0.1.0"
absl::string_view ProductVersion();

// Compact JSON; bytes that are not UTF-8 are replaced.
std::string ToText(const nlohmann::json& value);

}  // namespace purser::connectors
