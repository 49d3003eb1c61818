// The answers of a SCIM application (RFC 7644, sections 3.4.2 and 3.12), and discovery.
#pragma once

#include <string>

#include "broker/http/server.h"
#include "connectors/sandbox/scim_profile.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

http::Response ScimJson(int status, const nlohmann::json& body);
http::Response ScimError(const Refusal& refusal);

// `document` without what the request's `attributes` or `excludedAttributes` leave out.
nlohmann::json Project(const http::Request& request, nlohmann::json document);
// Whether an answer to `request` shows that attribute.
bool Shows(const http::Request& request, absl::string_view attribute);

// ServiceProviderConfig and ResourceTypes; 404 for anything else.
http::Response ScimDiscovery(const ScimProfile& profile, absl::string_view what);

// "http://127.0.0.1:8090/recnice/scim"
std::string BaseUrl(const http::Request& request, absl::string_view base_path);

}  // namespace purser::sandbox
