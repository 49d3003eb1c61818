#include "broker/scim/request.h"

#include <gtest/gtest.h>

#include "tests/support/scim_status.h"

namespace purser::scim {
namespace {

std::string Refused(const QueryParameters& query) {
  return Refusal(ParseListQuery(UserSchema(), query).status());
}

TEST(ScimPromise24, StartIndexAndCountAreClamped) {
  const auto parse = [](const char* start, const char* count) {
    const ListQuery list = *ParseListQuery(UserSchema(), {{"startIndex", start}, {"count", count}});
    return std::pair(list.start_index, list.count);
  };
  EXPECT_EQ(parse("0", "10"), std::pair(uint64_t{1}, uint64_t{10}));
  EXPECT_EQ(parse("-5", "-1"), std::pair(uint64_t{1}, uint64_t{0}));
  EXPECT_EQ(parse("7", "0"), std::pair(uint64_t{7}, uint64_t{0}));
  EXPECT_EQ(parse("1", "1000000"), std::pair(uint64_t{1}, RequestLimits().results));
  EXPECT_EQ(parse("", ""), std::pair(uint64_t{1}, kDefaultCount));
  EXPECT_EQ(Refused({{"startIndex", "x"}}), "400 invalidValue");
  EXPECT_EQ(Refused({{"count", "1.5"}}), "400 invalidValue");
  EXPECT_EQ(Refused({{"count", "99999999999999999999"}}), "400 invalidValue");
}

TEST(ScimPromise27, ACursorAsksForPagesByCursor) {
  EXPECT_EQ(ParseListQuery(UserSchema(), {})->cursor, std::nullopt);
  EXPECT_EQ(ParseListQuery(UserSchema(), {{"cursor", ""}})->cursor, "");
  EXPECT_EQ(ParseListQuery(UserSchema(), {{"cursor", "x"}, {"count", "-1"}})->count, 0u);
  EXPECT_EQ(Refused({{"cursor", ""}, {"count", "x"}}), "400 invalidCount");
  EXPECT_EQ(Refused({{"cursor", ""}, {"startIndex", "1"}}), "400 invalidValue");
  const auto identity = [](const QueryParameters& query) {
    return ParseListQuery(UserSchema(), query)->identity;
  };
  EXPECT_EQ(identity({{"cursor", "x"}, {"SORTBY", "title"}, {"count", "5"}}),
            identity({{"cursor", "y"}, {"sortBy", "title"}}));
  EXPECT_NE(identity({{"sortBy", "title"}}), identity({{"sortBy", "userName"}}));
  EXPECT_NE(identity({{"attributes", "id"}}), identity({{"excludedAttributes", "id"}}));
}

TEST(ScimPromise26, AttributesAndExcludedAttributesExcludeEachOther) {
  EXPECT_EQ(Refused({{"attributes", "userName"}, {"excludedAttributes", "name"}}),
            "400 invalidValue");
  EXPECT_EQ(Refused({{"attributes", "userName"}, {"excludedAttributes", ""}}), "OK");
}

TEST(ScimPromise34, AProvidersBareFlagIsIgnored) {
  EXPECT_EQ(Refused({{"aadOptscim062020", ""}, {"sortBy", "userName"}}), "OK");
}

TEST(ParseListQuery, AFilterIsParsedAndRefusedWhereMalformed) {
  const auto list = ParseListQuery(UserSchema(), {{"filter", R"(userName eq "x")"}});
  ASSERT_TRUE(list.ok());
  EXPECT_TRUE(list->filter.has_value());
  EXPECT_EQ(Refused({{"filter", "userName eq"}}), "400 invalidFilter");
}

TEST(ScimPromise27, ASearchRequestMeansTheSameAsItsQuery) {
  const auto list = ParseSearchRequest(UserSchema(), R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
    "ATTRIBUTES": ["userName", "name.givenName"], "filter": "userName sw \"b\"",
    "startIndex": 3, "count": 5})");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->start_index, 3u);
  EXPECT_EQ(list->count, 5u);
  EXPECT_TRUE(list->filter.has_value());
  EXPECT_TRUE(list->projection.Includes(nullptr, *UserSchema().FindCore("userName")));
  EXPECT_FALSE(list->projection.Includes(nullptr, *UserSchema().FindCore("title")));
  EXPECT_EQ(Refusal(ParseSearchRequest(UserSchema(), R"({"count":{}})").status()),
            "400 invalidValue");
  EXPECT_EQ(Refusal(ParseSearchRequest(UserSchema(), "[]").status()), "400 invalidSyntax");
}

TEST(ScimPromise28, EntityTagsAreTakenAsStarAndAsLists) {
  EXPECT_TRUE(EntityTags::Parse("*").Matches(7));
  EXPECT_TRUE(EntityTags::Parse("W/\"6\", W/\"7\"").Matches(7));
  EXPECT_TRUE(EntityTags::Parse("\"7\"").Matches(7));
  EXPECT_FALSE(EntityTags::Parse("W/\"6\"").Matches(7));
  EXPECT_FALSE(EntityTags::Parse("W/\"abc\"").Matches(7));
  EXPECT_FALSE(EntityTags::Parse("W/\"abc\"").absent());
  EXPECT_TRUE(EntityTags::Parse("").absent());
}

TEST(ScimPromise28, AMismatchIs412) {
  const auto check = [](const char* if_match, const char* if_none_match) {
    return Refusal(
        Preconditions{EntityTags::Parse(if_match), EntityTags::Parse(if_none_match)}.Check(7));
  };
  EXPECT_EQ(check("", ""), "OK");
  EXPECT_EQ(check("W/\"7\"", ""), "OK");
  EXPECT_EQ(check("*", ""), "OK");
  EXPECT_EQ(check("W/\"6\"", ""), "412 ");
  EXPECT_EQ(check("", "*"), "412 ");
  EXPECT_EQ(check("", "W/\"7\""), "412 ");
}

TEST(ScimPromise30, MediaTypes) {
  EXPECT_TRUE(IsAcceptedContentType("application/scim+json"));
  EXPECT_TRUE(IsAcceptedContentType("Application/JSON; charset=utf-8"));
  EXPECT_FALSE(IsAcceptedContentType("text/xml"));
  EXPECT_TRUE(AcceptsScim(""));
  EXPECT_TRUE(AcceptsScim("*/*"));
  EXPECT_TRUE(AcceptsScim("text/html, application/json;q=0.5"));
  EXPECT_FALSE(AcceptsScim("text/html"));
  EXPECT_FALSE(AcceptsScim("application/json;q=0"));
}

TEST(Preferences, AskForAnAsynchronousAnswerUnlessTheyWait) {
  EXPECT_TRUE(PrefersAsync("respond-async"));
  EXPECT_TRUE(PrefersAsync("return=minimal, Respond-Async; x=1"));
  EXPECT_TRUE(PrefersAsync("respond-async, wait=0"));
  EXPECT_TRUE(PrefersAsync("respond-async, wait=soon"));
  EXPECT_FALSE(PrefersAsync("wait=10, respond-async"));
  EXPECT_FALSE(PrefersAsync("return=respond-async"));
  EXPECT_FALSE(PrefersAsync(""));
}

}  // namespace
}  // namespace purser::scim
