#include "connectors/sandbox/twin_server.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

// The form of RFC 9110, section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string HttpDate(absl::Time time) {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", time, absl::UTCTimeZone());
}

int StatusElse(const Fault& fault, int fallback) {
  return fault.status == 0 ? fallback : fault.status;
}

// Half of what would have come: no JSON any more.
http::Response Truncated(http::Response response) {
  response.body =
      response.body.size() < 4 ? "{\"" : response.body.substr(0, response.body.size() / 2);
  response.status = response.status == 204 ? 200 : response.status;
  return response;
}

}  // namespace

TwinServer::TwinServer(std::string app, std::unique_ptr<Twin> twin, const Clock& clock,
                       Scheduler& scheduler)
    : app_(std::move(app)), twin_(std::move(twin)), clock_(clock), scheduler_(scheduler) {}

void TwinServer::After(absl::Duration delay, std::function<void()> work) {
  if (delay <= absl::ZeroDuration()) {
    work();
  } else {
    scheduler_.After(delay, std::move(work));
  }
}

void TwinServer::Serve(http::Request request, http::Respond respond) {
  auto pending = std::make_shared<Pending>();
  pending->call = twin_->Understand(std::move(request));
  pending->respond = std::move(respond);
  pending->number = log_.Begin(pending->call, clock_.Now());
  if (!twin_->Authorized(pending->call)) {
    Answer(pending, twin_->Refuse(401, "the credentials are not valid"));
    return;
  }
  if (Throttled(pending)) return;
  FaultChoice choice = faults_.Choose(app_, pending->call);
  pending->fault = std::move(choice.fault);
  absl::Duration delay = choice.delay;
  {
    MutexLock lock(&mutex_);
    delay += latency_;
  }
  After(delay, [this, pending] { Act(pending); });
}

bool TwinServer::Throttled(const PendingCall& pending) {
  std::optional<Exceeded> exceeded;
  {
    MutexLock lock(&mutex_);
    exceeded = limits_.Take(pending->call.operation, clock_.SinceBoot());
  }
  if (!exceeded) return false;
  Fault fault;
  fault.name = pending->fault.name = "limit";
  if (exceeded->tell_when) {
    fault.retry_after = absl::StrCat(std::ceil(absl::ToDoubleSeconds(exceeded->wait)));
  }
  Answer(pending, FaultAnswer(fault, 429, "the limit of calls is reached"));
  return true;
}

void TwinServer::Act(const PendingCall& pending) {
  const Fault& fault = pending->fault;
  const Call& call = pending->call;
  switch (fault.kind) {
    case FaultKind::kNone:
    case FaultKind::kSlow:
      return Answer(pending, twin_->Handle(call, {}));
    case FaultKind::kIgnoreFilter:
      return Answer(pending, twin_->Handle(call, {.ignore_filter = true}));
    case FaultKind::kFalseSuccess:
      return Answer(pending, twin_->Handle(call, {.commit = false}));
    case FaultKind::kBadJson:
      return Answer(pending, Truncated(twin_->Handle(call, {.commit = fault.effect})));
    case FaultKind::kDropBefore:
      return Drop(pending);
    case FaultKind::kCommitThenDrop:
      twin_->Handle(call, {});
      return Drop(pending);
    case FaultKind::kStall:
      return Stall(pending);
    case FaultKind::kLateEffect:
      return ActLate(pending);
    default:
      break;
  }
  if (fault.effect || fault.kind == FaultKind::kCommitThenStatus) twin_->Handle(call, {});
  After(fault.delay.value_or(absl::ZeroDuration()), [this, pending] {
    Answer(pending, FaultAnswer(pending->fault, 503, "a fault on command"));
  });
}

void TwinServer::Stall(const PendingCall& pending) {
  After(pending->fault.delay.value_or(absl::Seconds(35)), [this, pending] {
    if (pending->fault.status == 0) return Drop(pending);
    Answer(pending, FaultAnswer(pending->fault, 500, "The operation has timed out."));
  });
}

void TwinServer::ActLate(const PendingCall& pending) {
  const absl::Duration delay = pending->fault.delay.value_or(absl::Seconds(35));
  After(delay, [this, call = pending->call] { twin_->Handle(call, {}); });
  After(pending->fault.hold.value_or(delay), [this, pending] { Drop(pending); });
}

http::Response TwinServer::FaultAnswer(const Fault& fault, int status,
                                       absl::string_view message) const {
  http::Response response;
  switch (fault.kind) {
    case FaultKind::kHtml:
      response = {.status = StatusElse(fault, 200),
                  .content_type = "text/html; charset=utf-8",
                  .body = "<!DOCTYPE html><html><body><h1>Please log in</h1></body></html>"};
      break;
    case FaultKind::kRedirect:
      response = {.status = StatusElse(fault, 302), .headers = {{"Location", "/login"}}};
      break;
    case FaultKind::kThrottle:
      response = twin_->Refuse(StatusElse(fault, 429), "too many requests");
      break;
    case FaultKind::kExpireCredential:
      response = twin_->Refuse(StatusElse(fault, 401), "the credential has expired");
      break;
    case FaultKind::kCommitThenStatus:
      response = twin_->Refuse(StatusElse(fault, 500), message);
      break;
    default:
      response = twin_->Refuse(StatusElse(fault, status), message);
  }
  if (fault.body) response.body = *fault.body;
  if (!fault.content_type.empty()) response.content_type = fault.content_type;
  if (!fault.retry_after.empty()) response.headers.emplace_back("Retry-After", fault.retry_after);
  if (fault.retry_after_date_in) {
    response.headers.emplace_back("Retry-After",
                                  HttpDate(clock_.Now() + *fault.retry_after_date_in));
  }
  for (const auto& header : fault.headers) response.headers.push_back(header);
  return response;
}

void TwinServer::Answer(const PendingCall& pending, http::Response response) {
  log_.Finish(pending->number, response.status, pending->fault.name, clock_.Now());
  http::Respond respond = std::exchange(pending->respond, nullptr);
  if (respond) respond(std::move(response));
}

void TwinServer::Drop(const PendingCall& pending) {
  log_.Finish(pending->number, 0, pending->fault.name, clock_.Now());
  pending->respond = nullptr;
}

}  // namespace purser::sandbox
