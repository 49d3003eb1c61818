// What a Replicon company holds: users, departments and permission sets.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "connectors/sandbox/replicon_values.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

struct RepliconUser {
  std::string uri;
  std::string first_name, last_name, login_name, employee_id, email, sso_name;
  bool enabled = true;        // the profile
  bool login_enabled = true;  // whether its owner can log in
  DateRange employment;
  std::string department;  // by name; empty: none
  std::string supervisor;  // a user's URI; empty: none
  std::set<std::string> permission_sets;
};

// A department or a permission set.
struct RepliconItem {
  std::string name;
  std::string uri;
};

// Thread-compatible: its twin locks.
class RepliconDirectory {
 public:
  explicit RepliconDirectory(std::string company);

  // nullptr where there is none; valid until the next change. Logins compare in any case.
  const RepliconUser* Find(const UserTarget& target) const;
  const RepliconUser* FindByUri(absl::string_view uri) const;
  const std::map<uint64_t, RepliconUser>& users() const { return users_; }

  // Whether a profile, enabled or not, other than `own_uri` has that login.
  bool LoginTaken(absl::string_view login, absl::string_view own_uri) const;

  // A URI that no user ever had.
  std::string NewUri();
  // Adds the user, or puts it in the place of the one with its URI.
  void Put(RepliconUser user);

  // By name or URI, in any case; nullptr where there is none.
  const RepliconItem* Department(absl::string_view name_or_uri) const;
  const RepliconItem* PermissionSet(absl::string_view name_or_uri) const;
  const std::vector<RepliconItem>& departments() const { return departments_; }

  // The user as BulkGetUsers3 shows it.
  nlohmann::json ToJson(const RepliconUser& user) const;

  nlohmann::json State() const;
  // Keeps the names of what `state` leaves out, and gives no URI twice.
  absl::Status SetState(const nlohmann::json& state);

 private:
  absl::Status Load(const nlohmann::json& item);

  std::string company_;
  uint64_t next_number_ = 2;  // 1 is the administrator
  std::map<uint64_t, RepliconUser> users_;
  absl::flat_hash_map<std::string, uint64_t> by_login_;  // lower case
  absl::flat_hash_map<std::string, std::set<uint64_t>> by_employee_id_;
  std::vector<RepliconItem> departments_;
  std::vector<RepliconItem> permission_sets_;
};

}  // namespace purser::sandbox
