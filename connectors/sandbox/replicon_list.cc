#include "connectors/sandbox/replicon_list.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

// What a column or a filter shows of a user; nullopt where there is no such column.
std::optional<std::string> Shown(const RepliconUser& user, absl::string_view column) {
  if (column == "user") return absl::StrCat(user.last_name, ", ", user.first_name);
  if (column == "login-name") return user.login_name;
  if (column == "employee-id") return user.employee_id;
  if (column == "email-address" || column == "email") return user.email;
  if (column == "first-name") return user.first_name;
  if (column == "last-name") return user.last_name;
  if (column == "department") return user.department;
  if (column == "enabled") return user.enabled ? "true" : "false";
  return std::nullopt;
}

// "urn:replicon:user-list-column:login-name" -> "login-name"; empty where it is no such URI.
std::string NameIn(const json& value, absl::string_view prefix) {
  if (!value.is_string()) return "";
  absl::string_view uri = value.get_ref<const std::string&>();
  return absl::ConsumePrefix(&uri, prefix) ? std::string(uri) : "";
}

RepliconFault ParseColumns(const json& body, std::vector<std::string>* columns) {
  const json* uris = Member(body, "columnUris");
  if (uris == nullptr || !uris->is_array() || uris->empty()) return MissingParameter("columnUris");
  for (const json& uri : *uris) {
    columns->push_back(NameIn(uri, "urn:replicon:user-list-column:"));
    if (!Shown(RepliconUser(), columns->back())) {
      return InvalidTarget("Column", "There is no such column.");
    }
  }
  return {};
}

struct TextSearch {
  std::string column;  // empty: everyone
  std::string text;    // lower case
};

RepliconFault ParseSearch(const json& body, TextSearch* search) {
  const json* expression = Member(body, "filterExpression");
  if (expression == nullptr) return {};
  const json* left = Member(*expression, "leftExpression");
  const json* uri = left == nullptr ? nullptr : Member(*left, "filterDefinitionUri");
  search->column = uri == nullptr ? "" : NameIn(*uri, "urn:replicon:user-list-filter:");
  if (!Shown(RepliconUser(), search->column)) {
    return InvalidTarget("FilterDefinition", "There is no such filter.");
  }
  if (TextMember(*expression, "operatorUri") != "urn:replicon:filter-operator:text-search") {
    return InvalidTarget("FilterOperator", "The operator does not go with this filter.");
  }
  const json* right = Member(*expression, "rightExpression");
  const json* value = right == nullptr ? nullptr : Member(*right, "value");
  const json* text = value == nullptr ? nullptr : Member(*value, "text");
  if (text == nullptr || !AsText(*text)) return MissingParameter("rightExpression.value.text");
  search->text = absl::AsciiStrToLower(*AsText(*text));
  return {};
}

json Cell(const RepliconUser& user, const std::string& column) {
  json cell = {{"dataType", column == "enabled" ? "boolean" : "string"},
               {"objectType", column == "user" ? json("user") : json()},
               {"slug", column == "user" ? json(user.uri.substr(user.uri.rfind(':') + 1)) : json()},
               {"uri", column == "user" ? json(user.uri) : json()}};
  // An empty text is left out, as it is there.
  const std::string text = *Shown(user, column);
  if (!text.empty()) cell["textValue"] = text;
  return cell;
}

RepliconFault ParsePositive(const json& body, const char* name, int64_t* number) {
  const json* value = Member(body, name);
  if (value == nullptr) return MissingParameter(name);
  *number = AsInteger(*value).value_or(0);
  if (*number < 1 || *number > 1'000'000) return InvalidModification("Page", "It is out of range.");
  return {};
}

}  // namespace

RepliconFault ListUsers(const json& body, const RepliconDirectory& directory, bool ignore_filter,
                        json* data) {
  int64_t page = 0, size = 0;
  std::vector<std::string> columns;
  TextSearch search;
  if (RepliconFault fault = ParsePositive(body, "page", &page)) return fault;
  if (RepliconFault fault = ParsePositive(body, "pagesize", &size)) return fault;
  if (RepliconFault fault = ParseColumns(body, &columns)) return fault;
  if (RepliconFault fault = ParseSearch(body, &search)) return fault;
  json header = json::array();
  for (const json& uri : body["columnUris"]) header.push_back({{"uri", uri}});
  json rows = json::array();
  int64_t hits = 0;
  for (const auto& [number, user] : directory.users()) {
    const bool hit =
        search.column.empty() || ignore_filter ||
        absl::StrContains(absl::AsciiStrToLower(*Shown(user, search.column)), search.text);
    if (!hit || ++hits <= (page - 1) * size) continue;
    if (hits > page * size) break;
    json cells = json::array();
    for (const std::string& column : columns) cells.push_back(Cell(user, column));
    rows.push_back({{"cells", std::move(cells)}});
  }
  *data = {{"header", std::move(header)}, {"rows", std::move(rows)}};
  return {};
}

}  // namespace purser::sandbox
