#include "broker/scim/discovery.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/scim/render.h"
#include "broker/scim/request.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"

namespace purser::scim {
namespace {

using nlohmann::ordered_json;

constexpr absl::string_view kCoreUrn = "urn:ietf:params:scim:schemas:core:2.0:";

const char* TypeName(AttributeType type) {
  constexpr const char* kNames[] = {"string",   "boolean",   "decimal", "integer",
                                    "dateTime", "reference", "binary",  "complex"};
  return kNames[static_cast<int>(type)];
}

const char* MutabilityName(Mutability mutability) {
  constexpr const char* kNames[] = {"readWrite", "readOnly", "immutable", "writeOnly"};
  return kNames[static_cast<int>(mutability)];
}

const char* ReturnedName(Returned returned) {
  constexpr const char* kNames[] = {"default", "always", "never", "request"};
  return kNames[static_cast<int>(returned)];
}

const char* UniquenessName(Uniqueness uniqueness) {
  constexpr const char* kNames[] = {"none", "server", "global"};
  return kNames[static_cast<int>(uniqueness)];
}

ordered_json AttributeBody(const Attribute& attribute) {
  ordered_json body = {{"name", attribute.name},
                       {"type", TypeName(attribute.type)},
                       {"multiValued", attribute.multi_valued},
                       {"description", attribute.description},
                       {"required", attribute.required}};
  if (!attribute.is_complex()) body["caseExact"] = attribute.case_exact;
  body["mutability"] = MutabilityName(attribute.mutability);
  body["returned"] = ReturnedName(attribute.returned);
  body["uniqueness"] = UniquenessName(attribute.uniqueness);
  if (!attribute.canonical_values.empty()) body["canonicalValues"] = attribute.canonical_values;
  if (!attribute.reference_types.empty()) body["referenceTypes"] = attribute.reference_types;
  for (const Attribute& sub : attribute.sub_attributes) {
    body["subAttributes"].push_back(AttributeBody(sub));
  }
  return body;
}

ordered_json Meta(absl::string_view base_url, const char* type, absl::string_view path) {
  return {{"resourceType", type}, {"location", absl::StrCat(base_url, path)}};
}

ordered_json SchemaBody(absl::string_view base_url, const Schema& schema) {
  ordered_json body = {{"schemas", {absl::StrCat(kCoreUrn, "Schema")}},
                       {"id", schema.urn},
                       {"name", schema.name},
                       {"description", schema.description}};
  for (const Attribute& attribute : schema.attributes) {
    body["attributes"].push_back(AttributeBody(attribute));
  }
  body["meta"] = Meta(base_url, "Schema", absl::StrCat("/Schemas/", schema.urn));
  return body;
}

ordered_json ResourceTypeBody(absl::string_view base_url, const ResourceSchema& schema) {
  ordered_json body = {{"schemas", {absl::StrCat(kCoreUrn, "ResourceType")}},
                       {"id", schema.name},
                       {"name", schema.name},
                       {"endpoint", schema.endpoint},
                       {"description", schema.description},
                       {"schema", schema.core.urn}};
  for (const Schema& extension : schema.extensions) {
    body["schemaExtensions"].push_back(
        {{"schema", extension.urn}, {"required", extension.required}});
  }
  body["meta"] = Meta(base_url, "ResourceType", absl::StrCat("/ResourceTypes/", schema.name));
  return body;
}

std::vector<const Schema*> AllOf(const SchemaSet& schemas) {
  std::vector<const Schema*> all;
  for (const ResourceSchema* type : {&schemas.user, &schemas.group}) {
    all.push_back(&type->core);
    for (const Schema& extension : type->extensions) all.push_back(&extension);
  }
  return all;
}

}  // namespace

std::string RenderServiceProviderConfig(const RequestLimits& limits, absl::string_view base_url,
                                        const std::vector<std::string>& event_uris) {
  const ordered_json off = {{"supported", false}};
  const ordered_json on = {{"supported", true}};
  ordered_json body = {{"schemas", {absl::StrCat(kCoreUrn, "ServiceProviderConfig")}}};
  body["patch"] = on;
  body["bulk"] = {{"supported", true},
                  {"maxOperations", limits.bulk_operations},
                  {"maxPayloadSize", limits.body_bytes}};
  body["filter"] = {{"supported", true}, {"maxResults", limits.results}};
  body["changePassword"] = off;
  body["sort"] = on;
  body["pagination"] = {{"cursor", true},
                        {"index", true},
                        {"defaultPaginationMethod", "index"},
                        {"defaultPageSize", std::min(kDefaultCount, limits.results)},
                        {"maxPageSize", limits.results},
                        {"cursorTimeout", absl::ToInt64Seconds(kCursorTimeout)}};
  body["etag"] = on;
  // Not where there are none: clients of RFC 7643 alone take an attribute they do not know ill.
  if (!event_uris.empty()) {
    body["securityEvents"] = {{"asyncRequest", "request"}, {"eventUris", event_uris}};
  }
  ordered_json scheme = {{"type", "oauthbearertoken"},
                         {"name", "Bearer token"},
                         {"description", "A token of the directory in the Authorization header."},
                         {"specUri", "https://www.rfc-editor.org/rfc/rfc6750"},
                         {"primary", true}};
  body["authenticationSchemes"] = ordered_json::array({std::move(scheme)});
  body["meta"] = Meta(base_url, "ServiceProviderConfig", "/ServiceProviderConfig");
  return body.dump();
}

std::string RenderSchemas(const SchemaSet& schemas, absl::string_view base_url) {
  std::vector<std::string> bodies;
  for (const Schema* schema : AllOf(schemas)) {
    bodies.push_back(SchemaBody(base_url, *schema).dump());
  }
  return RenderList(bodies.size(), 1, bodies);
}

std::string RenderResourceTypes(const SchemaSet& schemas, absl::string_view base_url) {
  return RenderList(2, 1,
                    {ResourceTypeBody(base_url, schemas.user).dump(),
                     ResourceTypeBody(base_url, schemas.group).dump()});
}

std::optional<std::string> RenderSchema(const SchemaSet& schemas, absl::string_view base_url,
                                        absl::string_view urn) {
  for (const Schema* schema : AllOf(schemas)) {
    if (absl::EqualsIgnoreCase(schema->urn, urn)) return SchemaBody(base_url, *schema).dump();
  }
  return std::nullopt;
}

std::optional<std::string> RenderResourceType(const SchemaSet& schemas, absl::string_view base_url,
                                              absl::string_view id) {
  for (const ResourceSchema* type : {&schemas.user, &schemas.group}) {
    if (absl::EqualsIgnoreCase(type->name, id)) return ResourceTypeBody(base_url, *type).dump();
  }
  return std::nullopt;
}

}  // namespace purser::scim
