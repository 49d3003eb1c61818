#include "broker/scim/mutability.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/value.h"

namespace purser::scim {
namespace {

using nlohmann::json;

absl::Status Refused(absl::string_view what, absl::string_view why) {
  return BadRequest(ErrorType::kMutability, absl::StrCat(what, " is ", why));
}

absl::Status RefusedAttribute(const Attribute& attribute, absl::string_view why) {
  return Refused(absl::StrCat("attribute \"", attribute.name, "\""), why);
}

const json* Find(const json* holder, const std::string& name) {
  if (holder == nullptr) return nullptr;
  const auto value = holder->find(name);
  return value == holder->end() ? nullptr : &*value;
}

// Where the attributes of the core (nullptr) or of an extension stand.
const json* HolderOf(const Schema* extension, const json& attributes) {
  return extension == nullptr ? &attributes : Find(&attributes, extension->urn);
}

// Whether the value, or one of several, is without that sub-attribute.
bool Lacks(const json& value, const std::string& sub) {
  if (!value.is_array()) return !value.contains(sub);
  return std::any_of(value.begin(), value.end(),
                     [&sub](const json& element) { return !element.contains(sub); });
}

bool StaysAsItIs(const Attribute& attribute) {
  return attribute.mutability == Mutability::kImmutable || attribute.is_read_only();
}

absl::StatusOr<bool> KeepIn(const Schema& schema, const Schema* extension, const json& before,
                            json* after) {
  bool kept = false;
  for (const Attribute& attribute : schema.attributes) {
    if (!StaysAsItIs(attribute)) continue;
    const json* standing = Find(HolderOf(extension, before), attribute.name);
    if (standing == nullptr) continue;
    const json* given = Find(HolderOf(extension, *after), attribute.name);
    if (given == nullptr) {
      json& holder = extension == nullptr ? *after : (*after)[extension->urn];
      holder[attribute.name] = *standing;
      kept = true;
    } else if (!SameValue(*standing, *given)) {
      return RefusedAttribute(attribute, "immutable");
    }
  }
  return kept;
}

}  // namespace

Standing::Standing(const AttributeRef& target, const json& attributes) : target_(target) {
  const json* holder = HolderOf(target.extension, attributes);
  extension_stood_ = target.extension != nullptr && holder != nullptr;
  if (target.attribute == nullptr) {
    for (const Attribute& attribute : target.extension->attributes) {
      if (StaysAsItIs(attribute) && Find(holder, attribute.name) != nullptr) blocks_ = &attribute;
    }
  } else if (target.attribute->mutability == Mutability::kImmutable) {
    const json* value = Find(holder, target.attribute->name);
    if (value != nullptr) immutable_ = *value;
  }
}

absl::Status Standing::Check(const json& attributes) const {
  if (blocks_ != nullptr) {
    return RefusedAttribute(*blocks_, blocks_->is_read_only() ? "read-only" : "immutable");
  }
  const json* holder = HolderOf(target_.extension, attributes);
  if (extension_stood_ && holder == nullptr && target_.extension->required) {
    return Refused(absl::StrCat("the extension \"", target_.extension->urn, "\""), "required");
  }
  if (target_.attribute == nullptr) return absl::OkStatus();
  const json* value = Find(holder, target_.attribute->name);
  if (!immutable_.is_null() && (value == nullptr || !SameValue(immutable_, *value))) {
    return RefusedAttribute(*target_.attribute, "immutable");
  }
  // An extension that has gone as a whole takes what is required of it along.
  if (target_.attribute->required && holder != nullptr && value == nullptr) {
    return RefusedAttribute(*target_.attribute, "required");
  }
  if (target_.sub != nullptr && target_.sub->required && value != nullptr &&
      Lacks(*value, target_.sub->name)) {
    return RefusedAttribute(*target_.sub, "required");
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> KeepStanding(const ResourceSchema& schema, const json& before, json* after) {
  ASSIGN_OR_RETURN(bool kept, KeepIn(schema.core, nullptr, before, after));
  for (const Schema& extension : schema.extensions) {
    ASSIGN_OR_RETURN(const bool of_extension, KeepIn(extension, &extension, before, after));
    kept |= of_extension;
  }
  return kept;
}

}  // namespace purser::scim
