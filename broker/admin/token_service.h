// TokenService: who may come in by SCIM or to the admin API. A door is a directory, or the admin
// API where none is named; it is by name or id.
#pragma once

#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// Puts a new token beside those the door has, without the expired ones. Its secret is in the answer
// alone.
//
// NotFound: no such directory. InvalidArgument: the role does not belong at the door, or the token
// would be expired already. FailedPrecondition: a directory with two live tokens takes no third.
// Unavailable as SubmitAndWait(): a token whose secret nobody saw may then be there, to be revoked.
absl::StatusOr<admin::v1::MintTokenResponse> MintToken(const AdminContext& context,
                                                       const Caller& caller,
                                                       const admin::v1::MintTokenRequest& request);

absl::StatusOr<admin::v1::ListTokensResponse> ListTokens(
    const AdminContext& context, const Caller& caller, const admin::v1::ListTokensRequest& request);

// NotFound: no such directory, or no such token there. FailedPrecondition: it is the last live
// token of an admin, and nobody could mint another.
absl::StatusOr<admin::v1::RevokeTokenResponse> RevokeToken(
    const AdminContext& context, const Caller& caller,
    const admin::v1::RevokeTokenRequest& request);

}  // namespace purser
