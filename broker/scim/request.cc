#include "broker/scim/request.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/json_text.h"
#include "nlohmann/json.hpp"

namespace purser::scim {
namespace {

using nlohmann::json;

const std::string* Find(const QueryParameters& query, absl::string_view name) {
  for (const auto& [key, value] : query) {
    if (absl::EqualsIgnoreCase(key, name)) return &value;
  }
  return nullptr;
}

absl::StatusOr<std::optional<int64_t>> FindNumber(const QueryParameters& query,
                                                  absl::string_view name) {
  const std::string* text = Find(query, name);
  if (text == nullptr || text->empty()) return std::optional<int64_t>();
  int64_t number = 0;
  if (!absl::SimpleAtoi(*text, &number)) {
    return BadRequest(ErrorType::kInvalidValue, absl::StrCat("\"", name, "\" must be a number"));
  }
  return std::optional<int64_t>(number);
}

// The filter, order and projection of a list as the client wrote them.
std::string IdentityOf(const QueryParameters& query) {
  std::string identity;
  for (const absl::string_view name :
       {"filter", "sortBy", "sortOrder", "attributes", "excludedAttributes"}) {
    const std::string* value = Find(query, name);
    if (value != nullptr) absl::StrAppend(&identity, name, "=", value->size(), ":", *value, ";");
  }
  return identity;
}

absl::Status ParsePage(const QueryParameters& query, uint64_t max_results, ListQuery* list) {
  const std::string* cursor = Find(query, "cursor");
  if (cursor != nullptr) list->cursor = *cursor;
  const auto count = FindNumber(query, "count");
  if (!count.ok() && cursor != nullptr) {
    return BadRequest(ErrorType::kInvalidCount, count.status().message());
  }
  RETURN_IF_ERROR(count.status());
  ASSIGN_OR_RETURN(const std::optional<int64_t> start, FindNumber(query, "startIndex"));
  if (start && cursor != nullptr) {
    return BadRequest(ErrorType::kInvalidValue, "\"cursor\" and \"startIndex\" exclude each other");
  }
  list->start_index = static_cast<uint64_t>(std::max<int64_t>(start.value_or(1), 1));
  list->count = std::min(
      static_cast<uint64_t>(std::max<int64_t>(count->value_or(kDefaultCount), 0)), max_results);
  return absl::OkStatus();
}

// A search request's attributes as the query parameter that means the same.
absl::Status AddParameter(const std::string& name, const json& value, QueryParameters* query) {
  if (value.is_null()) return absl::OkStatus();
  if (value.is_string()) {
    query->emplace_back(name, value.get<std::string>());
  } else if (value.is_number_integer()) {
    query->emplace_back(name, value.dump());
  } else if (value.is_array()) {
    std::vector<std::string> names;
    for (const json& item : value) {
      if (item.is_string()) names.push_back(item.get<std::string>());
    }
    if (!names.empty()) query->emplace_back(name, absl::StrJoin(names, ","));
  } else {
    return BadRequest(name == "cursor" ? ErrorType::kInvalidCursor : ErrorType::kInvalidValue,
                      absl::StrCat("\"", name, "\" has a wrong type"));
  }
  return absl::OkStatus();
}

// "application/json; charset=utf-8" without its parameters.
absl::string_view MediaTypeOf(absl::string_view text) {
  return absl::StripAsciiWhitespace(text.substr(0, text.find(';')));
}

bool IsRefused(absl::string_view range) {
  for (absl::string_view parameter : absl::StrSplit(range, ';')) {
    parameter = absl::StripAsciiWhitespace(parameter);
    double quality = 1;
    if (absl::StartsWithIgnoreCase(parameter, "q=") &&
        absl::SimpleAtod(parameter.substr(2), &quality) && quality == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<Projection> ParseProjection(const ResourceSchema& schema,
                                           const QueryParameters& query) {
  const std::string* only = Find(query, "attributes");
  const std::string* except = Find(query, "excludedAttributes");
  const bool has_only = only != nullptr && !only->empty();
  const bool has_except = except != nullptr && !except->empty();
  if (has_only && has_except) {
    return BadRequest(ErrorType::kInvalidValue,
                      "\"attributes\" and \"excludedAttributes\" exclude each other");
  }
  if (has_only) return Projection::Only(schema, *only);
  if (has_except) return Projection::Except(schema, *except);
  return Projection();
}

absl::StatusOr<ListQuery> ParseListQuery(const ResourceSchema& schema, const QueryParameters& query,
                                         uint64_t max_results) {
  ListQuery list;
  ASSIGN_OR_RETURN(list.projection, ParseProjection(schema, query));
  RETURN_IF_ERROR(ParsePage(query, max_results, &list));
  list.identity = IdentityOf(query);
  const std::string* filter = Find(query, "filter");
  if (filter != nullptr && !absl::StripAsciiWhitespace(*filter).empty()) {
    ASSIGN_OR_RETURN(list.filter, ParseFilter(schema, *filter));
  }
  const std::string* sort_by = Find(query, "sortBy");
  if (sort_by != nullptr && !sort_by->empty()) {
    const std::string* order = Find(query, "sortOrder");
    ASSIGN_OR_RETURN(list.sort, ParseSort(schema, *sort_by, order == nullptr ? "" : *order));
  }
  return list;
}

absl::StatusOr<ListQuery> ParseSearchRequest(const ResourceSchema& schema, absl::string_view body,
                                             uint64_t max_results) {
  ASSIGN_OR_RETURN(const json parsed, ParseJson(body));
  if (!parsed.is_object()) {
    return BadRequest(ErrorType::kInvalidSyntax, "the body must be a JSON object");
  }
  QueryParameters query;
  for (const absl::string_view name : {"attributes", "excludedAttributes", "filter", "sortBy",
                                       "sortOrder", "startIndex", "count", "cursor"}) {
    for (const auto& [key, value] : *parsed.get_ptr<const json::object_t*>()) {
      if (!absl::EqualsIgnoreCase(key, name)) continue;
      RETURN_IF_ERROR(AddParameter(std::string(name), value, &query));
    }
  }
  return ParseListQuery(schema, query, max_results);
}

EntityTags EntityTags::Parse(absl::string_view header) {
  EntityTags tags;
  header = absl::StripAsciiWhitespace(header);
  if (header.empty()) return tags;
  tags.absent_ = false;
  for (absl::string_view tag : absl::StrSplit(header, ',')) {
    tag = absl::StripAsciiWhitespace(tag);
    if (tag == "*") tags.any_ = true;
    if (!absl::ConsumePrefix(&tag, "W/")) absl::ConsumePrefix(&tag, "w/");
    const bool quoted = tag.size() >= 2 && tag.front() == '"' && tag.back() == '"';
    if (quoted) tag = tag.substr(1, tag.size() - 2);
    uint64_t version = 0;
    if (absl::SimpleAtoi(tag, &version)) tags.versions_.push_back(version);
  }
  return tags;
}

bool EntityTags::Matches(uint64_t version) const {
  if (absent_) return false;
  return any_ || std::find(versions_.begin(), versions_.end(), version) != versions_.end();
}

absl::Status Preconditions::Check(uint64_t version) const {
  if (!if_match.absent() && !if_match.Matches(version)) {
    return ScimError(412, ErrorType::kNone, "the resource has another version than If-Match names");
  }
  if (if_none_match.Matches(version)) {
    return ScimError(412, ErrorType::kNone, "the resource has a version that If-None-Match names");
  }
  return absl::OkStatus();
}

bool IsAcceptedContentType(absl::string_view content_type) {
  const absl::string_view type = MediaTypeOf(content_type);
  return type.empty() || absl::EqualsIgnoreCase(type, "application/scim+json") ||
         absl::EqualsIgnoreCase(type, "application/json");
}

bool PrefersAsync(absl::string_view prefer) {
  bool asynchronous = false;
  for (const absl::string_view preference : absl::StrSplit(prefer, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(*absl::StrSplit(preference, ';').begin(), absl::MaxSplits('=', 1));
    const absl::string_view name = absl::StripAsciiWhitespace(parts.first);
    if (absl::EqualsIgnoreCase(name, "respond-async")) asynchronous = true;
    if (!absl::EqualsIgnoreCase(name, "wait")) continue;
    int64_t seconds = 0;
    if (absl::SimpleAtoi(absl::StripAsciiWhitespace(parts.second), &seconds) && seconds > 0) {
      return false;
    }
  }
  return asynchronous;
}

bool AcceptsScim(absl::string_view accept) {
  if (absl::StripAsciiWhitespace(accept).empty()) return true;
  for (const absl::string_view range : absl::StrSplit(accept, ',')) {
    const absl::string_view type = MediaTypeOf(range);
    const bool ours = type == "*/*" || absl::EqualsIgnoreCase(type, "application/*") ||
                      absl::EqualsIgnoreCase(type, "application/scim+json") ||
                      absl::EqualsIgnoreCase(type, "application/json");
    if (ours && !IsRefused(range)) return true;
  }
  return false;
}

}  // namespace purser::scim
