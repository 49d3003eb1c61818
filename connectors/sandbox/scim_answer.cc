#include "connectors/sandbox/scim_answer.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

constexpr char kListUrn[] = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

// Whether a list such as "userName,name.givenName" names the attribute or a part of it.
bool Names(absl::string_view list, absl::string_view attribute) {
  for (absl::string_view name : absl::StrSplit(list, ',')) {
    name = absl::StripAsciiWhitespace(name);
    if (!absl::StartsWithIgnoreCase(name, attribute)) continue;
    const absl::string_view rest = name.substr(attribute.size());
    if (rest.empty() || rest[0] == '.' || rest[0] == ':') return true;
  }
  return false;
}

json ResourceType(absl::string_view name, absl::string_view urn) {
  return {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}},
          {"id", std::string(name)},
          {"name", std::string(name)},
          {"endpoint", absl::StrCat("/", name, "s")},
          {"schema", std::string(urn)}};
}

json ServiceProviderConfig() {
  const json no = {{"supported", false}};
  const json yes = {{"supported", true}};
  return {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"}},
          {"patch", yes},
          {"bulk", {{"supported", false}, {"maxOperations", 0}, {"maxPayloadSize", 0}}},
          {"filter", {{"supported", true}, {"maxResults", 100}}},
          {"changePassword", no},
          {"sort", no},
          {"etag", yes},
          {"authenticationSchemes",
           {{{"type", "oauthbearertoken"},
             {"name", "Bearer token"},
             {"description", "The secret from the application's settings"}}}}};
}

http::Response List(const std::vector<json>& resources) {
  return ScimJson(200, {{"schemas", {kListUrn}},
                        {"totalResults", resources.size()},
                        {"startIndex", 1},
                        {"itemsPerPage", resources.size()},
                        {"Resources", resources}});
}

}  // namespace

http::Response ScimJson(int status, const json& body) {
  return {.status = status, .content_type = "application/scim+json", .body = Dump(body)};
}

http::Response ScimError(const Refusal& refusal) {
  json body = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:Error"}},
               {"status", absl::StrCat(refusal.status)},
               {"detail", refusal.detail}};
  if (!refusal.scim_type.empty()) body["scimType"] = refusal.scim_type;
  http::Response response = ScimJson(refusal.status, body);
  if (refusal.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

bool Shows(const http::Request& request, absl::string_view attribute) {
  if (attribute == "id" || attribute == "schemas") return true;
  if (const std::string* excluded = request.Query("excludedAttributes")) {
    return !Names(*excluded, attribute);
  }
  const std::string* wanted = request.Query("attributes");
  return wanted == nullptr || Names(*wanted, attribute);
}

json Project(const http::Request& request, json document) {
  for (auto member = document.begin(); member != document.end();) {
    member = Shows(request, member.key()) ? std::next(member) : document.erase(member);
  }
  return document;
}

http::Response ScimDiscovery(const ScimProfile& profile, absl::string_view what) {
  if (what == "ServiceProviderConfig") return ScimJson(200, ServiceProviderConfig());
  if (what == "ResourceTypes") {
    std::vector<json> types = {ResourceType("User", kUserUrn)};
    if (profile.has_groups) types.push_back(ResourceType("Group", kGroupUrn));
    return List(types);
  }
  return ScimError({404, "", "there is nothing at this address"});
}

std::string BaseUrl(const http::Request& request, absl::string_view base_path) {
  return absl::StrCat(request.scheme.empty() ? "http" : request.scheme, "://", request.host,
                      base_path);
}

}  // namespace purser::sandbox
