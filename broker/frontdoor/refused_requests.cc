#include "broker/frontdoor/refused_requests.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/base/ids.h"
#include "broker/eventlog/fold.h"
#include "broker/events/sealing.h"
#include "broker/scim/json_text.h"
#include "broker/scim/message.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"

namespace purser {
namespace {

using event::v1::RefusedRequest;
using nlohmann::json;
using scim::FindAnyCase;

constexpr size_t kMaxText = 256;
constexpr int kMaxAttributes = 64;
// Whom it was about is not looked for in more than that.
constexpr size_t kMaxBody = 1u << 20;

// What a client may send in any form, made fit for a terminal.
std::string Plain(absl::string_view text) {
  std::string plain(text.substr(0, kMaxText));
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return !absl::ascii_isprint(c); }, '?');
  return plain;
}

bool IsEndpoint(const std::string& segment) {
  for (const char* known : {"Users", "Groups", "Bulk", "Me", ".search", "Schemas", "ResourceTypes",
                            "ServiceProviderConfig"}) {
    if (segment == known) return true;
  }
  return false;
}

// Clients put anything where an id should be, a name too: "/Users/?".
std::string PathOf(const ScimRequest& request) {
  std::string path;
  for (const std::string& segment : request.segments) {
    absl::StrAppend(&path, "/", IsEndpoint(segment) || IsUuid(segment) ? segment : "?");
  }
  return path.empty() ? "/" : path;
}

bool IsInName(char c) {
  return absl::ascii_isalnum(c) || c == '.' || c == ':' || c == '_' || c == '-' || c == '$';
}

// Names alone: "emails[type eq ..." is cut at the bracket, and what no attribute can be called,
// such as an address where a name should be, is "?".
void AddAttribute(absl::string_view name, RefusedRequest* refused) {
  const absl::string_view text = name.substr(0, name.find('['));
  if (text.empty() || refused->attributes_size() == kMaxAttributes) return;
  const bool is_name = text.size() <= kMaxText && std::all_of(text.begin(), text.end(), IsInName);
  const std::string plain(is_name ? text : "?");
  const auto& known = refused->attributes();
  if (std::find(known.begin(), known.end(), plain) == known.end()) refused->add_attributes(plain);
}

void TakeNames(const json& object, json* names) {
  for (const char* name : {"userName", "externalId", "displayName"}) {
    const json* value = FindAnyCase(object, name);
    if (value != nullptr && value->is_string()) (*names)[name] = *value;
  }
}

// One operation of a PATCH: its path, or the names in a value without one.
void ReadOperation(const json& operation, RefusedRequest* refused, json* names) {
  const json* path = FindAnyCase(operation, "path");
  const json* value = FindAnyCase(operation, "value");
  if (path != nullptr && path->is_string() && !path->get_ref<const std::string&>().empty()) {
    const std::string& target = path->get_ref<const std::string&>();
    AddAttribute(target, refused);
    if (value != nullptr) TakeNames(json{{target, *value}}, names);
  } else if (value != nullptr && value->is_object()) {
    for (const auto& [name, unused] : value->items()) AddAttribute(name, refused);
    TakeNames(*value, names);
  }
}

// Of a bulk the operations are kept, each by itself.
void ReadBody(const ScimRequest& request, RefusedRequest* refused) {
  if (!request.segments.empty() && request.segments.front() == "Bulk") return;
  if (request.http.body.empty() || request.http.body.size() > kMaxBody) return;
  const absl::StatusOr<json> body = scim::ParseJson(request.http.body);
  if (!body.ok() || !body->is_object()) return;
  json names = json::object();
  const json* operations = FindAnyCase(*body, "Operations");
  if (operations != nullptr && operations->is_array()) {
    for (const json& operation : *operations) ReadOperation(operation, refused, &names);
  } else {
    for (const auto& [name, unused] : body->items()) AddAttribute(name, refused);
    TakeNames(*body, &names);
  }
  if (names.empty()) return;
  const std::string& subject =
      refused->resource_id().empty() ? request.request_id : refused->resource_id();
  std::string text;
  scim::AppendJson(names, &text);
  SealedPayload sealed = Seal(subject, std::move(text));
  refused->set_key_id(std::move(sealed.key_id));
  refused->set_sealed_names(std::move(sealed.bytes));
}

void SetError(const http::Response& response, RefusedRequest* refused) {
  refused->set_http_status(static_cast<uint32_t>(response.status));
  const json error = json::parse(response.body, nullptr, false);
  const json* type = FindAnyCase(error, "scimType");
  const json* detail = FindAnyCase(error, "detail");
  if (type != nullptr && type->is_string()) refused->set_reason(type->get<std::string>());
  if (detail != nullptr && detail->is_string()) refused->set_message(detail->get<std::string>());
}

}  // namespace

bool IsRefused(const http::Request& request, int status) {
  if (status < 400) return false;
  if (request.method != "GET" && request.method != "HEAD") return true;
  return status != 404 && status < 500;
}

RefusedRequest RedactRefused(const ScimRequest& request, const http::Response& response,
                             absl::Time at) {
  RefusedRequest refused;
  SetTime(at, refused.mutable_time());
  const event::v1::Envelope envelope = EnvelopeOf(request);
  refused.set_request_id(envelope.request_id());
  refused.set_trace_parent(envelope.trace_parent());
  refused.set_token_id(envelope.actor());
  refused.set_client(Plain(request.http.Header("User-Agent")));
  refused.set_method(Plain(request.http.method));
  refused.set_path(PathOf(request));
  if (request.schema != nullptr) refused.set_resource_type(request.schema->type);
  if (IsUuid(request.resource_id())) refused.set_resource_id(request.resource_id());
  SetError(response, &refused);
  // Nobody's word is taken for what somebody unknown sent.
  if (!request.principal.token_id.empty()) ReadBody(request, &refused);
  return refused;
}

RefusedRequests::RefusedRequests(EventLog* log, const Clock* clock, MetricsRegistry* metrics)
    : log_(log),
      clock_(clock),
      dropped_(metrics->GetCounter("purser_refused_requests_dropped_total",
                                   "Refused requests that were not kept: too many at once.")),
      known_(100, 1000),
      unknown_(1, 20) {}

void RefusedRequests::Note(const ScimRequest& request, const http::Response& response) {
  if (!IsRefused(request.http, response.status)) return;
  if (!Admit(!request.principal.token_id.empty())) {
    dropped_->Add(1);
    return;
  }
  log_->AppendUnchained(StreamId::Requests(request.directory->id()),
                        RedactRefused(request, response, clock_->Now()).SerializeAsString());
}

bool RefusedRequests::Admit(bool known_client) {
  MutexLock lock(&mutex_);
  return (known_client ? known_ : unknown_).Take(clock_->SinceBoot());
}

bool RefusedRequests::Allowance::Take(absl::Duration now) {
  left_ = std::min(burst_, left_ + absl::ToDoubleSeconds(now - last_) * per_second_);
  last_ = now;
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

}  // namespace purser
