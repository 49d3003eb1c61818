// The tables of schema.h: RFC 7643, sections 3.1, 4.1, 4.2, 4.3 and 8.7.1.
#include "broker/scim/schema.h"

namespace purser::scim {
namespace {

using Attributes = std::vector<Attribute>;

Attribute Text(const char* name, const char* description) {
  return {.name = name, .description = description};
}

Attribute Boolean(const char* name, const char* description) {
  return {.name = name, .description = description, .type = AttributeType::kBoolean};
}

Attribute Exact(Attribute attribute) {
  attribute.case_exact = true;
  return attribute;
}

Attribute ReadOnly(Attribute attribute) {
  attribute.mutability = Mutability::kReadOnly;
  return attribute;
}

Attribute Immutable(Attribute attribute) {
  attribute.mutability = Mutability::kImmutable;
  return attribute;
}

Attribute Required(Attribute attribute) {
  attribute.required = true;
  return attribute;
}

Attribute Suggest(Attribute attribute, std::vector<std::string> values) {
  attribute.canonical_values = std::move(values);
  return attribute;
}

Attribute Reference(const char* name, const char* description, std::vector<std::string> types) {
  return {.name = name,
          .description = description,
          .type = AttributeType::kReference,
          .case_exact = true,
          .reference_types = std::move(types)};
}

Attribute DateTime(const char* name, const char* description) {
  return {.name = name,
          .description = description,
          .type = AttributeType::kDateTime,
          .case_exact = true};
}

Attribute Complex(const char* name, const char* description, Attributes sub) {
  return {.name = name,
          .description = description,
          .type = AttributeType::kComplex,
          .sub_attributes = std::move(sub)};
}

Attribute Many(Attribute attribute) {
  attribute.multi_valued = true;
  return attribute;
}

// value, display, type and primary (RFC 7643, section 2.4).
Attribute Plural(const char* name, const char* description, Attribute value,
                 std::vector<std::string> types) {
  return Many(Complex(name, description,
                      {std::move(value), Text("display", "A human-readable name of the value."),
                       Suggest(Text("type", "A label for the value's function."), std::move(types)),
                       Boolean("primary", "True for the preferred value; at most one value is.")}));
}

Attribute Name() {
  return Complex("name", "The components of the user's name.",
                 {Text("formatted", "The full name, formatted for display."),
                  Text("familyName", "The family name."), Text("givenName", "The given name."),
                  Text("middleName", "The middle name(s)."),
                  Text("honorificPrefix", "The honorific prefix(es), such as \"Ms.\"."),
                  Text("honorificSuffix", "The honorific suffix(es), such as \"III\".")});
}

Attribute Addresses() {
  return Many(Complex(
      "addresses", "Physical mailing addresses.",
      {Text("formatted", "The full address, formatted for display."),
       Text("streetAddress", "The street, house number and the like."),
       Text("locality", "The city."), Text("region", "The state or region."),
       Text("postalCode", "The postal code."), Text("country", "The country."),
       Suggest(Text("type", "A label for the address's function."), {"work", "home", "other"}),
       Boolean("primary", "True for the preferred address; at most one is.")}));
}

Attribute Groups() {
  return ReadOnly(Many(Complex(
      "groups", "The groups the user is in, directly or through another group.",
      {ReadOnly(Exact(Text("value", "The id of the group."))),
       ReadOnly(Reference("$ref", "The URI of the group.", {"Group"})),
       ReadOnly(Text("display", "The name of the group.")),
       ReadOnly(Suggest(Text("type", "How the user is in it."), {"direct", "indirect"}))})));
}

Attribute Password() {
  Attribute password = Text("password", "Accepted and dropped: passwords are not kept.");
  password.case_exact = true;
  password.mutability = Mutability::kWriteOnly;
  password.returned = Returned::kNever;
  return password;
}

Attribute UserName() {
  Attribute name = Required(Text("userName", "The name that identifies the user; unique."));
  name.uniqueness = Uniqueness::kServer;
  return name;
}

Attribute Roles() {
  Attribute roles = Plural("roles", "The user's roles.", Text("value", "The role."), {});
  roles.accepts_bare_value = true;
  roles.accepts_json_in_string = true;
  return roles;
}

Attribute Entitlements() {
  Attribute entitlements = Plural("entitlements", "What the user is entitled to.",
                                  Text("value", "The entitlement."), {});
  entitlements.accepts_bare_value = true;
  return entitlements;
}

Attribute Certificates() {
  Attribute value{.name = "value",
                  .description = "A DER-encoded certificate in base64.",
                  .type = AttributeType::kBinary,
                  .case_exact = true};
  return Plural("x509Certificates", "Certificates issued to the user.", std::move(value), {});
}

Attributes UserAttributes() {
  return {UserName(),
          Name(),
          Text("displayName", "The name shown to other users."),
          Text("nickName", "The casual name."),
          Reference("profileUrl", "The URL of the user's profile.", {"external"}),
          Text("title", "The title, such as \"Vice President\"."),
          Text("userType", "The relation to the organisation, such as \"Contractor\"."),
          Text("preferredLanguage", "The preferred languages, as in Accept-Language."),
          Text("locale", "The locale for dates, numbers and currency, such as \"en-US\"."),
          Text("timezone", "The time zone, such as \"Europe/Stockholm\"."),
          Boolean("active", "False where the user may not sign in."),
          Password(),
          Plural("emails", "E-mail addresses.", Text("value", "The address."),
                 {"work", "home", "other"}),
          Plural("phoneNumbers", "Phone numbers.", Text("value", "The number."),
                 {"work", "home", "mobile", "fax", "pager", "other"}),
          Plural("ims", "Instant messaging addresses.", Text("value", "The address."),
                 {"aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"}),
          Plural("photos", "Pictures of the user.",
                 Reference("value", "The URL of a picture.", {"external"}), {"photo", "thumbnail"}),
          Addresses(),
          Groups(),
          Entitlements(),
          Roles(),
          Certificates()};
}

Attribute Manager() {
  Attribute manager = Complex("manager", "The user's manager.",
                              {Exact(Text("value", "The id of the manager's own user.")),
                               Reference("$ref", "The URI of the manager's own user.", {"User"}),
                               ReadOnly(Text("displayName", "The name of the manager."))});
  manager.accepts_bare_value = true;
  manager.refers_by_value = true;
  return manager;
}

Attributes EnterpriseAttributes() {
  return {Text("employeeNumber", "The number that identifies the person to the organisation."),
          Text("costCenter", "The cost centre."),
          Text("organization", "The organisation."),
          Text("division", "The division."),
          Text("department", "The department."),
          Manager()};
}

Attribute Members() {
  Attribute members =
      Many(Complex("members", "The members of the group: users and groups.",
                   {Immutable(Exact(Text("value", "The id of the member."))),
                    Immutable(Reference("$ref", "The URI of the member.", {"User", "Group"})),
                    ReadOnly(Text("display", "The name of the member.")),
                    Immutable(Suggest(Text("type", "What the member is."), {"User", "Group"}))}));
  members.accepts_bare_value = true;
  return members;
}

Attribute Meta() {
  return ReadOnly(Complex("meta", "What the server knows of the resource.",
                          {ReadOnly(Exact(Text("resourceType", "The name of the resource type."))),
                           ReadOnly(DateTime("created", "When it was created.")),
                           ReadOnly(DateTime("lastModified", "When it was last changed.")),
                           ReadOnly(Reference("location", "The URI of the resource.", {"uri"})),
                           ReadOnly(Exact(Text("version", "The version, as in the ETag.")))}));
}

Attributes MakeCommon() {
  Attribute id = ReadOnly(Exact(Text("id", "The id, minted by the server.")));
  id.returned = Returned::kAlways;
  id.uniqueness = Uniqueness::kServer;
  Attribute schemas =
      Required(Many(Reference("schemas", "The URNs of the schemas used.", {"uri"})));
  schemas.returned = Returned::kAlways;
  return {std::move(id), Exact(Text("externalId", "The id that the client gave.")), Meta(),
          std::move(schemas)};
}

ResourceSchema MakeUser() {
  return {
      event::v1::USER,
      "User",
      "/Users",
      "User account",
      {std::string(kUserUrn), "User", "User account", UserAttributes()},
      {{std::string(kEnterpriseUrn), "EnterpriseUser", "Enterprise user", EnterpriseAttributes()}}};
}

ResourceSchema MakeGroup() {
  return {event::v1::GROUP,
          "Group",
          "/Groups",
          "Group",
          {std::string(kGroupUrn),
           "Group",
           "Group",
           {Required(Text("displayName", "The name of the group.")), Members()}},
          {}};
}

}  // namespace

const std::vector<Attribute>& CommonAttributes() {
  static const auto* const common = new Attributes(MakeCommon());
  return *common;
}

const SchemaSetPtr& StandardSchemas() {
  static const auto* const schemas =
      new SchemaSetPtr(std::make_shared<const SchemaSet>(SchemaSet{MakeUser(), MakeGroup()}));
  return *schemas;
}

}  // namespace purser::scim
