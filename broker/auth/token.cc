#include "broker/auth/token.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/crypto/base64url.h"
#include "broker/crypto/secrets.h"
#include "broker/crypto/sha256.h"

namespace purser::auth {
namespace {

constexpr size_t kSecretBytes = 32;

absl::Status CheckToken(absl::string_view directory_id, const event::v1::Token& token) {
  if (token.id().empty()) return absl::InvalidArgumentError("a token has no id");
  if (token.sha256().size() != sizeof(Sha256Hash)) {
    return absl::InvalidArgumentError(
        absl::StrCat("token ", token.id(), ": its hash is not of 32 bytes"));
  }
  ASSIGN_OR_RETURN(const Role role, ParseRole(token.role()));
  if (IsDirectorys(role) == directory_id.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("token ", token.id(), ": the role ", token.role(),
                     directory_id.empty() ? " is a directory's" : " is the admin API's"));
  }
  if (!token.user_id().empty() && directory_id.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("token ", token.id(), ": a token of the admin API stands for no user"));
  }
  return absl::OkStatus();
}

}  // namespace

event::v1::Token TokenOf(absl::string_view secret, absl::string_view id, Role role,
                         absl::Time expires) {
  event::v1::Token token;
  token.set_id(std::string(id));
  token.set_sha256(std::string(AsBytes(Sha256(secret))));
  token.set_role(std::string(RoleName(role)));
  if (expires != absl::InfiniteFuture()) {
    const absl::Duration since_epoch = expires - absl::UnixEpoch();
    const int64_t seconds = absl::ToInt64Seconds(absl::Floor(since_epoch, absl::Seconds(1)));
    token.mutable_expires()->set_seconds(seconds);
    token.mutable_expires()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(since_epoch - absl::Seconds(seconds))));
  }
  return token;
}

MintedToken MintToken(IdSource& ids, Role role, absl::Time now, absl::Time expires) {
  MintedToken minted;
  minted.secret = Base64UrlEncode(RandomBytes(kSecretBytes));
  minted.token = TokenOf(minted.secret, ids.NewId(now), role, expires);
  return minted;
}

bool IsLive(const event::v1::Token& token, absl::Time now) {
  if (!token.has_expires()) return true;
  return now < absl::FromUnixSeconds(token.expires().seconds()) +
                   absl::Nanoseconds(token.expires().nanos());
}

absl::Status CheckTokens(absl::string_view directory_id, const Tokens& tokens, absl::Time now) {
  std::set<absl::string_view> ids;
  std::map<absl::string_view, int> live;  // by the user they stand for
  int most = 0, feeds = 0;
  for (const event::v1::Token& token : tokens) {
    RETURN_IF_ERROR(CheckToken(directory_id, token));
    if (!ids.insert(token.id()).second) {
      return absl::InvalidArgumentError(absl::StrCat("token ", token.id(), " stands twice"));
    }
    if (!IsLive(token, now)) continue;
    if (token.role() == RoleName(Role::kFeed)) {
      ++feeds;
    } else {
      most = std::max(most, ++live[token.user_id()]);
    }
  }
  if (tokens.size() > kMaxTokens) {
    return absl::FailedPreconditionError(
        absl::StrCat("at most ", kMaxTokens, " tokens are allowed; revoke one first"));
  }
  if (feeds > kMaxLiveFeedTokens) {
    return absl::FailedPreconditionError(
        absl::StrCat("directory ", directory_id, ": ", feeds, " live tokens of feeds, and at most ",
                     kMaxLiveFeedTokens, " are allowed; revoke one first"));
  }
  if (!directory_id.empty() && most > kMaxLiveTokens) {
    return absl::FailedPreconditionError(absl::StrCat("directory ", directory_id, ": ", most,
                                                      " live tokens, and at most ", kMaxLiveTokens,
                                                      " are allowed; revoke one first"));
  }
  return absl::OkStatus();
}

}  // namespace purser::auth
