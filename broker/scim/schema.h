// The schemas of users and groups: the standard ones (RFC 7643, sections 4 and 8.7) and a
// directory's own extensions.
//
// Data: what it says drives validation, canonical case, filters, paths, rendering and /Schemas.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser::scim {

inline constexpr absl::string_view kUserUrn = "urn:ietf:params:scim:schemas:core:2.0:User";
inline constexpr absl::string_view kGroupUrn = "urn:ietf:params:scim:schemas:core:2.0:Group";
inline constexpr absl::string_view kEnterpriseUrn =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

enum class AttributeType {
  kString,
  kBoolean,
  kDecimal,
  kInteger,
  kDateTime,
  kReference,
  kBinary,
  kComplex,
};
enum class Mutability { kReadWrite, kReadOnly, kImmutable, kWriteOnly };
enum class Returned { kDefault, kAlways, kNever, kRequest };
enum class Uniqueness { kNone, kServer, kGlobal };

// One attribute with its characteristics (RFC 7643, section 7).
struct Attribute {
  std::string name;
  std::string description;
  AttributeType type = AttributeType::kString;
  bool multi_valued = false;
  bool required = false;
  bool case_exact = false;
  Mutability mutability = Mutability::kReadWrite;
  Returned returned = Returned::kDefault;
  Uniqueness uniqueness = Uniqueness::kNone;
  std::vector<std::string> canonical_values = {};  // suggestions, never enforced
  std::vector<std::string> reference_types = {};
  std::vector<Attribute> sub_attributes = {};
  // Identity providers send a bare string for {"value": ..}, and [x] for x: "manager".
  bool accepts_bare_value = false;
  // "$ref" says in the form of a URI what "value" says, and only the latter is kept: "manager".
  bool refers_by_value = false;
  // One provider sends each value as JSON inside a string: "roles".
  bool accepts_json_in_string = false;

  // In any case; nullptr where there is none.
  const Attribute* Sub(absl::string_view sub_name) const;
  bool is_complex() const { return type == AttributeType::kComplex; }
  bool is_read_only() const { return mutability == Mutability::kReadOnly; }
  // It, or a part of it.
  bool is_returned_on_request() const;
};

struct Schema {
  std::string urn;
  std::string name;
  std::string description;
  std::vector<Attribute> attributes;
  bool required = false;  // of an extension: no resource without it

  // In any case; nullptr where there is none.
  const Attribute* Find(absl::string_view attribute_name) const;
};

// An attribute or sub-attribute of a resource type, with the extension it stands in.
struct AttributeRef {
  const Schema* extension = nullptr;  // nullptr: the core schema, or a common attribute
  const Attribute* attribute = nullptr;
  const Attribute* sub = nullptr;

  explicit operator bool() const { return attribute != nullptr; }
  // The name at the top of a resource's attributes that it stands under.
  const std::string& top_name() const {
    return extension != nullptr ? extension->urn : attribute->name;
  }
  // What it is about in the end.
  const Attribute& leaf() const { return sub != nullptr ? *sub : *attribute; }
  bool operator==(const AttributeRef& other) const = default;
};

// A resource type with all that may stand in its resources.
struct ResourceSchema {
  event::v1::ResourceType type = event::v1::USER;
  std::string name;      // "User", which is its id and meta.resourceType too
  std::string endpoint;  // "/Users"
  std::string description;
  Schema core;
  std::vector<Schema> extensions;

  // The extension of that URN, in any case; nullptr where there is none.
  const Schema* Extension(absl::string_view urn) const;
  // A common (id, externalId, meta, schemas) or core attribute, in any case.
  const Attribute* FindCore(absl::string_view attribute_name) const;
};

// All that may stand in the resources of one directory. Never changes once it is made: where the
// directory's configuration does, another takes its place, and who began with this one ends with
// it.
struct SchemaSet {
  ResourceSchema user;
  ResourceSchema group;

  const ResourceSchema& Of(event::v1::ResourceType type) const;  // USER or GROUP
  // The type served at an endpoint, "Users"; nullptr where there is none.
  const ResourceSchema* OfEndpoint(absl::string_view segment) const;
};
using SchemaSetPtr = std::shared_ptr<const SchemaSet>;

// Of a directory without schemas of its own. Lives as long as the process.
const SchemaSetPtr& StandardSchemas();
const ResourceSchema& UserSchema();   // of the standard ones
const ResourceSchema& GroupSchema();  // of the standard ones

// The same in every directory: "User" and "/Users", "Group" and "/Groups".
absl::string_view NameOf(event::v1::ResourceType type);
absl::string_view EndpointOf(event::v1::ResourceType type);

// Whether `name` has the form of an attribute's name or of a path to one: a letter or $ first, then
// letters, digits and -_$.: (URNs hold dots and colons).
bool IsAttributeName(absl::string_view name);

// What a name in a path, filter, projection or path-less PATCH may mean.
struct ResolvedName {
  enum class Kind {
    kUnknown,
    kAttribute,  // ref says which
    kExtension,  // a URN alone; ref.extension says which
    kCore,       // the core URN alone
  };
  Kind kind = Kind::kUnknown;
  AttributeRef ref;
};

// "name.givenName", "urn:..:enterprise:2.0:User:manager.value", "urn:..:User", in any case. The
// longest registered URN wins. A bare name that the core lacks is looked for in the extensions.
ResolvedName ResolveName(const ResourceSchema& schema, absl::string_view name);

// id, externalId, meta and schemas (RFC 7643, section 3.1).
const std::vector<Attribute>& CommonAttributes();

}  // namespace purser::scim
