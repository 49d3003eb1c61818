#include "broker/admin/token_service.h"

#include "broker/auth/token.h"
#include "broker/crypto/sha256.h"
#include "broker/events/sealing.h"
#include "gmock/gmock.h"
#include "purser/event/v1/control.pb.h"
#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

using admin::v1::MintTokenRequest;
using admin::v1::MintTokenResponse;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class TokensAsked : public AdminFixture {
 protected:
  void SetUp() override { PutWiki(); }

  absl::StatusOr<MintTokenResponse> Mint(const std::string& directory, const std::string& role = "",
                                         absl::Time expires = absl::InfiniteFuture()) {
    MintTokenRequest request;
    request.set_directory(directory);
    request.set_role(role);
    if (expires != absl::InfiniteFuture()) {
      request.mutable_expires()->set_seconds(absl::ToUnixSeconds(expires));
    }
    request.set_request_id("request-7");
    request.set_reason("rotation");
    return MintToken(context(), admin(), request);
  }

  std::string MintedId(const std::string& directory, const std::string& role = "") {
    const auto minted = Mint(directory, role);
    EXPECT_TRUE(minted.ok()) << minted.status();
    return minted.ok() ? minted->token().id() : "";
  }

  absl::Status Revoke(const std::string& directory, const std::string& token_id) {
    admin::v1::RevokeTokenRequest request;
    request.set_directory(directory);
    request.set_token_id(token_id);
    request.set_reason("lost");
    return RevokeToken(context(), admin(), request).status();
  }

  // "id role", with "expired" where it is.
  std::vector<std::string> Listed(const std::string& directory) {
    admin::v1::ListTokensRequest request;
    request.set_directory(directory);
    const auto response = ListTokens(context(), admin(), request);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> listed;
    for (const auto& token : response->tokens()) {
      listed.push_back(token.id() + " " + token.role() + (token.expired() ? " expired" : ""));
    }
    return listed;
  }

  StreamPosition ControlHead() { return HeadOf(StreamId::Control()); }
};

TEST_F(TokensAsked, AMintedTokenStandsOnTheLogAsAHashWithWhoAndWhy) {
  const auto minted = Mint("main");
  ASSERT_TRUE(minted.ok()) << minted.status();
  EXPECT_EQ(minted->secret().size(), 43u);
  EXPECT_EQ(minted->directory(), "main");
  EXPECT_EQ(minted->token().role(), "scim");
  const auto record = LastRecord(StreamId::Control());
  EXPECT_EQ(record.kind(), event::v1::TOKENS_PUT);
  EXPECT_EQ(record.resource_id(), directory_id());
  EXPECT_EQ(record.actor(), "token-admin");
  EXPECT_EQ(record.request_id(), "request-7");
  EXPECT_EQ(record.reason(), "rotation");
  EXPECT_THAT(record.SerializeAsString(), Not(HasSubstr(minted->secret())));
  const auto state = context().control->state();
  ASSERT_EQ(state->tokens.at(directory_id()).size(), 1u);
  EXPECT_EQ(state->tokens.at(directory_id())[0].sha256(), AsBytes(Sha256(minted->secret())));
}

TEST_F(TokensAsked, ADirectoryTakesTwoLiveTokensAndNoThird) {
  const std::string first = MintedId("main");
  const std::string second = MintedId(directory_id());
  const auto third = Mint("main");
  EXPECT_TRUE(absl::IsFailedPrecondition(third.status())) << third.status();
  EXPECT_THAT(Listed("main"), ElementsAre(first + " scim", second + " scim"));
  ASSERT_TRUE(Revoke("main", first).ok());
  EXPECT_TRUE(Mint("main").ok());
}

TEST_F(TokensAsked, AnExpiredTokenGivesRoomAndIsDroppedByTheNextMint) {
  ASSERT_TRUE(Mint("main", "", clock().Now() + absl::Hours(1)).ok());
  const std::string second = MintedId("main");
  clock().Advance(absl::Hours(2));
  EXPECT_EQ(Listed("main").size(), 2u);
  EXPECT_THAT(Listed("main")[0], HasSubstr("expired"));
  const std::string third = MintedId("main");
  EXPECT_THAT(Listed("main"), ElementsAre(second + " scim", third + " scim"));
}

TEST_F(TokensAsked, ARoleIsTheAdminApisAlone) {
  const auto before = ControlHead();
  EXPECT_TRUE(absl::IsInvalidArgument(Mint("main", "admin").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Mint("", "scim").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Mint("", "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Mint("", "king").status()));
  EXPECT_EQ(ControlHead(), before);
  EXPECT_TRUE(Mint("", "operator").ok());
  EXPECT_EQ(LastRecord(StreamId::Control()).resource_id(), "");
}

TEST_F(TokensAsked, WhatIsExpiredFromTheStartOrForEverIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(Mint("main", "", clock().Now()).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(Mint("main", "", absl::FromUnixSeconds(253'402'300'800)).status()));
  EXPECT_THAT(Listed("main"), IsEmpty());
}

TEST_F(TokensAsked, TheLastLiveTokenOfAnAdminIsNotRevoked) {
  const std::string first = MintedId("", "admin");
  const std::string viewer = MintedId("", "viewer");
  const auto refused = Revoke("", first);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_TRUE(Revoke("", viewer).ok());
  ASSERT_TRUE(Mint("", "admin", clock().Now() + absl::Hours(1)).ok());
  clock().Advance(absl::Hours(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(Revoke("", first)));
  const std::string second = MintedId("", "admin");
  EXPECT_TRUE(Revoke("", first).ok());
  EXPECT_THAT(Listed(""), ElementsAre(second + " admin"));
}

TEST_F(TokensAsked, ATokenIsRevokedAtItsOwnDoorAlone) {
  const std::string token = MintedId("main");
  MintedId("", "admin");
  EXPECT_TRUE(absl::IsNotFound(Revoke("", token)));
  EXPECT_TRUE(absl::IsNotFound(Revoke("main", "t-0")));
  EXPECT_TRUE(absl::IsNotFound(Revoke("elsewhere", token)));
  EXPECT_TRUE(absl::IsNotFound(Mint("elsewhere").status()));
  EXPECT_EQ(Listed("main").size(), 1u);
  EXPECT_TRUE(Revoke("main", token).ok());
  EXPECT_THAT(Listed("main"), IsEmpty());
}

}  // namespace
}  // namespace purser
