// The body of POST and PUT, brought into the form in which the directory holds it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/scim/clear_values.h"
#include "broker/scim/json_text.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"

namespace purser::scim {

struct ResourceInput {
  const ResourceSchema* schema = nullptr;                // that it was parsed with; outlives it
  nlohmann::json attributes = nlohmann::json::object();  // as in Resource
  std::string attributes_text;                           // the same as JSON text
  std::vector<std::string> members;                      // of a group: distinct ids
};

// Parses and checks what does not depend on state, so any thread may do it. Names in any case;
// readOnly and unknown attributes and URNs are ignored, null, [] and {} are absent, a password is
// checked for its type and dropped.
//
// 400 invalidSyntax: not JSON, no object. 400 invalidValue: a wrong type, two primary values, a
// required attribute (schemas too) that is missing. 413: larger than the limits. What is one of
// `clear` is absent.
absl::StatusOr<ResourceInput> ParseResource(const ResourceSchema& schema, absl::string_view body,
                                            const JsonLimits& limits = {},
                                            const ClearValues& clear = {});
// The same of a body that is JSON already.
absl::StatusOr<ResourceInput> ReadResource(const ResourceSchema& schema, nlohmann::json body,
                                           const ClearValues& clear = {});

// The attributes returned on request that a body gave a value: for Projection::Request().
std::vector<AttributeRef> RequestedBy(const ResourceInput& input);

// OK where `attributes` holds every required attribute, none of them blank, and so does each
// extension that is there or has to be. 400 invalidValue.
absl::Status CheckRequired(const ResourceSchema& schema, const nlohmann::json& attributes);
// The same of the attributes of one schema, which stand in `holder`.
absl::Status CheckRequiredIn(const Schema& schema, const nlohmann::json& holder);

}  // namespace purser::scim
