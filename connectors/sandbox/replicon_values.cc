#include "connectors/sandbox/replicon_values.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

RepliconFault ParseDate(const json& range, absl::string_view name,
                        std::optional<absl::CivilDay>* day) {
  const json* value = Member(range, name);
  if (value == nullptr) return {};
  int64_t parts[3] = {};
  const char* names[] = {"year", "month", "day"};
  for (int i = 0; i < 3; ++i) {
    const json* part = Member(*value, names[i]);
    const std::optional<int64_t> number = part == nullptr ? std::nullopt : AsInteger(*part);
    if (!number) return InvalidModification("Date", absl::StrCat(name, " lacks its ", names[i]));
    parts[i] = *number;
  }
  const absl::CivilDay parsed(parts[0], parts[1], parts[2]);
  // A civil day that had to be normalised is no date: 31 February.
  if (parsed.year() != parts[0] || parsed.month() != parts[1] || parsed.day() != parts[2]) {
    return InvalidModification("Date", absl::StrCat(name, " is no date"));
  }
  *day = parsed;
  return {};
}

json ToJson(const std::optional<absl::CivilDay>& day) {
  if (!day) return nullptr;
  return {{"year", day->year()}, {"month", day->month()}, {"day", day->day()}};
}

}  // namespace

RepliconFault MissingParameter(absl::string_view name) {
  return {"MissingRequiredParameterError1",
          absl::StrCat("A required parameter is missing: ", name),
          {{"parameterName", std::string(name)}}};
}

RepliconFault InvalidTarget(absl::string_view target, std::string text) {
  return {absl::StrCat("Invalid", target, "TargetParameterError1"), std::move(text)};
}

RepliconFault InvalidModification(absl::string_view noun, std::string text) {
  return {absl::StrCat("Invalid", noun, "ModificationParameterError1"), std::move(text)};
}

RepliconFault ParseDateRange(const json& value, DateRange* range) {
  *range = {};
  if (value.is_null()) return {};
  if (!value.is_object()) return InvalidModification("DateRange", "A date range is an object.");
  if (RepliconFault fault = ParseDate(value, "startDate", &range->start)) return fault;
  if (RepliconFault fault = ParseDate(value, "endDate", &range->end)) return fault;
  if (range->start && range->end && *range->end < *range->start) {
    return InvalidModification("DateRange", "The end date is before the start date.");
  }
  return {};
}

json ToJson(const DateRange& range) {
  return {{"startDate", ToJson(range.start)}, {"endDate", ToJson(range.end)}};
}

RepliconFault ParseUserTarget(const json& value, UserTarget* target) {
  int named = 0;
  for (const char* kind : {"uri", "loginName", "employeeId"}) {
    const json* member = Member(value, kind);
    const std::optional<std::string> text = member == nullptr ? std::nullopt : AsText(*member);
    if (!text || text->empty()) continue;
    *target = {kind, *text};
    ++named;
  }
  if (named == 0) return MissingParameter("target");
  if (named > 1) return InvalidTarget("User", "Name a user by uri, loginName or employeeId alone.");
  return {};
}

json WithStrings(json value) {
  if (value.is_boolean() || value.is_number()) return Dump(value);
  if (value.is_structured()) {
    for (json& member : value) member = WithStrings(std::move(member));
  }
  return value;
}

std::optional<std::string> AsText(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return Dump(value);
  return std::nullopt;
}

}  // namespace purser::sandbox
