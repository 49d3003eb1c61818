#include "broker/scim/message.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/scim/error.h"
#include "nlohmann/json.hpp"

namespace purser::scim {

using nlohmann::json;

const json* FindAnyCase(const json& object, absl::string_view name) {
  if (!object.is_object()) return nullptr;
  for (const auto& [key, value] : *object.get_ptr<const json::object_t*>()) {
    if (absl::EqualsIgnoreCase(key, name)) return &value;
  }
  return nullptr;
}

json* FindAnyCase(json* object, absl::string_view name) {
  return const_cast<json*>(FindAnyCase(static_cast<const json&>(*object), name));
}

absl::Status CheckMessageSchema(json* body, absl::string_view urn) {
  const json* schemas = FindAnyCase(body, "schemas");
  if (schemas != nullptr && schemas->is_array()) {
    for (const json& given : *schemas) {
      if (given.is_string() && absl::EqualsIgnoreCase(given.get_ref<const std::string&>(), urn)) {
        return absl::OkStatus();
      }
    }
  }
  return BadRequest(ErrorType::kInvalidSyntax, absl::StrCat("\"schemas\" must hold ", urn));
}

}  // namespace purser::scim
