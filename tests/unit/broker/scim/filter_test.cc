#include "broker/scim/filter.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/scim_status.h"

namespace purser::scim {
namespace {

using nlohmann::json;
using Key = IndexedEquality::Key;

class FilterTest : public testing::Test {
 protected:
  FilterTest() {
    user_.id = "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f";
    user_.version = 42;
    user_.created = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15T08:00:00Z
    user_.last_modified = user_.created + absl::Nanoseconds(1'234'567);
    user_.attributes = json::parse(R"({
      "userName": "bjensen", "externalId": "E-701984", "active": true, "title": "Straße",
      "name": {"familyName": "Jensen", "givenName": "Barbara"},
      "emails": [{"value": "bj@work.example", "type": "work", "primary": true},
                 {"value": "babs@home.example", "type": "home"}],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"department": "Tour", "employeeNumber": "701984", "manager": {"value": "m1"}}})");
    groups_ = {{"g1", event::v1::GROUP, "Guides", true}, {"g2", event::v1::GROUP, "All", false}};
    view_ = {&user_, &groups_, nullptr};
  }

  std::string Ask(absl::string_view text) const {
    const absl::StatusOr<Filter> filter = ParseFilter(UserSchema(), text);
    if (!filter.ok()) return Refusal(filter.status());
    const absl::StatusOr<bool> matches = Evaluate(*filter, view_);
    return matches.ok() ? (*matches ? "yes" : "no") : Refusal(matches.status());
  }

  void ExpectEach(const char* answer, const std::vector<std::string>& filters) const {
    for (const std::string& text : filters) EXPECT_EQ(Ask(text), answer) << text;
  }

  Resource user_;
  std::vector<Reference> groups_;
  ResourceView view_;
};

TEST_F(FilterTest, Promise19NotBindsTighterThanAndTighterThanOr) {
  ExpectEach("yes",
             {R"(userName eq "x" and active eq true or title pr)",
              R"(title pr or userName eq "x" and active eq false)",
              R"(not (userName eq "x") and active eq true)",
              R"(NOT (userName eq "bjensen" and active eq false))", R"(not(userName eq "x"))"});
  ExpectEach("no", {R"((title pr or userName eq "x") and active eq false)",
                    R"(not (title pr) or active eq false)"});
}

TEST_F(FilterTest, Promise19OperatorsAreTakenInAnyCase) {
  ExpectEach("yes", {R"(USERNAME EQ "bjensen")", R"(userName Sw "BJ" AND title PR)",
                     R"(userName co "jens" Or active eq False)"});
}

TEST_F(FilterTest, Promise19MalformedFiltersAreRefused) {
  ExpectEach("400 invalidFilter", {"",
                                   "userName",
                                   "userName eq",
                                   R"(userName xx "a")",
                                   R"(userName eq "a)",
                                   R"("a" eq userName)",
                                   R"(userName eq "a" and)",
                                   R"((userName eq "a")",
                                   R"(userName eq "a"))",
                                   R"(userName eq "a" "b")",
                                   "not userName pr",
                                   R"(emails[type eq "work")",
                                   "emails[]",
                                   R"(emails[type[a eq 1] pr])",
                                   R"(userName eq "\q")",
                                   "pr",
                                   R"(and userName pr)",
                                   R"(user name eq "a")",
                                   R"(userName gt null)",
                                   R"(1user eq "a")",
                                   "userName eq (a)"});
}

TEST_F(FilterTest, Promise19ABareWordIsAString) {
  ExpectEach("yes", {"userName eq bjensen", "externalId eq E-701984",
                     "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber "
                     "eq 701984"});
}

