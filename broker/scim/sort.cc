#include "broker/scim/sort.h"

#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/domain/caseless.h"
#include "broker/scim/error.h"
#include "broker/scim/value.h"

namespace purser::scim {
namespace {

using nlohmann::json;
using Key = std::optional<std::string>;

absl::Status InvalidPath(absl::string_view why) {
  return BadRequest(ErrorType::kInvalidPath, absl::StrCat("\"sortBy\" ", why));
}

// The highest byte first, so that bytes compare as the numbers do.
std::string Ordered(uint64_t bits) {
  std::string key(sizeof(bits), '\0');
  for (size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<char>(bits >> (8 * (key.size() - 1 - i)));
  }
  return key;
}

constexpr uint64_t kSign = uint64_t{1} << 63;

// To the millisecond, as clients are shown it: what looks equal is equal.
std::string TimeKey(absl::Time time) {
  return Ordered(static_cast<uint64_t>(absl::ToUnixMillis(time)) ^ kSign);
}

std::string NumberKey(double number) {
  if (number == 0) number = 0;  // -0 too.
  uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof(bits));
  return Ordered(bits & kSign ? ~bits : bits | kSign);
}

std::string TextKey(const Attribute& attribute, absl::string_view text) {
  return attribute.case_exact ? std::string(text) : CaselessKey(text);
}

Key ValueKey(const Attribute& attribute, const json& value) {
  switch (attribute.type) {
    case AttributeType::kBoolean:
      if (!value.is_boolean()) return std::nullopt;
      return value.get<bool>() ? "1" : "0";
    case AttributeType::kInteger:
    case AttributeType::kDecimal:
      if (!value.is_number()) return std::nullopt;
      return NumberKey(value.get<double>());
    case AttributeType::kDateTime: {
      absl::Time time;
      const bool fits =
          value.is_string() &&
          absl::ParseTime(absl::RFC3339_full, value.get_ref<const std::string&>(), &time, nullptr);
      return fits ? Key(TimeKey(time)) : std::nullopt;
    }
    default:
      if (!value.is_string()) return std::nullopt;
      return TextKey(attribute, value.get_ref<const std::string&>());
  }
}

// The primary element, else the first; nullptr where there is none.
const json* Chosen(const json& value) {
  if (!value.is_array()) return &value;
  for (const json& element : value) {
    if (IsPrimary(element)) return &element;
  }
  return value.empty() ? nullptr : &value.front();
}

Key AttributeKey(const AttributeRef& ref, const Resource& resource) {
  const json* holder = &resource.attributes;
  if (ref.extension != nullptr) {
    const auto extension = holder->find(ref.extension->urn);
    if (extension == holder->end()) return std::nullopt;
    holder = &*extension;
  }
  const auto value = holder->find(ref.attribute->name);
  const json* chosen = value == holder->end() ? nullptr : Chosen(*value);
  if (chosen == nullptr) return std::nullopt;
  if (ref.sub == nullptr) return ValueKey(*ref.attribute, *chosen);
  const auto sub = chosen->find(ref.sub->name);
  return sub == chosen->end() ? std::nullopt : ValueKey(*ref.sub, *sub);
}

Key MetaKey(const Attribute& sub, const Resource& resource) {
  if (sub.name == "created") return TimeKey(resource.created);
  if (sub.name == "lastModified") return TimeKey(resource.last_modified);
  if (sub.name == "resourceType") return std::string(NameOf(resource.type));
  if (sub.name == "location") return absl::StrCat(EndpointOf(resource.type), "/", resource.id);
  return absl::StrCat("W/\"", resource.version, "\"");
}

Key ReferenceKey(const Attribute& sub, const std::vector<Reference>* references, bool member) {
  if (references == nullptr || references->empty()) return std::nullopt;
  const Reference& first = references->front();
  if (sub.name == "type") {
    return TextKey(sub, member ? NameOf(first.type) : first.direct ? "direct" : "indirect");
  }
  if (sub.name != "display") return first.id;  // value, and $ref which ends in it.
  return first.display.empty() ? std::nullopt : Key(TextKey(sub, first.display));
}

bool IsOfReferences(const AttributeRef& ref) {
  return ref.extension == nullptr &&
         (ref.attribute->name == "members" || ref.attribute->name == "groups");
}

}  // namespace

bool Sort::IsBy(absl::string_view attribute) const {
  return ref && ref.extension == nullptr && ref.sub == nullptr && ref.attribute->name == attribute;
}

bool Sort::ReadsReferences() const { return ref && IsOfReferences(ref); }

absl::StatusOr<Sort> ParseSort(const ResourceSchema& schema, absl::string_view by,
                               absl::string_view order) {
  Sort sort;
  order = absl::StripAsciiWhitespace(order);
  sort.descending = absl::EqualsIgnoreCase(order, "descending");
  if (!sort.descending && !order.empty() && !absl::EqualsIgnoreCase(order, "ascending")) {
    return BadRequest(ErrorType::kInvalidValue,
                      "\"sortOrder\" must be \"ascending\" or \"descending\"");
  }
  by = absl::StripAsciiWhitespace(by);
  if (!IsAttributeName(by)) return InvalidPath("is not the name of an attribute");
  sort.ref = ResolveName(schema, by).ref;
  if (!sort.ref) return Sort{{}, sort.descending};
  if (sort.ref.attribute->is_complex() && sort.ref.sub == nullptr) {
    sort.ref.sub = sort.ref.attribute->Sub("value");
    if (sort.ref.sub == nullptr) return InvalidPath("must name a sub-attribute of it");
  }
  if (sort.ref.leaf().returned == Returned::kNever) {
    return InvalidPath("reads what is never returned");
  }
  return sort;
}

std::optional<std::string> SortKey(const Sort& sort, const ResourceView& view) {
  const AttributeRef& ref = sort.ref;
  if (!ref) return std::nullopt;
  const Resource& resource = *view.resource;
  if (ref.extension == nullptr) {
    const std::string& name = ref.attribute->name;
    if (name == "id") return resource.id;
    if (name == "meta") return MetaKey(*ref.sub, resource);
    if (name == "schemas") return StandardSchemas()->Of(resource.type).core.urn;
    if (name == "members") return ReferenceKey(*ref.sub, view.members, true);
    if (name == "groups") return ReferenceKey(*ref.sub, view.groups, false);
  }
  return AttributeKey(ref, resource);
}

bool SortsBefore(const Sort& sort, const std::optional<std::string>& a,
                 const std::optional<std::string>& b) {
  if (a.has_value() != b.has_value()) return a.has_value() != sort.descending;
  if (!a.has_value()) return false;
  return sort.descending ? *b < *a : *a < *b;
}

}  // namespace purser::scim
