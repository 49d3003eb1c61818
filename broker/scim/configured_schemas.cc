#include "broker/scim/configured_schemas.h"

#include <utility>

namespace purser::scim {
namespace {

using Configured = config::v1::SchemaAttribute;

// The enums of schema.h are in the order of the configuration's, which begin with "as is usual".
template <typename Enum>
Enum FromConfigured(int value, Enum usual) {
  return value == 0 ? usual : static_cast<Enum>(value - 1);
}

Mutability MutabilityOf(const Configured& attribute) {
  return FromConfigured(attribute.mutability(), Mutability::kReadWrite);
}

Returned ReturnedOf(const Configured& attribute) {
  const bool hidden = attribute.mutability() == Configured::WRITE_ONLY;
  return FromConfigured(attribute.returned(), hidden ? Returned::kNever : Returned::kDefault);
}

// Text without case is text alone: the RFC has all else compared as it is written.
bool IsCaseExact(const Configured& attribute) {
  switch (attribute.type()) {
    case Configured::DATE_TIME:
    case Configured::REFERENCE:
    case Configured::BINARY:
      return true;
    default:
      return attribute.case_exact();
  }
}

Attribute MakeAttribute(const Configured& configured) {
  Attribute attribute;
  attribute.name = configured.name();
  attribute.description = configured.description();
  attribute.type = FromConfigured(configured.type(), AttributeType::kString);
  attribute.multi_valued = configured.multi_valued();
  attribute.required = configured.required();
  attribute.case_exact = IsCaseExact(configured);
  attribute.mutability = MutabilityOf(configured);
  attribute.returned = ReturnedOf(configured);
  attribute.canonical_values.assign(configured.canonical_values().begin(),
                                    configured.canonical_values().end());
  attribute.reference_types.assign(configured.reference_types().begin(),
                                   configured.reference_types().end());
  for (const Configured& sub : configured.sub_attributes()) {
    attribute.sub_attributes.push_back(MakeAttribute(sub));
  }
  return attribute;
}

Schema MakeSchema(const config::v1::Schema& configured) {
  Schema schema;
  schema.urn = configured.urn();
  schema.name = configured.name().empty() ? configured.urn().substr(configured.urn().rfind(':') + 1)
                                          : configured.name();
  schema.description = configured.description();
  schema.required = configured.required();
  for (const Configured& attribute : configured.attributes()) {
    schema.attributes.push_back(MakeAttribute(attribute));
  }
  return schema;
}

}  // namespace

SchemaSetPtr SchemasOf(const config::v1::Directory& directory) {
  if (directory.schemas().empty()) return StandardSchemas();
  SchemaSet schemas = *StandardSchemas();
  for (const config::v1::Schema& configured : directory.schemas()) {
    const bool of_groups = configured.extends() == config::v1::Schema::GROUP;
    ResourceSchema& extended = of_groups ? schemas.group : schemas.user;
    extended.extensions.push_back(MakeSchema(configured));
  }
  return std::make_shared<const SchemaSet>(std::move(schemas));
}

}  // namespace purser::scim
