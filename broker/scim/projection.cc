#include "broker/scim/projection.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace purser::scim {

Projection::Projection(Mode mode, const ResourceSchema& schema, absl::string_view names)
    : mode_(mode) {
  for (const absl::string_view part : absl::StrSplit(names, ',')) {
    const ResolvedName name = ResolveName(schema, absl::StripAsciiWhitespace(part));
    switch (name.kind) {
      case ResolvedName::Kind::kUnknown:
        break;
      case ResolvedName::Kind::kCore:
        for (const Attribute& attribute : schema.core.attributes) {
          names_.push_back({nullptr, &attribute, nullptr});
        }
        break;
      case ResolvedName::Kind::kExtension:
      case ResolvedName::Kind::kAttribute:
        names_.push_back(name.ref);
    }
  }
}

Projection Projection::Only(const ResourceSchema& schema, absl::string_view names) {
  return {Mode::kOnly, schema, names};
}

Projection Projection::Except(const ResourceSchema& schema, absl::string_view names) {
  return {Mode::kExcept, schema, names};
}

bool Projection::IsGiven(const Schema* extension, const Attribute& attribute,
                         const Attribute* sub) const {
  return std::any_of(given_.begin(), given_.end(), [&](const AttributeRef& ref) {
    return ref.extension == extension && ref.attribute == &attribute &&
           (sub == nullptr || ref.sub == nullptr || ref.sub == sub);
  });
}

bool Projection::Includes(const Schema* extension, const Attribute& attribute) const {
  if (attribute.returned == Returned::kAlways) return true;
  if (attribute.returned == Returned::kNever) return false;
  const bool only = mode_ == Mode::kOnly;
  const bool named = std::any_of(names_.begin(), names_.end(), [&](const AttributeRef& name) {
    if (name.extension != extension) return false;
    if (name.attribute == nullptr) return true;
    return name.attribute == &attribute && (only || name.sub == nullptr);
  });
  if (only || named) return only && named;
  return attribute.returned == Returned::kDefault || IsGiven(extension, attribute, nullptr);
}

bool Projection::IncludesSub(const Schema* extension, const Attribute& attribute,
                             const Attribute& sub) const {
  if (sub.returned == Returned::kAlways) return true;
  if (sub.returned == Returned::kNever) return false;
  bool whole = false, this_sub = false;
  for (const AttributeRef& name : names_) {
    if (name.extension != extension) continue;
    whole |= name.attribute == nullptr || (name.attribute == &attribute && name.sub == nullptr);
    this_sub |= name.attribute == &attribute && name.sub == &sub;
  }
  const bool by_default = sub.returned == Returned::kDefault || IsGiven(extension, attribute, &sub);
  if (attribute.returned == Returned::kAlways) return by_default || this_sub;
  if (mode_ == Mode::kOnly) return this_sub || (whole && by_default);
  return by_default && !whole && !this_sub;
}

bool Projection::IncludesReferences(const ResourceSchema& schema) const {
  const Attribute* attribute =
      schema.FindCore(schema.type == event::v1::GROUP ? "members" : "groups");
  return attribute != nullptr && Includes(nullptr, *attribute);
}

}  // namespace purser::scim
