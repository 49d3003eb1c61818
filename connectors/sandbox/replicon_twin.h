// Replicon: web services under /replicon, as far as its help pages and its callers show them.
//
// Discovery without a login; all else by Basic `company\login` or a token that CreateAccessToken2
// gave. What is not known of the real service is a setting (Settings()); neither reading may be
// relied on.
#pragma once

#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/mutex.h"
#include "connectors/sandbox/replicon_directory.h"
#include "connectors/sandbox/replicon_modifications.h"
#include "connectors/sandbox/twin.h"

namespace purser::sandbox {

struct RepliconAccess {
  std::string company;
  std::string username;
  std::string password;
};

class RepliconTwin : public Twin {
 public:
  // Clock and ids outlive it.
  RepliconTwin(RepliconAccess access, const Clock& clock, IdSource& ids);

  Call Understand(http::Request request) const override;
  bool Authorized(const Call& call) const override;
  http::Response Handle(const Call& call, const Circumstances& circumstances) override;
  http::Response Refuse(int status, absl::string_view message) const override;
  nlohmann::json State() const override;
  // Forgets the units of work, too: what was done after the state was taken was never done.
  absl::Status SetState(const nlohmann::json& state) override;
  nlohmann::json Settings() const override;
  absl::Status Configure(const nlohmann::json& settings) override;

 private:
  // A value, or why there is none.
  struct Outcome {
    RepliconFault fault;
    nlohmann::json value = nullptr;
  };
  using Operation = Outcome (RepliconTwin::*)(const nlohmann::json& body,
                                              const Circumstances& circumstances);

  static Operation FindOperation(absl::string_view service, absl::string_view operation);

  Outcome GetMyIdentity(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome CreateAccessToken(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome CreateOrModify(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome BulkGetUsers(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome GetData(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome EnableLogin(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome DisableLogin(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome UpdateEmployment(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome UpdateSupervisor(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome GetDepartments(const nlohmann::json& body, const Circumstances& circumstances)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  http::Response Discover(const Call& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome SetLogin(const nlohmann::json& body, const Circumstances& circumstances, bool enabled)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The user whom the body's `userUri` names.
  RepliconFault UserOf(const nlohmann::json& body, RepliconUser* user) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  nlohmann::json BulkItem(const nlohmann::json& target) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  http::Response Answer(const Outcome& outcome) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remember(const std::string& unit, const Outcome& outcome)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Name(const UserTarget& target, Call* call) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  struct Behaviour {
    int sender_fault_status = 400;      // or 500
    bool root_has_company_key = false;  // whether discovery's root ends in the company key
    bool values_as_strings = false;     // numbers and booleans in replies
    bool absent_as_item = false;        // an absent user: an item without userDetails, or none
    bool remember_failures = false;     // whether a failed unit of work is replayed
    SupervisorRules supervisors;
  };

  const Clock& clock_;
  IdSource& ids_;
  const RepliconAccess access_;

  mutable Mutex mutex_;
  Behaviour behaviour_ ABSL_GUARDED_BY(mutex_);
  std::string password_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::string> tokens_ ABSL_GUARDED_BY(mutex_);
  RepliconDirectory directory_ ABSL_GUARDED_BY(mutex_);
  // The first result of each unit of work; the oldest of 100,000 is forgotten.
  absl::flat_hash_map<std::string, Outcome> units_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> unit_order_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser::sandbox
