#include "broker/auth/bearer.h"

#include "gtest/gtest.h"

namespace purser::auth {
namespace {

TEST(ParseBearer, TheSchemeIsTakenInAnyCase) {
  EXPECT_EQ(ParseBearer("Bearer abc-._~+/="), "abc-._~+/=");
  EXPECT_EQ(ParseBearer("bearer abc"), "abc");
  EXPECT_EQ(ParseBearer("BEARER   abc "), "abc");
}

TEST(ParseBearer, WhatHoldsNoBearerTokenIsNullopt) {
  for (const char* header : {"", "Bearer", "Bearer ", "Basic YTpi", "Bearerabc", "abc",
                             "Bearer a b", "Bearer a,b", "Bearer \"a\""}) {
    EXPECT_EQ(ParseBearer(header), std::nullopt) << header;
  }
}

}  // namespace
}  // namespace purser::auth
