#include "connectors/scim/target_path.h"

#include "gtest/gtest.h"

namespace purser::connectors::scim {
namespace {

using nlohmann::json;

TargetPath Path(const std::string& text) {
  auto path = ParseTargetPath(text);
  EXPECT_TRUE(path.ok()) << path.status();
  return path.value_or(TargetPath{});
}

TEST(TargetPath, AUrnWithDotsAndColonsIsTakenWhole) {
  const TargetPath path =
      Path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department");
  EXPECT_EQ(path.extension, kEnterpriseSchema);
  EXPECT_EQ(path.attribute, "department");
  EXPECT_EQ(Path("urn:x:1.0:User:manager.value").sub, "value");
  EXPECT_EQ(Path("urn:ietf:params:scim:schemas:core:2.0:User:userName").extension, "");
}

TEST(TargetPath, AColonOrAndInsideQuotesBelongsToTheValue) {
  const TargetPath path =
      Path(R"(urn:x:User:things[type eq "a:b and c" and primary eq true].value)");
  EXPECT_EQ(path.extension, "urn:x:User");
  ASSERT_EQ(path.terms.size(), 2u);
  EXPECT_EQ(path.terms[0].value, "a:b and c");
  EXPECT_EQ(path.terms[1].value, true);
}

TEST(TargetPath, WhatNoValueCanBeSetAtIsRefused) {
  for (const char* text : {"", "a b", "emails[type ne \"work\"].value", "emails[type eq \"work\"",
                           "emails[].value", "name.given.name", "emails[type eq \"w\"]value"}) {
    EXPECT_FALSE(ParseTargetPath(text).ok()) << text;
  }
}

TEST(TargetPath, AnElementIsMadeFromItsFilterAndFoundAgain) {
  json body = json::object();
  SetAt(Path(R"(addresses[type eq "work"].locality)"), "Oslo", &body);
  SetAt(Path(R"(addresses[type eq "work"].country)"), "NO", &body);
  SetAt(Path("name.givenName"), "Ada", &body);
  EXPECT_EQ(body, json::parse(R"({"addresses":[{"type":"work","locality":"Oslo","country":"NO"}],
                                  "name":{"givenName":"Ada"}})"));
  EXPECT_EQ(ValueAt(Path(R"(addresses[type eq "work"].locality)"), body), "Oslo");
  EXPECT_EQ(ValueAt(Path(R"(addresses[type eq "home"].locality)"), body), std::nullopt);
}

TEST(TargetPath, NamesAreReadInAnyCase) {
  const json body = json::parse(R"({"UserName":"ada","EMAILS":[{"Type":"WORK","Value":"a@x"}],
    "URN:IETF:params:scim:schemas:extension:enterprise:2.0:user":{"Department":"Sales"}})");
  EXPECT_EQ(ValueAt(Path("userName"), body), "ada");
  EXPECT_EQ(ValueAt(Path(R"(emails[type eq "work"].value)"), body), "a@x");
  EXPECT_EQ(ValueAt(Path(std::string(kEnterpriseSchema) + ":department"), body), "Sales");
}

TEST(TargetPath, ASoleElementWithoutATypeIsOurs) {
  const TargetPath path = Path(R"(emails[type eq "work"].value)");
  EXPECT_EQ(ValueAt(path, json::parse(R"({"emails":[{"value":"a@x"}]})")), "a@x");
  EXPECT_EQ(ValueAt(path, json::parse(R"({"emails":[{"value":"a@x","type":"home"}]})")),
            std::nullopt);
}

TEST(TargetPath, NothingEmptyIsAValue) {
  const json body = json::parse(R"({"a":null,"b":"","c":[],"d":{},"e":false,"f":0})");
  for (const char* name : {"a", "b", "c", "d", "g"}) {
    EXPECT_EQ(ValueAt(Path(name), body), std::nullopt) << name;
  }
  EXPECT_EQ(ValueAt(Path("e"), body), false);
  EXPECT_EQ(ValueAt(Path("f"), body), 0);
}

TEST(TargetPath, AReferenceIsAnIdWhicheverWayItIsWritten) {
  TargetPath path = Path("manager");
  path.reference = true;
  json body = json::object();
  SetAt(path, "7", &body);
  EXPECT_EQ(body, json::parse(R"({"manager":{"value":"7"}})"));
  for (const char* text : {R"({"manager":"7"})", R"({"manager":{"value":"7","$ref":"x"}})",
                           R"({"manager":[{"value":"7"}]})"}) {
    EXPECT_EQ(ValueAt(path, json::parse(text)), "7") << text;
  }
  EXPECT_EQ(ValueAt(path, json::parse(R"({"manager":{"value":""}})")), std::nullopt);
}

TEST(TargetPath, RemovingTheLastValueRemovesWhatHeldIt) {
  json body = json::parse(R"({"emails":[{"type":"work","value":"a"},{"type":"home","value":"b"}],
                              "name":{"givenName":"Ada"}})");
  RemoveAt(Path(R"(emails[type eq "work"].value)"), &body);
  RemoveAt(Path("name.givenName"), &body);
  EXPECT_EQ(body, json::parse(R"({"emails":[{"type":"home","value":"b"}]})"));
  RemoveAt(Path("title"), &body);
  EXPECT_EQ(body.size(), 1u);
}

}  // namespace
}  // namespace purser::connectors::scim
