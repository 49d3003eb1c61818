#include "broker/auth/token.h"

#include "broker/crypto/base64url.h"
#include "broker/crypto/sha256.h"
#include "gtest/gtest.h"

namespace purser::auth {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::string_view kDirectory = "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f";

Tokens List(std::initializer_list<event::v1::Token> tokens) {
  return Tokens(tokens.begin(), tokens.end());
}

event::v1::Token Scim(absl::string_view id, absl::Time expires = absl::InfiniteFuture()) {
  return TokenOf(id, id, Role::kScim, expires);
}

TEST(MintToken, EachSecretIsNewAndOnlyItsHashIsKept) {
  SequentialIdSource ids;
  const MintedToken one = MintToken(ids, Role::kScim, kNow, absl::InfiniteFuture());
  const MintedToken two = MintToken(ids, Role::kScim, kNow, absl::InfiniteFuture());
  EXPECT_NE(one.secret, two.secret);
  EXPECT_NE(one.token.id(), two.token.id());
  EXPECT_EQ(Base64UrlDecode(one.secret)->size(), 32u);
  EXPECT_EQ(one.token.sha256(), AsBytes(Sha256(one.secret)));
  EXPECT_EQ(one.token.SerializeAsString().find(one.secret), std::string::npos);
}

TEST(IsLive, ATokenEndsAtItsExpiryAndOneWithoutNever) {
  const absl::Time expires = kNow + absl::Milliseconds(1500);
  EXPECT_TRUE(IsLive(Scim("a", expires), expires - absl::Nanoseconds(1)));
  EXPECT_FALSE(IsLive(Scim("a", expires), expires));
  EXPECT_TRUE(IsLive(Scim("a"), kNow + absl::Hours(1'000'000)));
}

TEST(CheckTokens, TwoLiveTokensADirectoryAreAllowedAndAThirdIsNot) {
  const auto old = Scim("old", kNow);
  EXPECT_TRUE(CheckTokens(kDirectory, List({Scim("a"), Scim("b"), old}), kNow).ok());
  EXPECT_EQ(CheckTokens(kDirectory, List({Scim("a"), Scim("b"), Scim("c")}), kNow).code(),
            absl::StatusCode::kFailedPrecondition);
}

event::v1::Token Of(absl::string_view user, absl::string_view id) {
  event::v1::Token token = Scim(id);
  token.set_user_id(std::string(user));
  return token;
}

TEST(CheckTokens, EachUserMayHaveTwoBesideTheDirectorys) {
  Tokens tokens = List({Scim("a"), Scim("b"), Of("ada", "c"), Of("ada", "d"), Of("bob", "e")});
  EXPECT_TRUE(CheckTokens(kDirectory, tokens, kNow).ok());
  *tokens.Add() = Of("ada", "f");
  EXPECT_EQ(CheckTokens(kDirectory, tokens, kNow).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CheckTokens, ADoorHasNoMoreThanARecordHolds) {
  Tokens tokens;
  for (int i = 0; i < kMaxTokens; ++i) {
    const std::string name = "t" + std::to_string(i);
    *tokens.Add() = Of(name, name);
  }
  EXPECT_TRUE(CheckTokens(kDirectory, tokens, kNow).ok());
  *tokens.Add() = Scim("one too many");
  EXPECT_EQ(CheckTokens(kDirectory, tokens, kNow).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CheckTokens, OfTheAdminApiNoneStandsForAUser) {
  event::v1::Token token = TokenOf("a", "a", Role::kAdmin, absl::InfiniteFuture());
  token.set_user_id("ada");
  EXPECT_EQ(CheckTokens("", List({token}), kNow).code(), absl::StatusCode::kInvalidArgument);
}

TEST(CheckTokens, ReceiversOfFeedsHaveTokensOfTheirOwn) {
  Tokens tokens = List({Scim("a"), Scim("b")});
  for (int n = 0; n < kMaxLiveFeedTokens; ++n) {
    const std::string id = "feed-" + std::to_string(n);
    *tokens.Add() = TokenOf(id, id, Role::kFeed, absl::InfiniteFuture());
  }
  EXPECT_TRUE(CheckTokens(kDirectory, tokens, kNow).ok());
  *tokens.Add() = TokenOf("more", "more", Role::kFeed, absl::InfiniteFuture());
  EXPECT_EQ(CheckTokens(kDirectory, tokens, kNow).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CheckTokens, TheAdminApiHasAsManyAsItNeeds) {
  Tokens tokens;
  for (const char* id : {"a", "b", "c", "d"}) {
    *tokens.Add() = TokenOf(id, id, Role::kOperator, absl::InfiniteFuture());
  }
  EXPECT_TRUE(CheckTokens("", tokens, kNow).ok());
}

TEST(CheckTokens, ATokenThatCouldNotWorkIsRefused) {
  auto no_id = Scim("");
  auto short_hash = Scim("a");
  short_hash.set_sha256("x");
  auto no_role = Scim("a");
  no_role.set_role("root");
  const auto admin = TokenOf("a", "a", Role::kAdmin, absl::InfiniteFuture());
  for (const Tokens& tokens : {List({no_id}), List({short_hash}), List({no_role}), List({admin}),
                               List({Scim("a"), Scim("a")})}) {
    EXPECT_EQ(CheckTokens(kDirectory, tokens, kNow).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(CheckTokens("", List({Scim("a")}), kNow).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace purser::auth