TEST_F(FilterTest, Promise19StringsAreJson) {
  user_.attributes["displayName"] = "a\"b\\c å";
  ExpectEach("yes", {R"(displayName eq "a\"b\\c \u00e5")", R"(displayName co "\"")"});
}

TEST_F(FilterTest, EveryOperatorCompares) {
  ExpectEach("yes", {R"(userName ne "x")", R"(userName co "ens")", R"(userName sw "bj")",
                     R"(userName ew "sen")", R"(userName gt "a")", R"(userName ge "bjensen")",
                     R"(userName lt "c")", R"(userName le "bjensen")", "userName pr"});
  ExpectEach("no", {R"(userName ne "BJENSEN")", R"(userName co "xx")", R"(userName sw "en")",
                    R"(userName ew "bj")", R"(userName gt "bjensen")", R"(userName ge "c")",
                    R"(userName lt "bjensen")", R"(userName le "a")", "nickName pr"});
}

TEST_F(FilterTest, Promise20AValuePathBindsOneElement) {
  ExpectEach("no", {R"(emails[type eq "work" and value co "home"])", R"(emails[not (type pr)])"});
  ExpectEach("yes", {R"(emails.type eq "work" and emails.value co "home")",
                     R"(emails[type eq "home" and value co "home"])",
                     R"(emails[type eq "other" or primary eq true])",
                     R"(title pr and emails[primary eq "True"])"});
}

TEST_F(FilterTest, Promise20ABareComplexNameMeansItsValue) {
  ExpectEach("yes", {R"(emails eq "bj@work.example")", R"(emails co "home")", "emails pr",
                     R"(manager eq "m1")", R"(groups eq "g2")"});
  ExpectEach("no", {R"(emails eq "work")", R"(name eq "Jensen")"});
}

TEST_F(FilterTest, Promise21CaseCountsWhereTheSchemaSaysSo) {
  ExpectEach("yes", {R"(userName eq "BJensen")", R"(externalId eq "E-701984")",
                     R"(title eq "STRASSE")", R"(emails.value eq "BJ@WORK.EXAMPLE")"});
  ExpectEach("no",
             {R"(externalId eq "e-701984")", R"(id eq "0192F0C1-7D4A-7B3E-8F00-5A6B7C8D9E0F")"});
}

TEST_F(FilterTest, Promise21DateTimesCompareAsInstants) {
  ExpectEach("yes", {R"(meta.created eq "2027-01-15T08:00:00Z")",
                     R"(meta.created eq "2027-01-15T09:00:00.000+01:00")",
                     R"(meta.created lt "2027-01-15T10:30:00+02:00")",
                     R"(meta.lastModified ge "2027-01-15T08:00:00.001Z")",
                     R"(meta.lastModified eq "2027-01-15T08:00:00.001Z")",
                     R"(meta.created sw "2027-01")"});
  ExpectEach("no", {R"(meta.lastModified gt "2027-01-15T08:00:00.001Z")"});
  ExpectEach("400 invalidFilter", {R"(meta.created gt "yesterday")"});
}

TEST_F(FilterTest, Promise21BooleansAndBinariesHaveNoOrder) {
  ExpectEach("400 invalidFilter", {"active gt true", "active le false", "active co true",
                                   R"(x509Certificates.value gt "MII")", R"(active eq "maybe")"});
  ExpectEach("yes", {"active eq true", R"(active eq "True")", "active ne false"});
}

TEST_F(FilterTest, Promise21TheUnassignedMatchesNeNotAndEqNull) {
  ExpectEach("yes", {R"(nickName ne "x")", R"(not (nickName eq "x"))", "nickName eq null",
                     "userName ne null", R"(phoneNumbers.value ne "x")", "not (nickName pr)"});
  ExpectEach("no",
             {R"(nickName eq "x")", "userName eq null", "nickName ne null", R"(nickName gt "")"});
}

TEST_F(FilterTest, Promise22WhatIsUnknownHasNoValue) {
  ExpectEach("no", {R"(shoeSize eq 43)", "shoeSize pr", R"(urn:x:y:z eq "a")",
                    R"(name.nope eq "a")", R"(shoes[size eq 43])", R"(userName[value eq "a"])"});
  ExpectEach("yes", {"shoeSize eq null", R"(shoeSize ne "43")"});
}

TEST_F(FilterTest, Promise22IdMetaAndExtensionsFilter) {
  ExpectEach("yes",
             {R"(id eq "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f")", "id pr",
              R"(meta.resourceType eq "User")", R"(meta.version eq "W/\"42\"")",
              R"(urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "tour")",
              R"(URN:ietf:params:scim:schemas:core:2.0:User:userName eq "bjensen")",
              R"(groups.display eq "guides" and groups[type eq "indirect"])"});
}

