#include "broker/mapping/source_attribute.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/nearest.h"
#include "broker/base/status.h"

namespace purser::mapping {
namespace {

using nlohmann::json;
using Kind = SourceAttribute::Kind;

struct KnownAttribute {
  std::string name;
  std::vector<std::string> sub_attributes;
  bool multi_valued = false;
};

// RFC 7643, sections 4.1 and 3.1.
const std::vector<KnownAttribute>& CoreAttributes(event::v1::ResourceType type) {
  static const auto* const kUser = new std::vector<KnownAttribute>{
      {"userName", {}},
      {"displayName", {}},
      {"nickName", {}},
      {"profileUrl", {}},
      {"title", {}},
      {"userType", {}},
      {"preferredLanguage", {}},
      {"locale", {}},
      {"timezone", {}},
      {"active", {}},
      {"externalId", {}},
      {"id", {}},
      {"name",
       {"formatted", "familyName", "givenName", "middleName", "honorificPrefix",
        "honorificSuffix"}},
      {"meta", {"created", "lastModified"}},
      {"emails", {"value", "display", "type", "primary"}, true},
      {"phoneNumbers", {"value", "display", "type", "primary"}, true},
      {"ims", {"value", "display", "type", "primary"}, true},
      {"photos", {"value", "display", "type", "primary"}, true},
      {"addresses",
       {"formatted", "streetAddress", "locality", "region", "postalCode", "country", "type",
        "primary"},
       true},
      {"groups", {"value", "display"}, true},
      {"entitlements", {"value", "display", "type", "primary"}, true},
      {"roles", {"value", "display", "type", "primary"}, true},
      {"x509Certificates", {"value", "display", "type", "primary"}, true}};
  static const auto* const kGroup =
      new std::vector<KnownAttribute>{{"displayName", {}},
                                      {"externalId", {}},
                                      {"id", {}},
                                      {"meta", {"created", "lastModified"}},
                                      {"members", {"value", "display", "type"}, true}};
  return type == event::v1::GROUP ? *kGroup : *kUser;
}

// RFC 7643, section 4.3.
const std::vector<KnownAttribute>& EnterpriseAttributes() {
  static const auto* const kAttributes = new std::vector<KnownAttribute>{
      {"employeeNumber", {}}, {"costCenter", {}}, {"organization", {}},
      {"division", {}},       {"department", {}}, {"manager", {"value", "displayName"}}};
  return *kAttributes;
}

// The incumbent's names for SCIM's attributes.
const std::map<std::string, std::string>& IncumbentNames() {
  static const auto* const kNames = new std::map<std::string, std::string>{
      {"userPrincipalName", "userName"},
      {"mail", "emails[type eq \"work\"].value"},
      {"givenName", "name.givenName"},
      {"surname", "name.familyName"},
      {"jobTitle", "title"},
      {"telephoneNumber", "phoneNumbers[type eq \"work\"].value"},
      {"mobile", "phoneNumbers[type eq \"mobile\"].value"},
      {"employeeId", "enterprise:employeeNumber"},
      {"employeeNumber", "enterprise:employeeNumber"},
      {"department", "enterprise:department"},
      {"manager", "enterprise:manager.value"},
      {"costCenter", "enterprise:costCenter"},
      {"division", "enterprise:division"},
      {"organization", "enterprise:organization"},
      {"companyName", "enterprise:organization"},
      {"streetAddress", "addresses[type eq \"work\"].streetAddress"},
      {"city", "addresses[type eq \"work\"].locality"},
      {"state", "addresses[type eq \"work\"].region"},
      {"postalCode", "addresses[type eq \"work\"].postalCode"},
      {"country", "addresses[type eq \"work\"].country"},
      {"physicalDeliveryOfficeName", "addresses[type eq \"work\"].formatted"},
      {"accountEnabled", "active"},
      {"objectId", "externalId"}};
  return *kNames;
}

template <typename Map>
const std::string* FindIgnoringCase(const Map& map, absl::string_view name) {
  for (const auto& [key, value] : map) {
    if (absl::EqualsIgnoreCase(key, name)) return &value;
  }
  return nullptr;
}

bool Extends(const config::v1::Schema& schema, event::v1::ResourceType type) {
  const bool of_groups = schema.extends() == config::v1::Schema::GROUP;
  return of_groups == (type == event::v1::GROUP);
}

std::vector<KnownAttribute> AttributesOf(const config::v1::Schema& schema) {
  std::vector<KnownAttribute> attributes;
  for (const auto& attribute : schema.attributes()) {
    KnownAttribute& known = attributes.emplace_back();
    known.name = attribute.name();
    known.multi_valued = attribute.multi_valued();
    for (const auto& sub : attribute.sub_attributes()) known.sub_attributes.push_back(sub.name());
  }
  return attributes;
}

std::vector<std::string> KnownNames(event::v1::ResourceType type, const DirectoryNames& directory) {
  std::vector<std::string> names = {"appRoleAssignments", "IsSoftDeleted"};
  for (const KnownAttribute& attribute : CoreAttributes(type)) {
    names.push_back(attribute.name);
    for (const std::string& sub : attribute.sub_attributes) {
      names.push_back(absl::StrCat(attribute.name, ".", sub));
    }
  }
  for (const KnownAttribute& attribute : EnterpriseAttributes()) {
    names.push_back(absl::StrCat("enterprise:", attribute.name));
    names.push_back(absl::StrCat(kEnterpriseUrn, ":", attribute.name));
  }
  for (const auto& [name, path] : IncumbentNames()) names.push_back(name);
  for (const auto& [name, path] : directory.aliases) names.push_back(name);
  for (const config::v1::Schema& schema : directory.schemas) {
    if (!Extends(schema, type)) continue;
    for (const auto& attribute : schema.attributes()) {
      names.push_back(absl::StrCat(schema.urn(), ":", attribute.name()));
    }
  }
  return names;
}

absl::Status Unknown(absl::string_view name, event::v1::ResourceType type,
                     const DirectoryNames& names) {
  return absl::InvalidArgumentError(
      absl::StrCat("unknown attribute \"", name, "\"", DidYouMean(name, KnownNames(type, names))));
}

// Puts the schema's spelling in place of `name`; false where the schema has no such name.
bool TakeSpelling(const std::vector<std::string>& names, std::string* name) {
  for (const std::string& known : names) {
    if (!absl::EqualsIgnoreCase(known, *name)) continue;
    *name = known;
    return true;
  }
  return false;
}

// Brings `path` into the schema's spelling; false where it names nothing the schema has.
bool Canonicalize(const std::vector<KnownAttribute>& schema, AttributePath* path) {
  for (const KnownAttribute& known : schema) {
    if (!absl::EqualsIgnoreCase(known.name, path->name)) continue;
    path->name = known.name;
    if (path->selector.has_value() &&
        (!known.multi_valued ||
         !TakeSpelling(known.sub_attributes, &path->selector->sub_attribute))) {
      return false;
    }
    return path->sub_attribute.empty() || TakeSpelling(known.sub_attributes, &path->sub_attribute);
  }
  return false;
}

// False where its URN is none of the directory's, or has no such attribute.
bool CanonicalizeConfigured(const DirectoryNames& names, event::v1::ResourceType type,
                            AttributePath* path) {
  for (const config::v1::Schema& schema : names.schemas) {
    if (!Extends(schema, type) || !absl::EqualsIgnoreCase(schema.urn(), path->urn)) continue;
    path->urn = schema.urn();
    return Canonicalize(AttributesOf(schema), path);
  }
  return false;
}

Kind KindOf(const AttributePath& path) {
  if (!path.urn.empty()) return Kind::kStored;
  if (path.name == "active") return Kind::kActive;
  if (path.name == "groups") return Kind::kGroups;
  if (path.name == "members") return Kind::kMembers;
  if (path.name == "id") return Kind::kId;
  if (path.name != "meta") return Kind::kStored;
  return path.sub_attribute == "created" ? Kind::kCreated : Kind::kLastModified;
}

json ReadGroups(const SourceAttribute& attribute, const SourceView& view) {
  json groups = json::array();
  if (view.groups == nullptr) return json();
  for (const GroupName& group : *view.groups) {
    groups.push_back({{"value", group.id}, {"display", group.display_name}});
  }
  return ValueAt({{"groups", std::move(groups)}}, attribute.path);
}

json ReadRoles(const SourceView& view) {
  if (view.roles == nullptr || view.roles->empty()) return json();
  json roles = json::array();
  for (const AppRole& role : *view.roles) {
    roles.push_back({{"value", role.value}, {"display", role.display}});
  }
  return roles;
}

std::string TextAt(const json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

json TextOrNull(std::string text) { return text.empty() ? json() : json(std::move(text)); }

// The texts that are not empty, with `separator` between.
std::string JoinPresent(const std::vector<std::string>& texts, absl::string_view separator) {
  std::vector<std::string> present;
  for (const std::string& text : texts) {
    if (!text.empty()) present.push_back(text);
  }
  return absl::StrJoin(present, separator);
}

json ComposedName(const json& name) {
  return TextOrNull(JoinPresent(
      {TextAt(name, "honorificPrefix"), TextAt(name, "givenName"), TextAt(name, "middleName"),
       TextAt(name, "familyName"), TextAt(name, "honorificSuffix")},
      " "));
}

json ComposedDisplayName(const json& name) {
  std::string text = JoinPresent({TextAt(name, "givenName"), TextAt(name, "familyName")}, " ");
  return TextOrNull(text.empty() ? TextAt(name, "formatted") : std::move(text));
}

// In the form of RFC 7643's example: "100 Universal City Plaza\nHollywood, CA 91608 USA".
json ComposedAddress(const json& address) {
  const std::string region = JoinPresent(
      {TextAt(address, "region"), TextAt(address, "postalCode"), TextAt(address, "country")}, " ");
  const std::string place = JoinPresent({TextAt(address, "locality"), region}, ", ");
  return TextOrNull(JoinPresent({TextAt(address, "streetAddress"), place}, "\n"));
}

}  // namespace

DirectoryNames NamesOf(const config::v1::Directory& directory) {
  return {Aliases(directory.aliases().begin(), directory.aliases().end()),
          {directory.schemas().begin(), directory.schemas().end()}};
}

absl::StatusOr<SourceAttribute> ResolveSourceAttribute(absl::string_view name,
                                                       event::v1::ResourceType type,
                                                       const DirectoryNames& names) {
  SourceAttribute attribute;
  absl::string_view written = name;
  if (const std::string* alias = FindIgnoringCase(names.aliases, name); alias != nullptr) {
    written = *alias;
  } else if (type == event::v1::USER) {
    attribute.kind = absl::EqualsIgnoreCase(name, "appRoleAssignments") ? Kind::kAppRoles
                     : absl::EqualsIgnoreCase(name, "IsSoftDeleted")    ? Kind::kSoftDeleted
                                                                        : Kind::kStored;
    if (attribute.kind != Kind::kStored) return attribute;
    const std::string* incumbent = FindIgnoringCase(IncumbentNames(), name);
    if (incumbent != nullptr) written = *incumbent;
  } else if (absl::EqualsIgnoreCase(name, "objectId")) {
    written = "externalId";
  }
  ASSIGN_OR_RETURN(attribute.path, ParseAttributePath(written));
  const bool extension = attribute.path.urn == kEnterpriseUrn && type == event::v1::USER;
  if (!extension && !attribute.path.urn.empty()) {
    if (CanonicalizeConfigured(names, type, &attribute.path)) return attribute;
    return Unknown(name, type, names);
  }
  const auto& schema = extension ? EnterpriseAttributes() : CoreAttributes(type);
  if (!Canonicalize(schema, &attribute.path)) return Unknown(name, type, names);
  if (extension && attribute.path.name == "manager" && attribute.path.sub_attribute.empty()) {
    attribute.path.sub_attribute = "value";
  }
  attribute.kind = KindOf(attribute.path);
  return attribute;
}

json ReadSource(const SourceAttribute& attribute, const SourceView& view) {
  switch (attribute.kind) {
    case Kind::kStored:
      return ValueAt(view.resource->attributes, attribute.path);
    case Kind::kActive:
      return view.active;
    case Kind::kSoftDeleted:
      return !view.active;
    case Kind::kAppRoles:
      return ReadRoles(view);
    case Kind::kGroups:
      return ReadGroups(attribute, view);
    case Kind::kMembers:
      return json();
    case Kind::kId:
      return TextOrNull(view.resource->id);
    case Kind::kCreated:
      return absl::FormatTime(absl::RFC3339_sec, view.resource->created, absl::UTCTimeZone());
    case Kind::kLastModified:
      return absl::FormatTime(absl::RFC3339_sec, view.resource->last_modified, absl::UTCTimeZone());
  }
  return json();
}

json ReadSourceComposed(const SourceAttribute& attribute, const SourceView& view) {
  json value = ReadSource(attribute, view);
  if (attribute.kind != Kind::kStored || !attribute.path.urn.empty()) return value;
  if (!value.is_null() && value != "") return value;
  const json& attributes = view.resource->attributes;
  const AttributePath& path = attribute.path;
  if (path.name == "displayName") return ComposedDisplayName(ValueAt(attributes, {"", "name"}));
  if (path.sub_attribute != "formatted") return value;
  AttributePath whole = path;
  whole.sub_attribute.clear();
  if (path.name == "name") return ComposedName(ValueAt(attributes, whole));
  return path.name == "addresses" && path.selector.has_value()
             ? ComposedAddress(ValueAt(attributes, whole))
             : value;
}

}  // namespace purser::mapping
