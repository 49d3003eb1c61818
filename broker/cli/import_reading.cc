#include "broker/cli/import_reading.h"

#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/json_text.h"
#include "broker/scim/message.h"
#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"

namespace purser {
namespace {

using nlohmann::json;
using scim::FindAnyCase;

std::string TextOf(const json& object, absl::string_view name) {
  const json* value = FindAnyCase(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

void Erase(json* object, absl::string_view name) {
  auto* members = object->get_ptr<json::object_t*>();
  for (auto it = members->begin(); it != members->end(); ++it) {
    if (!absl::EqualsIgnoreCase(it->first, name)) continue;
    members->erase(it);
    return;
  }
}

absl::Status Refuse(absl::string_view field, absl::string_view why, ReadLine* out) {
  out->field = std::string(field);
  return absl::InvalidArgumentError(why);
}

// "user" or "group", by its schemas, its meta, or its userName.
std::string TypeOf(const json& resource, const std::string& standard) {
  const json* schemas = FindAnyCase(resource, "schemas");
  if (schemas != nullptr && schemas->is_array()) {
    for (const json& urn : *schemas) {
      if (!urn.is_string()) continue;
      const std::string& text = urn.get_ref<const std::string&>();
      if (absl::EqualsIgnoreCase(text, scim::kUserUrn)) return "user";
      if (absl::EqualsIgnoreCase(text, scim::kGroupUrn)) return "group";
    }
  }
  if (const json* meta = FindAnyCase(resource, "meta"); meta != nullptr) {
    const std::string type = absl::AsciiStrToLower(TextOf(*meta, "resourceType"));
    if (type == "user" || type == "group") return type;
  }
  return FindAnyCase(resource, "userName") == nullptr ? standard : "user";
}

// A manager comes as an object, as a list of one, or as a plain string.
absl::Status TakeManager(json* resource, ReadLine* out) {
  json* extension = FindAnyCase(resource, scim::kEnterpriseUrn);
  json* manager = extension == nullptr ? nullptr : FindAnyCase(extension, "manager");
  if (manager == nullptr) return absl::OkStatus();
  const json* value = manager->is_array() && manager->size() == 1 ? &manager->front() : manager;
  if (value->is_object()) value = FindAnyCase(*value, "value");
  const bool none = value == nullptr || value->is_null() || (value->is_array() && value->empty());
  if (!none && !value->is_string()) {
    return Refuse("manager", "its manager has no \"value\" that is a text", out);
  }
  if (!none) out->manager = value->get<std::string>();
  Erase(extension, "manager");
  return absl::OkStatus();
}

absl::Status TakeMembers(json* resource, ReadLine* out) {
  const json* members = FindAnyCase(resource, "members");
  if (members == nullptr) return absl::OkStatus();
  if (!members->is_array() && !members->is_null()) {
    return Refuse("members", "its members are no list", out);
  }
  for (const json& member : *members) {
    std::string id = member.is_string() ? member.get<std::string>() : TextOf(member, "value");
    if (id.empty()) return Refuse("members", "one of its members has no \"value\"", out);
    out->members.push_back(std::move(id));
  }
  Erase(resource, "members");
  return absl::OkStatus();
}

void SetKey(std::string id, ReadLine* out) {
  out->key = !id.empty() ? std::move(id) : !out->external_id.empty() ? out->external_id : out->name;
}

const char* NameAttribute(const std::string& type) {
  return type == "user" ? "userName" : "displayName";
}

absl::Status ReadResource(const SourceLine& source, const std::string& type, ReadLine* out) {
  RETURN_IF_ERROR(source.error);
  ASSIGN_OR_RETURN(json resource, scim::ParseJson(source.json));
  if (!resource.is_object()) return Refuse("", "it is no JSON object", out);
  out->line.set_type(TypeOf(resource, type));
  if (out->line.type().empty()) {
    return Refuse("schemas", "it does not say whether it is a user or a group", out);
  }
  RETURN_IF_ERROR(TakeManager(&resource, out));
  RETURN_IF_ERROR(TakeMembers(&resource, out));
  out->name = TextOf(resource, NameAttribute(out->line.type()));
  out->external_id = TextOf(resource, "externalId");
  SetKey(TextOf(resource, "id"), out);
  for (const char* ours : {"id", "meta", "groups", "schemas"}) Erase(&resource, ours);
  scim::AppendJson(resource, out->line.mutable_resource());
  return absl::OkStatus();
}

// "manager" of "urn:..:User:manager.value".
std::string PlainName(absl::string_view path) {
  std::string name = absl::AsciiStrToLower(path);
  absl::string_view rest = name;
  for (const absl::string_view urn : {scim::kEnterpriseUrn, scim::kUserUrn, scim::kGroupUrn}) {
    const std::string prefix = absl::StrCat(absl::AsciiStrToLower(urn), ":");
    if (absl::ConsumePrefix(&rest, prefix)) break;
  }
  absl::ConsumeSuffix(&rest, ".value");
  return std::string(rest);
}

}  // namespace

absl::Status AddMapping(absl::string_view text, ColumnMap* map) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" maps nothing: COLUMN=PATH was expected"));
  }
  (*map)[std::string(absl::StripAsciiWhitespace(text.substr(0, equals)))] =
      std::string(absl::StripAsciiWhitespace(text.substr(equals + 1)));
  return absl::OkStatus();
}

