// Who a secret belongs to.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/auth/role.h"
#include "broker/auth/token.h"
#include "broker/base/mutex.h"

namespace purser::auth {

// Who makes a request: the actor of its events.
struct Principal {
  std::string token_id;
  std::string directory_id;  // empty at the admin API
  Role role = Role::kViewer;
  std::string user_id = {};  // of a directory's: whom /Me means; empty: nobody
};

// The tokens of all directories and of the admin API, as the control stream has them. Thread-safe:
// a question is answered from one snapshot, whatever is put meanwhile.
class TokenTable {
 public:
  // Replaces the tokens of the directory, or of the admin API (`directory_id` empty). They were
  // checked (CheckTokens) before they went on the log; one of an unknown role opens nothing.
  void Put(const std::string& directory_id, Tokens tokens);

  // Whose `secret` is at that door. Unauthenticated where it is nobody's there, or has expired.
  // Takes as long for a wrong secret as for a right one.
  absl::StatusOr<Principal> Authenticate(absl::string_view directory_id, absl::string_view secret,
                                         absl::Time now) const;

  // The same from an Authorization header; Unauthenticated also where it holds no bearer token.
  absl::StatusOr<Principal> AuthenticateHeader(absl::string_view directory_id,
                                               absl::string_view authorization,
                                               absl::Time now) const;

 private:
  using Doors = absl::flat_hash_map<std::string, Tokens>;

  std::shared_ptr<const Doors> Snapshot() const;

  mutable Mutex mutex_;
  std::shared_ptr<const Doors> doors_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Doors>();
};

}  // namespace purser::auth
