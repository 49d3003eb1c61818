// The values of Replicon's web services, and how a caller's fault is told.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// A caller's fault; an empty type: there is none.
struct RepliconFault {
  std::string type;  // "InvalidUserTargetParameterError1"
  std::string text;
  nlohmann::json target = nullptr;

  explicit operator bool() const { return !type.empty(); }
};
RepliconFault MissingParameter(absl::string_view name);
RepliconFault InvalidTarget(absl::string_view target, std::string text);
RepliconFault InvalidModification(absl::string_view noun, std::string text);

struct DateRange {
  std::optional<absl::CivilDay> start, end;
};

// {"startDate": {"year": 2026, "month": "3", "day": 9}, "endDate": null}; numbers may stand in
// strings.
RepliconFault ParseDateRange(const nlohmann::json& value, DateRange* range);
nlohmann::json ToJson(const DateRange& range);

// How a call names a user: one of the three.
struct UserTarget {
  std::string kind;  // "uri", "loginName" or "employeeId"
  std::string value;
};
RepliconFault ParseUserTarget(const nlohmann::json& value, UserTarget* target);

// Every number and boolean as a string, as some replies come.
nlohmann::json WithStrings(nlohmann::json value);

// A text, also where it came as a number; nullopt for any other.
std::optional<std::string> AsText(const nlohmann::json& value);

}  // namespace purser::sandbox
