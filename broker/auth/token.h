// Tokens as the control stream keeps them: a hash, never the secret.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/auth/role.h"
#include "broker/base/ids.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "purser/event/v1/control.pb.h"

namespace purser::auth {

using Tokens = google::protobuf::RepeatedPtrField<event::v1::Token>;

// A rotation has the old secret and the new one; a third is a mistake. Of a directory's tokens that
// stand for users (/Me), each user may have as many; and no door has more than 200 in all, for they
// are one record.
inline constexpr int kMaxLiveTokens = 2;
inline constexpr int kMaxTokens = 200;
// Of those that read a directory's feeds: each receiver has its own.
inline constexpr int kMaxLiveFeedTokens = 32;

struct MintedToken {
  std::string secret;  // to be shown once; nothing of ours keeps it
  event::v1::Token token;
};

// The token of a secret that exists already. InfiniteFuture: it does not expire.
event::v1::Token TokenOf(absl::string_view secret, absl::string_view id, Role role,
                         absl::Time expires);

// A new secret of 32 random bytes in base64url ("Xb2..." of 43 characters) and its token.
MintedToken MintToken(IdSource& ids, Role role, absl::Time now, absl::Time expires);

// False from the moment it expires on.
bool IsLive(const event::v1::Token& token, absl::Time now);

// Are these fit to be the tokens of a directory, or of the admin API (`directory_id` empty)?
//
// InvalidArgument: an id is missing or stands twice, a hash is not of 32 bytes, a role does not
// belong there. FailedPrecondition: more than two of a directory's tokens are live that stand for
// the same user, or for nobody, or more than 32 that read its feeds; or there are more than 200.
absl::Status CheckTokens(absl::string_view directory_id, const Tokens& tokens, absl::Time now);

}  // namespace purser::auth
