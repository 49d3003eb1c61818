#include "broker/admin/import_line.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/json_text.h"
#include "nlohmann/json.hpp"

namespace purser {
namespace {

using admin::v1::ImportLine;
using nlohmann::json;
using scim::ResourceSchema;

constexpr const char* kPatchUrn = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

json PatchOf(json operations) {
  return {{"schemas", {kPatchUrn}}, {"Operations", std::move(operations)}};
}

// A cell that is one of `clear`, or blank, gives nothing.
absl::StatusOr<json> ReadCells(const ResourceSchema& schema, const ImportLine& line,
                               const scim::ClearValues& clear) {
  json operations = json::array();
  for (const admin::v1::ImportCell& cell : line.cells()) {
    operations.push_back({{"op", "add"}, {"path", cell.path()}, {"value", cell.value()}});
  }
  ASSIGN_OR_RETURN(const scim::PatchRequest patch,
                   scim::ReadPatch(schema, PatchOf(std::move(operations)), clear));
  json attributes = json::object();
  RETURN_IF_ERROR(scim::ApplyPatch(patch, "", &attributes));
  return attributes;
}

absl::StatusOr<scim::ResourceInput> ReadInput(const ResourceSchema& schema, const ImportLine& line,
                                              const scim::ClearValues& clear) {
  json body;
  if (line.resource().empty()) {
    ASSIGN_OR_RETURN(body, ReadCells(schema, line, clear));
  } else {
    ASSIGN_OR_RETURN(body, scim::ParseJson(line.resource()));
  }
  if (body.is_object()) body["schemas"] = {schema.core.urn};
  return scim::ReadResource(schema, std::move(body), clear);
}

json MemberValues(const ImportLine& line) {
  json members = json::array();
  for (const std::string& id : line.members()) members.push_back({{"value", id}});
  return members;
}

// What the line gives a resource that is there: its attributes as they are, its members beside
// those it has.
absl::StatusOr<scim::PatchRequest> ReadChange(const ResourceSchema& schema, const ImportLine& line,
                                              const json& attributes) {
  json operations = json::array();
  if (!attributes.empty()) operations.push_back({{"op", "replace"}, {"value", attributes}});
  if (!line.manager().empty()) {
    operations.push_back({{"op", "replace"},
                          {"path", absl::StrCat(scim::kEnterpriseUrn, ":manager")},
                          {"value", {{"value", line.manager()}}}});
  }
  if (!line.members().empty()) {
    operations.push_back({{"op", "add"}, {"path", "members"}, {"value", MemberValues(line)}});
  }
  return scim::ReadPatch(schema, PatchOf(std::move(operations)));
}

void AddReferences(const ImportLine& line, scim::ResourceInput* input) {
  if (input->schema->type == event::v1::GROUP) {
    input->members.assign(line.members().begin(), line.members().end());
  }
  if (line.manager().empty()) return;
  input->attributes[std::string(scim::kEnterpriseUrn)]["manager"] = {{"value", line.manager()}};
  input->attributes_text.clear();
  scim::AppendJson(input->attributes, &input->attributes_text);
}

absl::Status Read(const ImportLine& line, const scim::ClearValues& clear, LineToImport* out) {
  if (out->schema == nullptr) {
    return scim::BadRequest(scim::ErrorType::kInvalidValue, "it is neither a user nor a group");
  }
  if (!line.id().empty()) {
    ASSIGN_OR_RETURN(out->change, ReadChange(*out->schema, line, json::object()));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(out->input, ReadInput(*out->schema, line, clear));
  ASSIGN_OR_RETURN(out->change, ReadChange(*out->schema, line, out->input->attributes));
  AddReferences(line, &*out->input);
  return absl::OkStatus();
}

}  // namespace

const ResourceSchema* SchemaOfWord(const scim::SchemaSet& schemas, absl::string_view type) {
  if (type == "user") return &schemas.user;
  return type == "group" ? &schemas.group : nullptr;
}

LineToImport ReadImportLine(const ImportLine& line, std::string new_id,
                            const scim::SchemaSetPtr& schemas, const scim::ClearValues& clear) {
  LineToImport out;
  out.schemas = schemas;
  out.schema = SchemaOfWord(*schemas, line.type());
  out.id = line.id().empty() ? std::move(new_id) : line.id();
  out.refusal = Read(line, clear, &out);
  return out;
}

}  // namespace purser