TEST_F(FilterTest, Promise23ThePasswordIsNotFiltered) {
  ExpectEach("400 invalidFilter", {R"(password eq "x")", "password pr",
                                   R"(urn:ietf:params:scim:schemas:core:2.0:User:password pr)"});
}

TEST_F(FilterTest, Promise23DepthAndSizeAreCapped) {
  const std::string deep(100'000, '(');
  ExpectEach("400 invalidFilter", {deep, deep.substr(0, 5000), std::string(9000, 'a')});
  std::string terms = "userName pr", nots;
  for (int i = 0; i < 400; ++i) terms += " or a pr";
  for (int i = 0; i < 400; ++i) nots += "not (";
  ExpectEach("400 invalidFilter", {terms, nots + "a pr" + std::string(400, ')')});
  ExpectEach("yes", {std::string(20, '(') + "userName pr" + std::string(20, ')')});
}

TEST_F(FilterTest, Promise23WorkIsCapped) {
  json emails = json::array();
  for (int i = 0; i < 2000; ++i) emails.push_back({{"value", absl::StrCat("a", i)}});
  user_.attributes["emails"] = emails;
  std::string text = "emails[value eq \"x\"";
  for (int i = 0; i < 200; ++i) text += " or value eq x";
  ExpectEach("400 tooMany", {text + "]"});
}

TEST_F(FilterTest, MembersAreAskedForByIdWithoutLoadingThem) {
  Resource group;
  group.type = event::v1::GROUP;
  const ResourceView view{&group, nullptr, nullptr,
                          [](absl::string_view id) { return id == "u1"; }};
  for (const char* text :
       {R"(members.value eq "u1")", R"(members eq "u1")", R"(members[value eq "u1"])"}) {
    const auto filter = ParseFilter(GroupSchema(), text);
    ASSERT_TRUE(filter.ok());
    EXPECT_TRUE(*Evaluate(*filter, view)) << text;
    EXPECT_EQ(FindIndexedEquality(*filter)->key, Key::kMemberId) << text;
    EXPECT_TRUE(filter->ReadsReferences());
    EXPECT_FALSE(filter->NeedsReferenceList());
  }
}

TEST_F(FilterTest, MembersAreLoadedWhereTheirIdsAreNotEnough) {
  for (const char* text : {R"(members[value eq "u1" and type eq "User"])", "members pr",
                           R"(members.type eq "Group")", R"(members.value sw "u")"}) {
    EXPECT_TRUE(ParseFilter(GroupSchema(), text)->NeedsReferenceList()) << text;
  }
  EXPECT_FALSE(ParseFilter(GroupSchema(), R"(displayName eq "x")")->NeedsReferenceList());
}

TEST_F(FilterTest, SchemasAreThoseOfTheResource) {
  ExpectEach("yes", {R"(schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")",
                     R"(schemas eq "urn:ietf:params:scim:schemas:core:2.0:User")", "schemas pr"});
  ExpectEach("no", {R"(schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group")"});
}

TEST(FindIndexedEquality, FindsTheMostSelectiveOne) {
  const auto find = [](absl::string_view text) {
    return FindIndexedEquality(*ParseFilter(UserSchema(), text));
  };
  EXPECT_EQ(find(R"(userName eq "Bob")")->key, Key::kUserName);
  EXPECT_EQ(find(R"(userName eq "Bob")")->value, "Bob");
  EXPECT_EQ(find(R"(externalId eq 7)")->key, Key::kExternalId);
  EXPECT_EQ(find(R"(displayName eq "x" and id eq "y")")->key, Key::kId);
  EXPECT_EQ(find(R"(active eq true and (title pr and emails eq "x"))")->key, Key::kEmailValue);
  EXPECT_EQ(find(R"(emails[type eq "work" and value eq "x"])")->key, Key::kEmailValue);
  for (const char* text :
       {R"(userName eq "a" or userName eq "b")", R"(not (userName eq "a"))", R"(userName sw "a")",
        R"(id ne "a")", R"(userName eq null)", R"(manager eq "x")", R"(emails.type eq "work")"}) {
    EXPECT_FALSE(find(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace purser::scim
