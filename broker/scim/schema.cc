#include "broker/scim/schema.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace purser::scim {
namespace {

const Attribute* FindIn(const std::vector<Attribute>& attributes, absl::string_view name) {
  for (const Attribute& attribute : attributes) {
    if (absl::EqualsIgnoreCase(attribute.name, name)) return &attribute;
  }
  return nullptr;
}

// True where `name` is `urn`, or starts with it and a colon; `rest` is what follows.
bool StartsWithUrn(absl::string_view name, absl::string_view urn, absl::string_view* rest) {
  if (!absl::StartsWithIgnoreCase(name, urn)) return false;
  *rest = name.substr(urn.size());
  if (rest->empty()) return true;
  if (rest->front() != ':') return false;
  rest->remove_prefix(1);
  return true;
}

// "manager.value" within one schema; `attribute` finds the part before the dot.
template <typename Find>
AttributeRef ResolveIn(absl::string_view name, const Schema* extension, Find find) {
  const size_t dot = name.find('.');
  AttributeRef ref{extension, find(name.substr(0, dot)), nullptr};
  if (!ref || dot == absl::string_view::npos) return ref;
  ref.sub = ref.attribute->Sub(name.substr(dot + 1));
  return ref.sub != nullptr ? ref : AttributeRef{};
}

AttributeRef ResolveCore(const ResourceSchema& schema, absl::string_view name) {
  return ResolveIn(name, nullptr,
                   [&schema](absl::string_view part) { return schema.FindCore(part); });
}

AttributeRef ResolveExtension(const Schema& extension, absl::string_view name) {
  return ResolveIn(name, &extension,
                   [&extension](absl::string_view part) { return extension.Find(part); });
}

ResolvedName ToResolved(const AttributeRef& ref) {
  return ref ? ResolvedName{ResolvedName::Kind::kAttribute, ref} : ResolvedName{};
}

ResolvedName ResolveUrn(const ResourceSchema& schema, absl::string_view name) {
  const Schema* best = nullptr;
  absl::string_view rest, best_rest;
  const auto consider = [&](const Schema& candidate) {
    if (!StartsWithUrn(name, candidate.urn, &rest)) return;
    if (best != nullptr && best->urn.size() >= candidate.urn.size()) return;
    best = &candidate;
    best_rest = rest;
  };
  consider(schema.core);
  for (const Schema& extension : schema.extensions) consider(extension);
  if (best == nullptr) return {};
  const bool core = best == &schema.core;
  if (!best_rest.empty()) {
    return ToResolved(core ? ResolveCore(schema, best_rest) : ResolveExtension(*best, best_rest));
  }
  if (core) return {ResolvedName::Kind::kCore, {}};
  return {ResolvedName::Kind::kExtension, {best, nullptr, nullptr}};
}

}  // namespace

const Attribute* Attribute::Sub(absl::string_view sub_name) const {
  return FindIn(sub_attributes, sub_name);
}

bool Attribute::is_returned_on_request() const {
  return returned == Returned::kRequest ||
         std::any_of(sub_attributes.begin(), sub_attributes.end(),
                     [](const Attribute& sub) { return sub.returned == Returned::kRequest; });
}

const Attribute* Schema::Find(absl::string_view attribute_name) const {
  return FindIn(attributes, attribute_name);
}

const Schema* ResourceSchema::Extension(absl::string_view urn) const {
  for (const Schema& extension : extensions) {
    if (absl::EqualsIgnoreCase(extension.urn, urn)) return &extension;
  }
  return nullptr;
}

const Attribute* ResourceSchema::FindCore(absl::string_view attribute_name) const {
  if (const Attribute* found = core.Find(attribute_name)) return found;
  return FindIn(CommonAttributes(), attribute_name);
}

bool IsAttributeName(absl::string_view name) {
  if (name.empty() || (!absl::ascii_isalpha(name[0]) && name[0] != '$')) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("-_$.:", c)) return false;
  }
  return name.back() != '.' && name.back() != ':' && !absl::StrContains(name, "..");
}

ResolvedName ResolveName(const ResourceSchema& schema, absl::string_view name) {
  if (absl::StartsWithIgnoreCase(name, "urn:")) return ResolveUrn(schema, name);
  if (const AttributeRef ref = ResolveCore(schema, name)) return ToResolved(ref);
  for (const Schema& extension : schema.extensions) {
    if (const AttributeRef ref = ResolveExtension(extension, name)) return ToResolved(ref);
  }
  return {};
}

const ResourceSchema& SchemaSet::Of(event::v1::ResourceType type) const {
  return type == event::v1::GROUP ? group : user;
}

const ResourceSchema* SchemaSet::OfEndpoint(absl::string_view segment) const {
  for (const ResourceSchema* schema : {&user, &group}) {
    if (segment == absl::string_view(schema->endpoint).substr(1)) return schema;
  }
  return nullptr;
}

const ResourceSchema& UserSchema() { return StandardSchemas()->user; }

const ResourceSchema& GroupSchema() { return StandardSchemas()->group; }

absl::string_view NameOf(event::v1::ResourceType type) { return StandardSchemas()->Of(type).name; }

absl::string_view EndpointOf(event::v1::ResourceType type) {
  return StandardSchemas()->Of(type).endpoint;
}

}  // namespace purser::scim
