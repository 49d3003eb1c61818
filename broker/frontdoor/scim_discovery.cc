#include <optional>
#include <string>

#include "broker/frontdoor/scim_endpoints.h"
#include "broker/scim/discovery.h"

namespace purser {
namespace {

http::Response OneOf(const std::optional<std::string>& body) {
  return body ? ScimResponse(200, *body) : ErrorResponse(404, "no such schema or resource type");
}

}  // namespace

http::Response ScimEndpoints::Discover(const ScimRequest& request) const {
  const std::string& method = request.http.method;
  if (method != "GET" && method != "HEAD") return MethodNotAllowed("GET");
  if (request.http.Query("filter") != nullptr) {
    return ErrorResponse(403, "discovery takes no filter");
  }
  const std::string& first = request.segments.front();
  if (request.segments.size() > 2) return ErrorResponse(404, "no such endpoint");
  if (first == "ServiceProviderConfig") {
    return ScimResponse(200, scim::RenderServiceProviderConfig(request.limits, request.base_url,
                                                               request.event_uris));
  }
  const scim::SchemaSet& schemas = *request.schemas;
  const bool one = request.segments.size() == 2;
  if (first == "Schemas") {
    return one ? OneOf(scim::RenderSchema(schemas, request.base_url, request.segments[1]))
               : ScimResponse(200, scim::RenderSchemas(schemas, request.base_url));
  }
  return one ? OneOf(scim::RenderResourceType(schemas, request.base_url, request.segments[1]))
             : ScimResponse(200, scim::RenderResourceTypes(schemas, request.base_url));
}

}  // namespace purser
