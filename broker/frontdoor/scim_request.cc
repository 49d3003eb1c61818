#include "broker/frontdoor/scim_request.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/trace_context.h"
#include "broker/events/sealing.h"
#include "broker/scim/error.h"
#include "broker/scim/render.h"

namespace purser {
namespace {

http::Response FromAnswer(const scim::ErrorAnswer& answer) {
  http::Response response = ScimResponse(answer.http_status, scim::RenderError(answer));
  if (answer.http_status == 503) response.headers.emplace_back("Retry-After", "1");
  if (answer.http_status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"purser\"");
  }
  return response;
}

}  // namespace

http::Response ScimResponse(int status, std::string body, uint64_t etag) {
  http::Response response;
  response.status = status;
  response.content_type = std::string(scim::kMediaType);
  response.body = std::move(body);
  if (etag != 0) response.headers.emplace_back("ETag", scim::EntityTag(etag));
  return response;
}

http::Response ErrorResponse(const absl::Status& status) {
  return FromAnswer(scim::ToErrorAnswer(status));
}

http::Response ErrorResponse(int status, absl::string_view detail) {
  return FromAnswer({status, scim::ErrorType::kNone, std::string(detail)});
}

http::Response MethodNotAllowed(absl::string_view allow) {
  http::Response response =
      ErrorResponse(405, absl::StrCat("this method is not offered here; allowed: ", allow));
  response.headers.emplace_back("Allow", std::string(allow));
  return response;
}

void TellAge(absl::Duration behind, const Head& head, absl::Time now, http::Response* response) {
  if (head.position == 0 && behind == absl::InfiniteDuration()) return;
  const absl::Duration age = std::min(behind, std::max(absl::ZeroDuration(), now - head.time));
  response->headers.emplace_back("Age", absl::StrCat(absl::ToInt64Seconds(age)));
}

event::v1::Envelope EnvelopeOf(const ScimRequest& request) {
  event::v1::Envelope envelope;
  envelope.set_actor(request.principal.token_id);
  envelope.set_request_id(request.request_id);
  const absl::string_view trace = request.http.Header("traceparent");
  if (ParseTraceParent(trace)) envelope.set_trace_parent(std::string(trace.substr(0, 55)));
  return envelope;
}

std::vector<event::v1::Envelope> EventsOf(const ScimRequest& request, IdSource* ids, absl::Time at,
                                          Decision* decision) {
  return EventsOf(EnvelopeOf(request), ids, at, decision);
}

std::vector<event::v1::Envelope> EventsOf(const event::v1::Envelope& by, IdSource* ids,
                                          absl::Time at, Decision* decision) {
  std::vector<event::v1::Envelope> events;
  if (!decision->changed) return events;
  decision->after.last_modified = at;
  if (decision->kind == event::v1::RESOURCE_CREATED) decision->after.created = at;
  event::v1::Envelope& envelope = events.emplace_back(by);
  envelope.set_event_id(ids->NewId(at));
  envelope.set_kind(decision->kind);
  envelope.set_resource_type(decision->type);
  envelope.set_resource_id(decision->id);
  SealedPayload sealed = Seal(decision->id, std::move(decision->payload));
  envelope.set_key_id(std::move(sealed.key_id));
  envelope.set_payload(std::move(sealed.bytes));
  return events;
}

}  // namespace purser
