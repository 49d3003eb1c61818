// A small SCIM 2.0 application, shaped by its profile: Recnice, Preciate or AlexisHR.
//
// Written apart from the product's own SCIM: another vendor's reading of RFC 7643 and 7644. It
// filters on its matching attribute with eq alone, refuses what its table requires and does not
// get, and never uses an id twice.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/mutex.h"
#include "connectors/sandbox/scim_patch.h"
#include "connectors/sandbox/scim_path.h"
#include "connectors/sandbox/scim_profile.h"
#include "connectors/sandbox/scim_store.h"
#include "connectors/sandbox/twin.h"

namespace purser::sandbox {

class ScimTwin : public Twin {
 public:
  // All three outlive it.
  ScimTwin(const ScimProfile& profile, std::string token, const Clock& clock, IdSource& ids);

  Call Understand(http::Request request) const override;
  bool Authorized(const Call& call) const override;
  http::Response Handle(const Call& call, const Circumstances& circumstances) override;
  http::Response Refuse(int status, absl::string_view message) const override;
  nlohmann::json State() const override;
  absl::Status SetState(const nlohmann::json& state) override;
  nlohmann::json Settings() const override;
  absl::Status Configure(const nlohmann::json& settings) override;

 private:
  struct Behaviour {
    std::string token;
    int delete_status = 204;      // 405 or 501: the application does not delete
    int patch_user_status = 200;  // or 204, without the resource
    int max_page = 100;
    absl::Duration visible_after;  // a search shows a new resource no sooner
  };
  // A request with what it is about, while the lock is held.
  struct Target {
    const Call& call;
    const Circumstances& circumstances;
    ScimCollection& resources;
    const ScimSchema& schema;
    bool group;
  };

  http::Response HandleDiscovery(const Call& call, absl::string_view what) const;
  http::Response HandleOne(const Target& target, const std::string& id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  http::Response Create(const Target& target) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  http::Response List(const Target& target) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  http::Response Read(const Target& target, const ScimEntry& entry) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  http::Response Patch(const Target& target, const ScimEntry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  http::Response Replace(const Target& target, const ScimEntry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  http::Response Delete(const Target& target, const std::string& id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What the resource may not be: without a required attribute, with a name that is taken, ...
  Refusal Check(const Target& target, const nlohmann::json& attributes,
                const nlohmann::json* before, absl::string_view own_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Refusal CheckMembers(const std::vector<MemberStep>& steps) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Stores the changed resource under a new version, and gives it back; the old one where nothing
  // differs. Without commit it is made in `*scratch` alone.
  const ScimEntry& Update(const Target& target, const ScimEntry& before, nlohmann::json attributes,
                          const std::vector<MemberStep>& steps, ScimEntry* scratch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string NewId() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<const ScimEntry*> Select(const Target& target, const EqualTerm& term) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The resource as an answer shows it, with members unless they are excluded.
  nlohmann::json Render(const Target& target, const ScimEntry& entry) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  http::Response Answer(const Target& target, int status, const ScimEntry& entry) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ScimProfile& profile_;
  const Clock& clock_;
  IdSource& ids_;

  mutable Mutex mutex_;
  Behaviour behaviour_ ABSL_GUARDED_BY(mutex_);
  ScimCollection users_ ABSL_GUARDED_BY(mutex_){"userName"};
  ScimCollection groups_ ABSL_GUARDED_BY(mutex_){"displayName"};
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 10001;
};

}  // namespace purser::sandbox
