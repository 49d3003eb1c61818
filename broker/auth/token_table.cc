#include "broker/auth/token_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/auth/bearer.h"
#include "broker/base/status.h"
#include "broker/crypto/secrets.h"
#include "broker/crypto/sha256.h"

namespace purser::auth {

void TokenTable::Put(const std::string& directory_id, Tokens tokens) {
  MutexLock lock(&mutex_);
  auto doors = std::make_shared<Doors>(*doors_);
  (*doors)[directory_id] = std::move(tokens);
  doors_ = std::move(doors);
}

std::shared_ptr<const TokenTable::Doors> TokenTable::Snapshot() const {
  MutexLock lock(&mutex_);
  return doors_;
}

absl::StatusOr<Principal> TokenTable::Authenticate(absl::string_view directory_id,
                                                   absl::string_view secret, absl::Time now) const {
  const std::shared_ptr<const Doors> doors = Snapshot();
  const Sha256Hash hash = Sha256(secret);
  const event::v1::Token* match = nullptr;
  if (const auto door = doors->find(directory_id); door != doors->end()) {
    // Every token is compared, so that time does not tell which one came near.
    for (const event::v1::Token& token : door->second) {
      if (ConstantTimeEquals(token.sha256(), AsBytes(hash))) match = &token;
    }
  }
  if (match == nullptr) return absl::UnauthenticatedError("the bearer token is not valid here");
  if (!IsLive(*match, now)) {
    return absl::UnauthenticatedError(absl::StrCat("the token ", match->id(), " has expired"));
  }
  const absl::StatusOr<Role> role = ParseRole(match->role());
  if (!role.ok() || IsDirectorys(*role) == directory_id.empty()) {
    return absl::UnauthenticatedError(
        absl::StrCat("the token ", match->id(), " has no role that counts here"));
  }
  return Principal{match->id(), std::string(directory_id), *role, match->user_id()};
}

absl::StatusOr<Principal> TokenTable::AuthenticateHeader(absl::string_view directory_id,
                                                         absl::string_view authorization,
                                                         absl::Time now) const {
  const std::optional<absl::string_view> secret = ParseBearer(authorization);
  if (!secret.has_value()) {
    return absl::UnauthenticatedError("the request carries no bearer token");
  }
  return Authenticate(directory_id, *secret, now);
}

}  // namespace purser::auth
