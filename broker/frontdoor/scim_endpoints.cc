#include "broker/frontdoor/scim_endpoints.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/render.h"
#include "broker/scim/request.h"

namespace purser {
namespace {

constexpr absl::string_view kFeeds = "Feeds";

// Fit for a record and a log line: what it holds is the client's, and may be anything.
bool IsPlainToken(absl::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isgraph(c); });
}

bool HasBody(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

bool MayBeAsync(const ScimRequest& request) {
  const std::string& method = request.http.method;
  if (method == "PUT" || method == "PATCH" || method == "DELETE") return true;
  return method == "POST" && !request.segments.empty() && request.segments.front() != kFeeds &&
         request.segments.back() != ".search";
}

bool PrefersAsync(const http::Request& request) {
  std::vector<std::string> preferences;
  for (const auto& [name, value] : request.headers) {
    if (absl::EqualsIgnoreCase(name, "Prefer")) preferences.push_back(value);
  }
  return scim::PrefersAsync(absl::StrJoin(preferences, ","));
}

// Every answer names the permanent resource, one that is rendered later too.
http::Response WithLocation(const std::string& location, http::Response response) {
  // That of an asynchronous request names its result.
  if (response.status == 202) return response;
  if (response.render) {
    response.render = [location, render = std::move(response.render)] {
      return WithLocation(location, render());
    };
  } else {
    response.headers.emplace_back("Location", location);
  }
  return response;
}

}  // namespace

void ScimEndpoints::Handle(http::Request http, http::Respond respond, DirectoryService* directory,
                           const std::string& base_path, const DirectorySettings& settings) const {
  auto request = std::make_shared<ScimRequest>();
  request->http = std::move(http);
  request->respond = std::move(respond);
  if (options_.refused != nullptr) {
    // The request outlives its answer, which it holds.
    request->respond = [refused = options_.refused, request = request.get(),
                        respond = std::move(request->respond)](http::Response response) {
      refused->Note(*request, response);
      respond(std::move(response));
    };
  }
  request->directory = directory;
  request->clear_values = settings.clear_values;
  request->schemas = settings.schemas;
  request->limits = settings.limits;
  request->event_uris = settings.event_uris;
  const std::string& public_url = settings.public_url;
  request->base_url = public_url.empty()
                          ? absl::StrCat(request->http.scheme, "://", request->http.host, base_path)
                          : std::string(absl::StripSuffix(public_url, "/"));
  absl::string_view rest = request->http.path;
  absl::ConsumePrefix(&rest, base_path);
  request->segments = absl::StrSplit(rest, '/', absl::SkipEmpty());
  if (const absl::Status admitted = Admit(request.get()); !admitted.ok()) {
    request->respond(ErrorResponse(admitted));
    return;
  }
  Route(request);
}

absl::Status ScimEndpoints::Admit(ScimRequest* request) const {
  ASSIGN_OR_RETURN(
      request->principal,
      options_.tokens->AuthenticateHeader(
          request->directory->id(), request->http.Header("Authorization"), options_.clock->Now()));
  request->asynchronous = MayBeAsync(*request) && PrefersAsync(request->http);
  const absl::string_view given = request->http.Header("X-Request-Id");
  // A transaction's is its own: what it came to is found by it.
  request->request_id = IsPlainToken(given) && !request->asynchronous
                            ? std::string(given)
                            : options_.ids->NewId(options_.clock->Now());
  const bool feeds = !request->segments.empty() && request->segments.front() == kFeeds;
  if (!auth::Allows(request->principal.role, feeds ? auth::Role::kFeed : auth::Role::kScim)) {
    return absl::PermissionDeniedError("this token reads the directory's feeds, and nothing else");
  }
  // A bulk request's own answer names the limit by its name.
  if (!request->is_bulk() && request->http.body.size() > request->limits.body_bytes) {
    return scim::ScimError(413, scim::ErrorType::kNone,
                           absl::StrCat("the request's body is too large: at most ",
                                        request->limits.body_bytes, " bytes"));
  }
  // An asynchronous answer has no body (RFC 9967, section 2.5.1.1).
  if (!request->asynchronous && !scim::AcceptsScim(request->http.Header("Accept"))) {
    return scim::ScimError(406, scim::ErrorType::kNone,
                           "only application/scim+json can be answered");
  }
  if (HasBody(request->http.method) && !request->http.body.empty() &&
      !scim::IsAcceptedContentType(request->http.Header("Content-Type"))) {
    return scim::ScimError(415, scim::ErrorType::kNone,
                           "Content-Type must be application/scim+json or application/json");
  }
  return absl::OkStatus();
}

