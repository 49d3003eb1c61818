#include "connectors/replicon/replicon_user.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::connectors::replicon {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RepliconUser, ModificationsHaveTheServicesForm) {
  const Modifications made =
      ModificationsFor({{"firstName", "Ada"},
                        {"loginName", "ada.byron"},
                        {"ssoName", "ada.byron"},
                        {"employeeId", 42},
                        {"loginEnabled", true},
                        {"department", "Sales"},
                        {"permissionSets", "End User"}},
                       {"emailAddress"}, "urn:replicon-tenant:t:department:3");
  EXPECT_EQ(made.body, json::parse(R"({
    "firstName": {"value": "Ada"}, "loginName": {"value": "ada.byron"},
    "employeeId": {"value": "42"}, "emailAddress": {"value": null},
    "securitySettings": {"value": {"loginEnabled": {"value": true}, "ssoName": {"value": "ada.byron"}}},
    "departmentGroupSchedule": [{"dateRange": null, "item": {"uri": "urn:replicon-tenant:t:department:3"}}],
    "permissionSets": [{"modificationOptionUri": "urn:replicon:collection-modification-option:add",
                        "items": [{"permissionSetPolicy": {"uri": null, "name": "End User"}}]}]})"));
  EXPECT_THAT(made.left_out, IsEmpty());
}

TEST(RepliconUser, WhatCannotBeClearedIsLeftOut) {
  const Modifications made = ModificationsFor({}, {"firstName", "department", "supervisor"}, "");
  EXPECT_TRUE(made.body.empty());
  EXPECT_THAT(made.left_out, ElementsAre("firstName", "department"));
}

TEST(RepliconUser, NumbersAndBooleansMayBeStrings) {
  const std::vector<User> users = ParseUsers(json::parse(R"([{"userDetails":
      {"uri":"u:7","employeeId":42,"firstName":"Ada","emailAddress":"","isEnabled":"true",
       "employmentDateRange":{"startDate":{"year":"2026","month":"3","day":9},"endDate":null},
       "supervisor":{"uri":"u:9"}},
      "securityConfiguration":{"loginName":"ada","isLoginEnabled":"false"},
      "permissionSets":[{"displayText":"User","uri":"p:1"}],
      "departmentGroupSchedule":[{"dateRange":null,"item":{"uri":"d:1","displayText":"Sales"}}]}])"));
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0].uri, "u:7");
  EXPECT_EQ(users[0].login_enabled, false);
  EXPECT_EQ(users[0].values, (Attributes{{"employeeId", "42"},
                                         {"firstName", "Ada"},
                                         {"loginName", "ada"},
                                         {"loginEnabled", false},
                                         {"startDate", "2026-03-09"},
                                         {"supervisor", "u:9"},
                                         {"department", "Sales"},
                                         {"permissionSets", "User"}}));
  EXPECT_TRUE(users[0].shown.contains("endDate"));
  EXPECT_TRUE(users[0].shown.contains("emailAddress"));
  EXPECT_FALSE(users[0].shown.contains("ssoName"));
}

TEST(RepliconUser, AnItemWithoutDetailsIsNobody) {
  EXPECT_THAT(ParseUsers(json::parse("[]")), IsEmpty());
  EXPECT_THAT(ParseUsers(json::parse(R"([{"userDetails":null},{},7,{"userDetails":{"uri":""}}])")),
              IsEmpty());
  EXPECT_THAT(ParseUsers(json()), IsEmpty());
}

TEST(RepliconUser, DatesGoThereAndBack) {
  const json day = json::parse(R"({"year":2026,"month":3,"day":9})");
  EXPECT_EQ(DateToJson("2026-03-09"), day);
  EXPECT_EQ(DateToJson("2026-03-09T23:59:00Z"), day);
  EXPECT_EQ(DateFromJson(day), "2026-03-09");
  EXPECT_EQ(DateToJson("soon"), nullptr);
  EXPECT_EQ(DateFromJson(nullptr), nullptr);
}

TEST(RepliconUser, ADifferenceIsOnlyWhatTheAppShowsOtherwise) {
  User seen{.uri = "u:7",
            .values = {{"firstName", "Ada"},
                       {"loginName", "ada.BYRON"},
                       {"emailAddress", "a@x"},
                       {"permissionSets", json::parse(R"(["User","Supervisor"])")}},
            .shown = {"firstName", "loginName", "lastName", "emailAddress", "permissionSets"}};
  EXPECT_THAT(Differences({{"firstName", " Ada "},
                           {"loginName", "Ada.Byron"},
                           {"ssoName", "not shown"},
                           {"permissionSets", "user"}},
                          {}, seen),
              IsEmpty());
  EXPECT_THAT(Differences({{"firstName", "Eve"}, {"lastName", "B"}}, {"emailAddress"}, seen),
              ElementsAre("firstName", "lastName", "emailAddress"));
}

TEST(RepliconUser, TheDayIsThatOfTheOperationHoweverOftenItIsRepeated) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15
  // 0x0192f0c17d4a ms is 2024-11-03.
  EXPECT_EQ(DayOf("0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f", now, absl::UTCTimeZone()), "2024-11-03");
  EXPECT_EQ(DayOf("not a uuid", now, absl::UTCTimeZone()), "2027-01-15");
}

TEST(RepliconUser, ATargetThatMeansNothingThereIsRefusedByName) {
  config::v1::ResourceMapping mapping;
  mapping.add_rows()->set_target("nickName");
  EXPECT_THAT(Fields::Of(mapping).status().ToString(), ::testing::HasSubstr("nickName"));
}

}  // namespace
}  // namespace purser::connectors::replicon
