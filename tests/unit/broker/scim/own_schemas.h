// The schemas of a directory that has some of its own, of every kind of attribute.
#pragma once

#include "broker/scim/configured_schemas.h"
#include "google/protobuf/text_format.h"

namespace purser::scim {

inline constexpr char kHrUrn[] = "urn:acme:params:scim:schemas:hr:2.0:User";
inline constexpr char kTeamUrn[] = "urn:acme:params:scim:schemas:team:2.0:Group";

inline config::v1::Directory DirectoryWithSchemas() {
  config::v1::Directory directory;
  google::protobuf::TextFormat::ParseFromString(R"(
    name: "main"
    schemas {
      urn: "urn:acme:params:scim:schemas:hr:2.0:User" extends: USER name: "Personnel"
      attributes { name: "costCode" case_exact: true canonical_values: "A1" }
      attributes { name: "remote" type: BOOLEAN }
      attributes { name: "rating" type: DECIMAL }
      attributes { name: "floor" type: INTEGER }
      attributes { name: "hired" type: DATE_TIME }
      attributes { name: "desk" type: REFERENCE reference_types: "external" }
      attributes { name: "key" type: BINARY }
      attributes { name: "badge" mutability: IMMUTABLE }
      attributes { name: "frozen" mutability: READ_ONLY }
      attributes { name: "pin" mutability: WRITE_ONLY }
      attributes { name: "secret" returned: NEVER }
      attributes { name: "notes" returned: REQUEST }
      attributes { name: "id" }
      attributes { name: "skills" multi_valued: true }
      attributes { name: "levels" type: INTEGER multi_valued: true }
      attributes {
        name: "parking" type: COMPLEX
        sub_attributes { name: "lot" required: true }
        sub_attributes { name: "space" type: INTEGER }
        sub_attributes { name: "history" returned: REQUEST }
      }
      attributes {
        name: "devices" type: COMPLEX multi_valued: true
        sub_attributes { name: "value" }
        sub_attributes { name: "type" }
        sub_attributes { name: "primary" type: BOOLEAN }
        sub_attributes { name: "bought" type: DATE_TIME }
      }
    }
    schemas {
      urn: "urn:acme:params:scim:schemas:team:2.0:Group" extends: GROUP
      attributes { name: "members" }
      attributes { name: "budget" type: DECIMAL required: true }
    }
  )",
                                                &directory);
  return directory;
}

inline const SchemaSet& OwnSchemas() {
  static const auto* const schemas = new SchemaSetPtr(SchemasOf(DirectoryWithSchemas()));
  return **schemas;
}

}  // namespace purser::scim