void ScimEndpoints::Route(const ScimRequestPtr& request) const {
  const std::string first = request->segments.empty() ? "" : request->segments.front();
  request->schema = request->schemas->OfEndpoint(first);
  if (request->schema != nullptr) {
    RouteResources(request);
  } else if (first.empty() || (first == ".search" && request->segments.size() == 1)) {
    RouteRoot(request, /*search=*/!first.empty());
  } else if (first == "ServiceProviderConfig" || first == "Schemas" || first == "ResourceTypes") {
    request->respond(Discover(*request));
  } else if (first == "Bulk" && request->segments.size() == 1) {
    request->http.method == "POST" ? Bulk(request) : request->respond(MethodNotAllowed("POST"));
  } else if (first == kFeeds && options_.feeds != nullptr) {
    options_.feeds(request);
  } else if (first == "Transactions" && request->segments.size() == 2) {
    GetTransaction(request);
  } else if (first == "Me") {
    RouteMe(request);
  } else {
    request->respond(ErrorResponse(404, "no such endpoint"));
  }
}

// The user whom the token stands for (RFC 7644, section 3.11).
void ScimEndpoints::RouteMe(const ScimRequestPtr& request) const {
  const std::string& user_id = request->principal.user_id;
  if (request->segments.size() > 1) return request->respond(ErrorResponse(404, "no such endpoint"));
  if (user_id.empty()) {
    return request->respond(ErrorResponse(501, "/Me means nobody: the token stands for no user"));
  }
  if (request->http.method == "POST") {
    return request->respond(ErrorResponse(501, "the user whom /Me means is there already"));
  }
  request->segments = {"Users", user_id};
  request->schema = &request->schemas->user;
  request->respond = [respond = std::move(request->respond),
                      location = scim::LocationOf(request->base_url, event::v1::USER, user_id)](
                         http::Response response) {
    respond(WithLocation(location, std::move(response)));
  };
  RouteResources(request);
}

// All resources, of both types (RFC 7644, sections 3.4.2.1 and 3.4.3).
void ScimEndpoints::RouteRoot(const ScimRequestPtr& request, bool search) const {
  const std::string& method = request->http.method;
  const bool offered = search ? method == "POST" : method == "GET" || method == "HEAD";
  offered ? List(request, search) : request->respond(MethodNotAllowed(search ? "POST" : "GET"));
}

void ScimEndpoints::RouteResources(const ScimRequestPtr& request) const {
  const std::string& method = request->http.method;
  const size_t depth = request->segments.size();
  if (depth > 2) {
    request->respond(ErrorResponse(404, "no such endpoint"));
  } else if (depth == 2 && request->segments[1] == ".search") {
    method == "POST" ? List(request, /*search=*/true) : request->respond(MethodNotAllowed("POST"));
  } else if (depth == 1 && (method == "GET" || method == "HEAD")) {
    List(request, /*search=*/false);
  } else if (depth == 1 && method == "POST") {
    Post(request);
  } else if (depth == 1) {
    request->respond(MethodNotAllowed("GET, POST"));
  } else if (method == "GET" || method == "HEAD") {
    Get(request);
  } else if (method == "PUT") {
    Put(request);
  } else if (method == "PATCH") {
    Patch(request);
  } else if (method == "DELETE") {
    Delete(request);
  } else {
    request->respond(MethodNotAllowed("GET, PUT, PATCH, DELETE"));
  }
}

}  // namespace purser
