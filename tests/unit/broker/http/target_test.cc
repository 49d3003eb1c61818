#include "broker/http/target.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::http {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(ParseTarget, PathAndQueryAreDecodedAndTheQueryKeepsItsOrder) {
  Request request;
  ASSERT_TRUE(ParseTarget("/scim/v2/Users%20x+y?filter=userName+eq%20%22a%2Bb%22&count=2&bare&&e=",
                          &request)
                  .ok());
  EXPECT_EQ(request.path, "/scim/v2/Users x+y");
  EXPECT_THAT(request.query, ElementsAre(Pair("filter", "userName eq \"a+b\""), Pair("count", "2"),
                                         Pair("bare", ""), Pair("e", "")));
}

TEST(ParseTarget, AnEqualsSignInAValueBelongsToIt) {
  Request request;
  ASSERT_TRUE(ParseTarget("/?a=b=c", &request).ok());
  EXPECT_THAT(request.query, ElementsAre(Pair("a", "b=c")));
}

TEST(ParseTarget, TheAbsoluteFormIsReducedToItsPath) {
  Request request;
  ASSERT_TRUE(ParseTarget("HTTP://host.example:8080/Users?a=1", &request).ok());
  EXPECT_EQ(request.path, "/Users");
  Request bare;
  ASSERT_TRUE(ParseTarget("http://host.example", &bare).ok());
  EXPECT_EQ(bare.path, "/");
  Request only_query;
  ASSERT_TRUE(ParseTarget("http://host.example?a=1", &only_query).ok());
  EXPECT_EQ(only_query.path, "/");
  EXPECT_THAT(only_query.query, ElementsAre(Pair("a", "1")));
}

TEST(ParseTarget, WhatIsNotPercentEncodedIsRefused) {
  for (const char* target :
       {"/%", "/%2", "/%zz", "/%00", "/?a=%", "/?%4=1", "/a#b", "a/b", "host:443"}) {
    Request request;
    EXPECT_EQ(ParseTarget(target, &request).code(), absl::StatusCode::kInvalidArgument) << target;
  }
}

}  // namespace
}  // namespace purser::http
