// A Replicon user: from our targets to the service's modifications, and back from what it shows.
// Pure; facts of the web service (ImportService1, ImportService2).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "connectors/api/connector.h"
#include "nlohmann/json.hpp"
#include "purser/config/v1/config.pb.h"

namespace purser::connectors::replicon {

// The fields this connector knows; a mapping may name some otherwise ("active", "role",
// "employmentStartDate").
inline constexpr char kLoginName[] = "loginName";
inline constexpr char kSsoName[] = "ssoName";
inline constexpr char kFirstName[] = "firstName";
inline constexpr char kLastName[] = "lastName";
inline constexpr char kEmailAddress[] = "emailAddress";
inline constexpr char kEmployeeId[] = "employeeId";
inline constexpr char kDepartment[] = "department";
inline constexpr char kSupervisor[] = "supervisor";
inline constexpr char kPermissionSets[] = "permissionSets";
inline constexpr char kLoginEnabled[] = "loginEnabled";
inline constexpr char kStartDate[] = "startDate";
inline constexpr char kEndDate[] = "endDate";

// The field that a target names; empty for one that is unknown.
std::string FieldOf(absl::string_view target);

// The mapping's targets and the fields they mean. Immutable: thread-safe.
class Fields {
 public:
  // InvalidArgument, naming the target, where one means nothing to Replicon.
  static absl::StatusOr<Fields> Of(const config::v1::ResourceMapping& mapping);

  // By field, from by target and back; back holds what is mapped, and unmapped fields not at all.
  static Attributes ToFields(const Attributes& by_target);
  Attributes ToTargets(const Attributes& by_field) const;
  // The mapping's name for a field, else its own.
  std::string TargetOf(const std::string& field) const;

 private:
  std::map<std::string, std::string> fields_;  // by target
};

// A user as BulkGetUsers3 shows one.
struct User {
  std::string uri;
  Attributes values;            // by field; absent where there is none
  std::set<std::string> shown;  // the fields of which the answer says something, if only null
  std::optional<bool> login_enabled;
};

// The users of an answer, absent ones left out. Numbers and booleans may be strings.
std::vector<User> ParseUsers(const nlohmann::json& items);

// An item's own error: {"type", ..}; empty where it has none.
std::string ItemErrorOf(const nlohmann::json& items);

// "2026-03-09", also out of "2026-03-09T08:00:00Z", as {"year":2026,"month":3,"day":9}; null for
// anything else. And back.
nlohmann::json DateToJson(const nlohmann::json& date);
nlohmann::json DateFromJson(const nlohmann::json& date);

// {"startDate": .., "endDate": ..} of two dates as text, either of which may be null.
nlohmann::json DateRange(const nlohmann::json& start, const nlohmann::json& end);

// The `modifications` that bring a user to `set` with `clear` unassigned. Not in it, being calls of
// their own or needing a read: supervisor, dates. Department by `department_uri`.
struct Modifications {
  nlohmann::json body = nlohmann::json::object();
  std::vector<std::string> left_out;  // fields that cannot be cleared
};
Modifications ModificationsFor(const Attributes& set, const std::vector<std::string>& clear,
                               const std::string& department_uri);

// The fields that the app shows otherwise than sent. Case and white space at the ends do not count,
// permission sets are only ever added, and what the app does not show is not held against it.
std::vector<std::string> Differences(const Attributes& sent,
                                     const std::vector<std::string>& cleared, const User& seen);

// The day on which the operation was made, for dates that are ours to choose: of its id, a UUIDv7,
// so that a repetition says the same; else of `now`. "2026-03-09"
std::string DayOf(absl::string_view operation_id, absl::Time now, absl::TimeZone zone);

}  // namespace purser::connectors::replicon