absl::Status AddMappingFile(const std::string& path, ColumnMap* map) {
  std::ifstream file(path);
  if (!file) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  for (std::string line; std::getline(file, line);) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (!text.empty() && text.front() != '#') RETURN_IF_ERROR(AddMapping(text, map));
  }
  return absl::OkStatus();
}

ReadLine ReadJsonLine(SourceLine source, const std::string& type) {
  ReadLine out;
  out.error = ReadResource(source, type, &out);
  return out;
}

Columns::Columns(const std::vector<std::string>& header, const ColumnMap& map, std::string type,
                 char separator)
    : type_(std::move(type)), separator_(separator) {
  for (const std::string& cell : header) {
    const std::string name(absl::StripAsciiWhitespace(cell));
    const auto mapped = map.find(name);
    Column column;
    column.path = mapped == map.end() ? name : mapped->second;
    const std::string plain = PlainName(column.path);
    column.role = mapped != map.end() && column.path.empty() ? Role::kSkipped
                  : plain == "id"                            ? Role::kId
                  : plain == "manager" && type_ == "user"    ? Role::kManager
                  : plain == "members" && type_ == "group"   ? Role::kMembers
                                                             : Role::kValue;
    if (column.role == Role::kValue) {
      names_.push_back(name);
      paths_.push_back(column.path);
    }
    columns_.push_back(std::move(column));
  }
}

ReadLine Columns::Read(SourceLine source) const {
  ReadLine out;
  out.error = source.error;
  out.line.set_type(type_);
  std::string id;
  for (size_t i = 0; out.error.ok() && i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    const std::string value(absl::StripAsciiWhitespace(source.cells[i]));
    if (column.role == Role::kSkipped || value.empty()) continue;
    if (column.role == Role::kId) id = value;
    if (column.role == Role::kManager) out.manager = value;
    if (column.role == Role::kMembers) {
      for (absl::string_view member : absl::StrSplit(value, separator_)) {
        member = absl::StripAsciiWhitespace(member);
        if (!member.empty()) out.members.emplace_back(member);
      }
    }
    if (column.role != Role::kValue) continue;
    const std::string plain = PlainName(column.path);
    if (plain == "externalid") out.external_id = value;
    if (plain == absl::AsciiStrToLower(NameAttribute(type_))) out.name = value;
    admin::v1::ImportCell* cell = out.line.add_cells();
    cell->set_path(column.path);
    cell->set_value(value);
  }
  SetKey(std::move(id), &out);
  return out;
}

}  // namespace purser
