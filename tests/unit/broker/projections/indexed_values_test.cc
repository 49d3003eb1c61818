#include "broker/projections/indexed_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace purser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(IndexedValues, AreReadFromTheirPlacesAlone) {
  const auto values = ReadIndexedValues(R"({
    "value":"no", "name":{"userName":"no","displayName":"no","value":"no"},
    "userName":"ada", "active":true, "externalId":"x1", "displayName":"Ada B",
    "emails":[{"type":"work","value":"a@b.c","primary":true},{"value":"d@e.f"},{"type":"home"}],
    "phoneNumbers":[{"value":"123"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"department":"Sales","manager":{"displayName":"Boss","value":"m1"},"value":"no",
       "other":{"value":"no"}},
    "urn:other":{"manager":{"value":"no"},"emails":[{"value":"no"}]}})");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ(values->user_name, "ada");
  EXPECT_EQ(values->external_id, "x1");
  EXPECT_EQ(values->display_name, "Ada B");
  EXPECT_EQ(values->manager_id, "m1");
  EXPECT_THAT(values->emails, ElementsAre("a@b.c", "d@e.f"));
}

TEST(IndexedValues, AreEmptyWhereNothingIsAssigned) {
  const auto values = ReadIndexedValues(R"({"emails":[],"externalId":7})");
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(values->user_name, "");
  EXPECT_EQ(values->external_id, "");
  EXPECT_THAT(values->emails, IsEmpty());
}

TEST(IndexedValues, AreReadAsTheyAreMeantWhateverIsAroundThem) {
  const auto values = ReadIndexedValues(R"( {
    "title":"a \"quoted\" {brace} [bracket], and \\", "n":[-1.5e3,true,null,{},[[]],[{"a":[1]}]],
    "userName" : "\u00c4da \"A\" \ud83d\ude00" , "emails":{"value":"no"},
    "displayName":null, "externalId":"x\\" } )");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ(values->user_name,
            "\xC3\x84"
            "da \"A\" \xF0\x9F\x98\x80");
  EXPECT_EQ(values->external_id, "x\\");
  EXPECT_EQ(values->display_name, "");
  EXPECT_THAT(values->emails, IsEmpty());
}

TEST(IndexedValues, WhatIsNoJsonObjectIsDataLoss) {
  for (const char* text :
       {"", "[]", "7", "\"text\"", "null", "{", "{} x", R"({"a")", R"({"a":})", R"({"a":,})",
        R"({"a":1,})", R"({"a":[1})", R"({"userName":"ada)", R"({"userName":"\"})"}) {
    EXPECT_TRUE(absl::IsDataLoss(ReadIndexedValues(text).status())) << text;
  }
}

}  // namespace
}  // namespace purser
