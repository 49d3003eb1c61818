// One line of an import, read: all of it that does not depend on the directory's state.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/scim/clear_values.h"
#include "broker/scim/patch.h"
#include "broker/scim/resource_input.h"
#include "broker/scim/schema.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

struct LineToImport {
  // OK, or why it is refused whatever the state; then nothing else is filled in.
  absl::Status refusal;
  scim::SchemaSetPtr schemas;                    // which all of it refers to
  const scim::ResourceSchema* schema = nullptr;  // of `schemas`
  // Of the resource: the caller's, else minted for one that is to be made.
  std::string id;
  // What is made where it is not there; absent where the caller named the id.
  std::optional<scim::ResourceInput> input;
  // What one that is there gets.
  scim::PatchRequest change;
};

// The type of "user" or "group"; nullptr for another word.
const scim::ResourceSchema* SchemaOfWord(const scim::SchemaSet& schemas, absl::string_view type);

// `new_id` is for a resource that is to be made. What is one of `clear` is absent. Any thread.
LineToImport ReadImportLine(const admin::v1::ImportLine& line, std::string new_id,
                            const scim::SchemaSetPtr& schemas, const scim::ClearValues& clear);

}  // namespace purser
