// The order of lists (fact 25).
#include "broker/scim/sort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/support/scim_status.h"

namespace purser::scim {
namespace {

using nlohmann::json;
using testing::ElementsAre;

Resource User(json attributes) {
  Resource user;
  user.id = "u1";
  user.attributes = std::move(attributes);
  return user;
}

// Places of `users` in the order of the list, as a stable sort has it.
std::vector<size_t> Order(const std::vector<Resource>& users, absl::string_view by,
                          absl::string_view order = "") {
  const Sort sort = *ParseSort(UserSchema(), by, order);
  const auto key = [&](size_t place) {
    ResourceView view;
    view.resource = &users[place];
    return SortKey(sort, view);
  };
  std::vector<size_t> places(users.size());
  std::iota(places.begin(), places.end(), size_t{0});
  std::stable_sort(places.begin(), places.end(),
                   [&](size_t a, size_t b) { return SortsBefore(sort, key(a), key(b)); });
  return places;
}

std::string Refused(absl::string_view by, absl::string_view order = "") {
  return Refusal(ParseSort(UserSchema(), by, order).status());
}

TEST(ScimPromise25, MissingValuesAreLastAscendingAndFirstDescending) {
  const std::vector<Resource> users = {User({}), User({{"title", "B"}}), User({{"title", "A"}}),
                                       User({})};
  EXPECT_THAT(Order(users, "title"), ElementsAre(2, 1, 0, 3));
  EXPECT_THAT(Order(users, "title", "Descending"), ElementsAre(0, 3, 1, 2));
}

TEST(ScimPromise25, AMultiValuedAttributeCountsByItsPrimaryElseByItsFirst) {
  const json a = {{"value", "a@x"}, {"type", "work"}};
  const json c = {{"value", "C@x"}, {"type", "home"}, {"primary", true}};
  const std::vector<Resource> users = {User({{"emails", {a, c}}}),
                                       User({{"emails", {{{"value", "b@x"}}, a}}}),
                                       User({{"emails", {a}}})};
  EXPECT_THAT(Order(users, "emails"), ElementsAre(2, 1, 0));
  EXPECT_THAT(Order(users, "emails.value"), ElementsAre(2, 1, 0));
  EXPECT_THAT(Order(users, "emails.type"), ElementsAre(0, 2, 1));
}

TEST(ScimPromise25, CaseExactDecides) {
  const std::vector<Resource> users = {
      User({{"title", "b"}, {"externalId", "b"}}), User({{"title", "C"}, {"externalId", "C"}}),
      User({{"title", "É"}, {"externalId", "É"}}), User({{"title", "é"}, {"externalId", "é"}})};
  EXPECT_THAT(Order(users, "title"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Order(users, "externalId"), ElementsAre(1, 0, 2, 3));
  EXPECT_THAT(Order(users, "title", "descending"), ElementsAre(2, 3, 1, 0));
}

TEST(ScimPromise25, DateTimesAreInstantsAndFalseComesBeforeTrue) {
  std::vector<Resource> users = {User({{"active", true}}), User({{"active", false}}), User({})};
  users[0].last_modified = absl::FromUnixMicros(5'000'100);
  users[1].last_modified = absl::FromUnixMicros(5'000'000);  // the same millisecond
  users[2].last_modified = absl::FromUnixSeconds(-5);
  EXPECT_THAT(Order(users, "meta.lastModified"), ElementsAre(2, 0, 1));
  EXPECT_THAT(Order(users, "active"), ElementsAre(1, 0, 2));
}

TEST(ScimPromise25, PathsMayHaveSubAttributesAndUrnsInAnyCase) {
  const auto user = [](const char* family, const char* department, const char* manager) {
    return User({{"name", {{"familyName", family}}},
                 {std::string(kEnterpriseUrn),
                  {{"department", department}, {"manager", {{"value", manager}}}}}});
  };
  const std::vector<Resource> users = {user("B", "y", "m2"), user("a", "Z", "m1")};
  EXPECT_THAT(Order(users, "NAME.familyname"), ElementsAre(1, 0));
  EXPECT_THAT(Order(users, "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName"),
              ElementsAre(1, 0));
  EXPECT_THAT(Order(users, "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:department"),
              ElementsAre(0, 1));
  EXPECT_THAT(Order(users, std::string(kEnterpriseUrn) + ":manager"), ElementsAre(1, 0));
}

TEST(ScimPromise25, WhatIsUnknownHasNoValueAndWhatIsMalformedIsRefused) {
  const std::vector<Resource> users = {User({{"title", "B"}}), User({{"title", "A"}})};
  EXPECT_THAT(Order(users, "shoeSize"), ElementsAre(0, 1));
  EXPECT_THAT(Order(users, "name.shoe", "descending"), ElementsAre(0, 1));
  EXPECT_THAT(Order(users, "urn:example:unknown:title"), ElementsAre(0, 1));
  for (const char* by : {"emails[type eq \"work\"]", "name..familyName", "name.", "9title", "a b",
                         "title,userName", "-title", "name", "addresses", "meta", "password"}) {
    EXPECT_EQ(Refused(by), "400 invalidPath") << by;
  }
  EXPECT_EQ(Refused("title", "sideways"), "400 invalidValue");
  EXPECT_EQ(Refused("title", " ASCENDING "), "OK");
}

}  // namespace
}  // namespace purser::scim
