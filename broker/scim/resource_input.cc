#include "broker/scim/resource_input.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/value.h"

namespace purser::scim {
namespace {

using nlohmann::json;

// Clients send unknown and misspelt URNs; what is checked is that there are some.
absl::Status CheckSchemas(const json& schemas) {
  if (!schemas.is_array() || schemas.empty()) {
    return BadRequest(ErrorType::kInvalidValue, "\"schemas\" must be a list of URNs");
  }
  for (const json& urn : schemas) {
    if (!urn.is_string()) {
      return BadRequest(ErrorType::kInvalidValue, "\"schemas\" must be a list of URNs");
    }
  }
  return absl::OkStatus();
}

absl::Status AddAttribute(const Attribute& attribute, json value, json* holder) {
  if (attribute.is_read_only()) return absl::OkStatus();
  ASSIGN_OR_RETURN(json canonical, CanonicalValue(attribute, std::move(value), ValueForm::kWhole));
  if (canonical.is_null() || attribute.mutability == Mutability::kWriteOnly) {
    return absl::OkStatus();
  }
  holder->emplace(attribute.name, std::move(canonical));
  return absl::OkStatus();
}

absl::Status AddExtension(const Schema& extension, json value, json* attributes) {
  if (value.is_null()) return absl::OkStatus();
  if (!value.is_object()) {
    return BadRequest(ErrorType::kInvalidValue,
                      absl::StrCat("\"", extension.urn, "\" must be an object"));
  }
  json holder = json::object();
  for (auto& [name, item] : *value.get_ptr<json::object_t*>()) {
    const Attribute* attribute = extension.Find(name);
    if (attribute == nullptr) continue;
    RETURN_IF_ERROR(AddAttribute(*attribute, std::move(item), &holder));
  }
  if (!holder.empty()) attributes->emplace(extension.urn, std::move(holder));
  return absl::OkStatus();
}

absl::Status AddMembers(const json& value, ResourceInput* input) {
  ASSIGN_OR_RETURN(input->members, MemberIds(value));
  return absl::OkStatus();
}

absl::Status AddNamed(const ResourceSchema& schema, const std::string& name, json value,
                      ResourceInput* input) {
  if (absl::StartsWithIgnoreCase(name, "urn:")) {
    const Schema* extension = schema.Extension(name);
    if (extension == nullptr) return absl::OkStatus();
    return AddExtension(*extension, std::move(value), &input->attributes);
  }
  const Attribute* attribute = schema.FindCore(name);
  if (attribute == nullptr || attribute->name == "schemas") return absl::OkStatus();
  if (attribute->name == "members") return AddMembers(value, input);
  return AddAttribute(*attribute, std::move(value), &input->attributes);
}

bool IsBlank(const json& value) {
  return value.is_string() &&
         absl::StripAsciiWhitespace(value.get_ref<const std::string&>()).empty();
}

absl::Status CheckRequiredAmong(const std::vector<Attribute>& attributes, absl::string_view within,
                                const json& holder);

// The sub-attributes of a complex value, or of each.
absl::Status CheckRequiredSub(const Attribute& attribute, const json& value) {
  const std::string within = absl::StrCat(attribute.name, ".");
  if (!value.is_array()) return CheckRequiredAmong(attribute.sub_attributes, within, value);
  for (const json& element : value) {
    RETURN_IF_ERROR(CheckRequiredAmong(attribute.sub_attributes, within, element));
  }
  return absl::OkStatus();
}

absl::Status CheckRequiredAmong(const std::vector<Attribute>& attributes, absl::string_view within,
                                const json& holder) {
  for (const Attribute& attribute : attributes) {
    const auto value = holder.find(attribute.name);
    const bool there = value != holder.end();
    if (attribute.required && (!there || IsBlank(*value))) {
      return BadRequest(ErrorType::kInvalidValue,
                        absl::StrCat("attribute \"", within, attribute.name, "\" is required"));
    }
    if (there && attribute.is_complex()) RETURN_IF_ERROR(CheckRequiredSub(attribute, *value));
  }
  return absl::OkStatus();
}

bool HasSchemas(const json& body, absl::Status* status) {
  for (const auto& [name, value] : *body.get_ptr<const json::object_t*>()) {
    if (!absl::EqualsIgnoreCase(name, "schemas")) continue;
    *status = CheckSchemas(value);
    return true;
  }
  return false;
}

}  // namespace

std::vector<AttributeRef> RequestedBy(const ResourceInput& input) {
  std::vector<AttributeRef> given;
  const auto add = [&given](const Schema& schema, const Schema* extension, const json& holder) {
    for (const Attribute& attribute : schema.attributes) {
      if (!attribute.is_returned_on_request() || !holder.contains(attribute.name)) continue;
      given.push_back({extension, &attribute, nullptr});
    }
  };
  add(input.schema->core, nullptr, input.attributes);
  for (const Schema& extension : input.schema->extensions) {
    const auto holder = input.attributes.find(extension.urn);
    if (holder != input.attributes.end()) add(extension, &extension, *holder);
  }
  return given;
}

absl::Status CheckRequiredIn(const Schema& schema, const json& holder) {
  return CheckRequiredAmong(schema.attributes, "", holder);
}

absl::Status CheckRequired(const ResourceSchema& schema, const json& attributes) {
  RETURN_IF_ERROR(CheckRequiredIn(schema.core, attributes));
  for (const Schema& extension : schema.extensions) {
    const auto holder = attributes.find(extension.urn);
    if (holder != attributes.end()) {
      RETURN_IF_ERROR(CheckRequiredIn(extension, *holder));
    } else if (extension.required) {
      return BadRequest(ErrorType::kInvalidValue,
                        absl::StrCat("the extension \"", extension.urn, "\" is required"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ResourceInput> ParseResource(const ResourceSchema& schema, absl::string_view body,
                                            const JsonLimits& limits, const ClearValues& clear) {
  ASSIGN_OR_RETURN(json parsed, ParseJson(body, limits));
  return ReadResource(schema, std::move(parsed), clear);
}

absl::StatusOr<ResourceInput> ReadResource(const ResourceSchema& schema, json body,
                                           const ClearValues& clear) {
  ClearInResource(clear, &body);
  if (!body.is_object()) {
    return BadRequest(ErrorType::kInvalidSyntax, "the body must be a JSON object");
  }
  absl::Status schemas;
  if (!HasSchemas(body, &schemas)) {
    return BadRequest(ErrorType::kInvalidValue, "attribute \"schemas\" is required");
  }
  RETURN_IF_ERROR(schemas);
  ResourceInput input;
  input.schema = &schema;
  for (auto& [name, value] : *body.get_ptr<json::object_t*>()) {
    RETURN_IF_ERROR(AddNamed(schema, name, std::move(value), &input));
  }
  RETURN_IF_ERROR(CheckRequired(schema, input.attributes));
  AppendJson(input.attributes, &input.attributes_text);
  return input;
}

}  // namespace purser::scim
