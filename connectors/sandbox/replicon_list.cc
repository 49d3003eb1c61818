#include "connectors/sandbox/replicon_list.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

using Text = std::string RepliconUser::*;

// The text that a column shows or a filter searches; nullptr where it is none of these.
Text TextOf(absl::string_view column) {
  static constexpr std::pair<absl::string_view, Text> kTexts[] = {
      {"login-name", &RepliconUser::login_name}, {"employee-id", &RepliconUser::employee_id},
      {"email-address", &RepliconUser::email},   {"email", &RepliconUser::email},
      {"first-name", &RepliconUser::first_name}, {"last-name", &RepliconUser::last_name},
      {"department", &RepliconUser::department}};
  for (const auto& [name, text] : kTexts) {
    if (name == column) return text;
  }
  return nullptr;
}

bool IsColumn(absl::string_view column) {
  return column == "user" || column == "enabled" || TextOf(column) != nullptr;
}

std::string Shown(const RepliconUser& user, absl::string_view column) {
  if (column == "user") return absl::StrCat(user.last_name, ", ", user.first_name);
  if (column == "enabled") return user.enabled ? "true" : "false";
  return user.*TextOf(column);
}

// Whether `text` contains `lower`, in any case.
bool Contains(absl::string_view text, absl::string_view lower) {
  const auto same = [](char a, char b) {
    return absl::ascii_tolower(static_cast<unsigned char>(a)) == b;
  };
  return lower.empty() ||
         std::search(text.begin(), text.end(), lower.begin(), lower.end(), same) != text.end();
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
    if (!IsColumn(columns->back())) {
      return InvalidTarget("Column", "There is no such column.");
    }
  }
  return {};
}

struct TextSearch {
  Text where = nullptr;  // nullptr: everyone
  std::string lower;
};

RepliconFault ParseSearch(const json& body, TextSearch* search) {
  const json* expression = Member(body, "filterExpression");
  if (expression == nullptr) return {};
  const json* left = Member(*expression, "leftExpression");
  const json* uri = left == nullptr ? nullptr : Member(*left, "filterDefinitionUri");
  const std::string name = uri == nullptr ? "" : NameIn(*uri, "urn:replicon:user-list-filter:");
  search->where = TextOf(name);
  if (search->where == nullptr) {
    return InvalidTarget("FilterDefinition", "There is no such filter.");
  }
  if (TextMember(*expression, "operatorUri") != "urn:replicon:filter-operator:text-search") {
    return InvalidTarget("FilterOperator", "The operator does not go with this filter.");
  }
  const json* right = Member(*expression, "rightExpression");
  const json* value = right == nullptr ? nullptr : Member(*right, "value");
  const json* text = value == nullptr ? nullptr : Member(*value, "text");
  if (text == nullptr || !AsText(*text)) return MissingParameter("rightExpression.value.text");
  search->lower = absl::AsciiStrToLower(*AsText(*text));
  return {};
}

json Cell(const RepliconUser& user, const std::string& column) {
  json cell = {{"dataType", column == "enabled" ? "boolean" : "string"},
               {"objectType", column == "user" ? json("user") : json()},
               {"slug", column == "user" ? json(user.uri.substr(user.uri.rfind(':') + 1)) : json()},
               {"uri", column == "user" ? json(user.uri) : json()}};
  // An empty text is left out, as it is there.
  const std::string text = Shown(user, column);
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
        search.where == nullptr || ignore_filter || Contains(user.*search.where, search.lower);
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
