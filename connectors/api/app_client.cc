#include "connectors/api/app_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "connectors/api/url.h"
#include "connectors/api/verdicts.h"

#ifndef PURSER_VERSION
#define PURSER_VERSION "0"
#endif

namespace purser::connectors {
namespace {

bool FitsInHeader(absl::string_view value) {
  return std::none_of(value.begin(), value.end(),
                      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

std::string FieldSummary(const std::vector<std::string>& fields) {
  return fields.empty() ? "" : absl::StrCat("sent ", absl::StrJoin(fields, ", "));
}

}  // namespace

AppClient::AppClient(HttpClient* http, SecretResolver secrets, Login login, std::string media_type,
                     const Clock& clock)
    : http_(http),
      secrets_(std::move(secrets)),
      login_(std::move(login)),
      media_type_(std::move(media_type)),
      clock_(clock) {}

Attempt AppClient::Begin(const Call& call) const {
  return {.call = call, .ends = clock_.SinceBoot() + call.timeout};
}

void AppClient::Send(const Attempt& attempt, Request request, AnswerDone done) {
  const bool may_switch = request.authenticated && login_.secrets.size() > 1;
  SendWith(preferred_, may_switch, attempt, std::move(request), std::move(done));
}

absl::StatusOr<std::string> AppClient::Resolve(absl::string_view text) const {
  return ResolveSecrets(text, secrets_);
}

Result AppClient::ResultOfMissing(absl::string_view what, const absl::Status& missing) {
  Result result = MakeResult(Verdict::kUnauthenticated, what, missing.message());
  result.not_configured = true;
  return result;
}

void AppClient::SendWith(size_t secret, bool may_switch, const Attempt& attempt, Request request,
                         AnswerDone done) {
  if (clock_.SinceBoot() >= attempt.ends) {
    Answer late;
    late.result = MakeResult(Verdict::kUnavailable, request.what, "no time was left to send it");
    return done(std::move(late));
  }
  absl::StatusOr<HttpRequest> built = Build(secret, attempt, request);
  const size_t other = secret == 0 ? 1 : 0;
  if (!built.ok()) {
    if (may_switch) return SendWith(other, false, attempt, std::move(request), std::move(done));
    Answer missing;
    missing.result = ResultOfMissing(request.what, built.status());
    return done(std::move(missing));
  }
  HttpRequest outbound = *std::move(built);
  http_->Send(std::move(outbound),
              [this, secret, other, may_switch, attempt, request = std::move(request),
               done = std::move(done)](absl::StatusOr<HttpResponse> response) {
                Answer answer = Judge(request, std::move(response));
                if (answer.result.verdict == Verdict::kUnauthenticated && may_switch) {
                  return SendWith(other, false, attempt, request, done);
                }
                if (request.authenticated && answer.result.ok()) preferred_ = secret;
                done(std::move(answer));
              });
}

absl::StatusOr<HttpRequest> AppClient::Build(size_t secret, const Attempt& attempt,
                                             const Request& request) const {
  HttpRequest out{.method = request.method, .url = request.url, .headers = request.headers};
  if (request.authenticated) {
    ASSIGN_OR_RETURN(const std::string value, Resolve(login_.secrets[secret]));
    ASSIGN_OR_RETURN(std::string authorization, login_.authorization(value));
    if (!FitsInHeader(authorization)) {
      return absl::InvalidArgumentError(absl::StrCat(ReferencesIn(login_.secrets[secret]),
                                                     " holds a character no header may carry"));
    }
    out.headers.emplace_back("Authorization", std::move(authorization));
  }
  out.headers.emplace_back("Accept", media_type_ == "application/json"
                                         ? media_type_
                                         : absl::StrCat(media_type_, ", application/json"));
  if (request.body.has_value()) {
    out.headers.emplace_back("Content-Type", media_type_);
    out.body = ToText(*request.body);
  }
  out.headers.emplace_back("User-Agent", absl::StrCat("Purser/", ProductVersion()));
  if (const Call& call = attempt.call; FitsInHeader(call.request_id + call.trace_parent)) {
    if (!call.request_id.empty()) out.headers.emplace_back("X-Request-Id", call.request_id);
    if (!call.trace_parent.empty()) out.headers.emplace_back("traceparent", call.trace_parent);
  }
  out.timeout = std::min(attempt.call.timeout, attempt.ends - clock_.SinceBoot());
  return out;
}

Answer AppClient::Judge(const Request& request, absl::StatusOr<HttpResponse> response) const {
  Answer answer;
  Result& result = answer.result;
  result.exchange = {.method = request.method,
                     .url = RedactUrl(request.url),
                     .summary = FieldSummary(request.fields)};
  if (!response.ok()) {
    result.verdict = VerdictOfTransport(response.status());
    const absl::string_view why =
        result.verdict == Verdict::kUnavailable ? "it could not be sent" : "no answer came";
    result.message = absl::StrCat(request.what, ": ", why, " (",
                                  absl::StatusCodeToString(response.status().code()), ")");
    answer.body = nlohmann::json(nlohmann::json::value_t::discarded);
    return answer;
  }
  answer.http = *std::move(response);
  answer.body = nlohmann::json::parse(answer.http.body, nullptr, /*allow_exceptions=*/false);
  result.http_status = result.exchange.status = answer.http.status;
  result.verdict = VerdictOfStatus(answer.http.status);
  result.message = absl::StrCat(request.what, ": the app answered ", answer.http.status);
  if (!result.ok()) {
    absl::StrAppend(&result.message, ", ", VerdictName(result.verdict));
    result.retry_after = RetryAfter(answer.http, clock_.Now());
  }
  return answer;
}

Result MakeResult(Verdict verdict, absl::string_view what, absl::string_view why) {
  Result result;
  result.verdict = verdict;
  result.message = absl::StrCat(what, ": ", why);
  return result;
}

void Overrule(Verdict verdict, absl::string_view why, Result* result) {
  result->verdict = verdict;
  absl::StrAppend(&result->message, "; ", why);
}

Result OfQuestion(Result result) {
  if (result.verdict == Verdict::kInDoubt) result.verdict = Verdict::kUnavailable;
  return result;
}

absl::string_view ProductVersion() { return PURSER_VERSION; }

std::string ToText(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace purser::connectors
