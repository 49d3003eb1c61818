#include "broker/auth/token_table.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"

namespace purser::auth {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

Tokens One(absl::string_view secret, absl::string_view id, Role role,
           absl::Time expires = absl::InfiniteFuture()) {
  Tokens tokens;
  *tokens.Add() = TokenOf(secret, id, role, expires);
  return tokens;
}

TEST(TokenTable, ASecretOpensTheDoorItWasMadeForAndNoOther) {
  TokenTable table;
  table.Put("d1", One("secret-1", "t1", Role::kScim));
  table.Put("d2", One("secret-2", "t2", Role::kScim));
  const auto who = table.AuthenticateHeader("d1", "bearer secret-1", kNow);
  ASSERT_TRUE(who.ok());
  EXPECT_EQ(who->token_id, "t1");
  EXPECT_EQ(who->directory_id, "d1");
  EXPECT_EQ(who->role, Role::kScim);
  for (const auto& [door, header] :
       std::vector<std::pair<std::string, std::string>>{{"d2", "Bearer secret-1"},
                                                        {"", "Bearer secret-1"},
                                                        {"d3", "Bearer secret-1"},
                                                        {"d1", "Bearer secret-"},
                                                        {"d1", "Bearer secret-11"},
                                                        {"d1", ""},
                                                        {"d1", "Basic secret-1"}}) {
    EXPECT_EQ(table.AuthenticateHeader(door, header, kNow).status().code(),
              absl::StatusCode::kUnauthenticated)
        << door << header;
  }
}

TEST(TokenTable, OneSecretMayBeADirectorysAndAnAdmins) {
  TokenTable table;
  table.Put("d1", One("dev", "t1", Role::kScim));
  table.Put("", One("dev", "t2", Role::kAdmin));
  EXPECT_EQ(table.Authenticate("d1", "dev", kNow)->role, Role::kScim);
  EXPECT_EQ(table.Authenticate("", "dev", kNow)->role, Role::kAdmin);
}

TEST(TokenTable, BothSecretsOfARotationWorkUntilTheOldOneExpiresOrIsTaken) {
  TokenTable table;
  Tokens both = One("old", "t1", Role::kScim, kNow + absl::Hours(1));
  *both.Add() = TokenOf("new", "t2", Role::kScim, absl::InfiniteFuture());
  table.Put("d1", both);
  EXPECT_EQ(table.Authenticate("d1", "old", kNow)->token_id, "t1");
  EXPECT_EQ(table.Authenticate("d1", "new", kNow)->token_id, "t2");
  const auto expired = table.Authenticate("d1", "old", kNow + absl::Hours(1));
  EXPECT_EQ(expired.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(expired.status().message(), "the token t1 has expired");
  table.Put("d1", One("new", "t2", Role::kScim));
  EXPECT_FALSE(table.Authenticate("d1", "old", kNow).ok());
}

TEST(TokenTable, ARoleThatDoesNotBelongAtTheDoorOpensNothing) {
  TokenTable table;
  table.Put("d1", One("a", "t1", Role::kAdmin));
  table.Put("", One("b", "t2", Role::kScim));
  EXPECT_FALSE(table.Authenticate("d1", "a", kNow).ok());
  EXPECT_FALSE(table.Authenticate("", "b", kNow).ok());
}

TEST(TokenTable, ReadersAndAWriterDoNotDisturbEachOther) {
  TokenTable table;
  table.Put("d1", One("a", "t1", Role::kScim));
  std::atomic<int> failures = 0;
  std::thread reader([&] {
    for (int i = 0; i < 2000; ++i) failures += table.Authenticate("d1", "a", kNow).ok() ? 0 : 1;
  });
  for (int i = 0; i < 500; ++i) table.Put("d2", One("b", "t2", Role::kScim));
  reader.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace purser::auth
