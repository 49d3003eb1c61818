#include "broker/cli/import_reading.h"

#include "broker/cli/import_ids.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ReadLine Json(const std::string& text, const std::string& type = "") {
  SourceLine source;
  source.json = text;
  return ReadJsonLine(std::move(source), type);
}

ReadLine Row(const Columns& columns, std::vector<std::string> cells) {
  SourceLine source;
  source.cells = std::move(cells);
  return columns.Read(std::move(source));
}

TEST(ReadJsonLine, WhatRefersToOthersAndWhatIsTheSourcesOwnIsTakenOut) {
  const ReadLine read = Json(R"({"Schemas": ["URN:ietf:params:scim:schemas:core:2.0:user"],
      "id": "7", "meta": {"version": "3"}, "groups": [{"value": "9"}], "userName": "ada",
      "externalId": "e7", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
          {"department": "x", "manager": {"value": "8", "displayName": "B"}}})");
  ASSERT_TRUE(read.error.ok()) << read.error;
  EXPECT_EQ(read.line.type(), "user");
  EXPECT_EQ(read.key, "7");
  EXPECT_EQ(read.name, "ada");
  EXPECT_EQ(read.external_id, "e7");
  EXPECT_EQ(read.manager, "8");
  EXPECT_EQ(nlohmann::json::parse(read.line.resource()),
            nlohmann::json::parse(R"({"userName": "ada", "externalId": "e7",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                    {"department": "x"}})"));
}

TEST(ReadJsonLine, AManagerComesInEveryShape) {
  const auto manager = [](const std::string& value) {
    return Json(R"({"userName": "a",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": )" +
                value + "}}");
  };
  EXPECT_EQ(manager(R"("8")").manager, "8");
  EXPECT_EQ(manager(R"([{"value": "8"}])").manager, "8");
  EXPECT_EQ(manager("null").manager, "");
  EXPECT_EQ(manager(R"({"displayName": "B"})").manager, "");
  EXPECT_EQ(manager("5").field, "manager");
  EXPECT_FALSE(manager("5").error.ok());
}

TEST(ReadJsonLine, MembersAreObjectsOrTexts) {
  const ReadLine read = Json(R"({"displayName": "g", "members": [{"value": "1"}, "2"]})", "group");
  EXPECT_THAT(read.members, ElementsAre("1", "2"));
  EXPECT_EQ(read.key, "g");
  EXPECT_EQ(Json(R"({"displayName": "g", "members": [{}]})", "group").field, "members");
  EXPECT_EQ(Json(R"({"displayName": "g", "members": {}})", "group").field, "members");
}

TEST(ReadJsonLine, TheTypeIsSaidByTheLineFirst) {
  EXPECT_EQ(Json(R"({"meta": {"resourceType": "Group"}, "displayName": "g"})", "user").line.type(),
            "group");
  EXPECT_EQ(Json(R"({"userName": "x"})").line.type(), "user");
  EXPECT_THAT(Json(R"({"displayName": "x"})").error.message(), HasSubstr("user or a group"));
  EXPECT_FALSE(Json("{").error.ok());
  EXPECT_FALSE(Json("[1]").error.ok());
}

TEST(Columns, AColumnIsWhatItIsMappedToOrWhatItIsCalled) {
  ColumnMap map;
  ASSERT_TRUE(AddMapping(R"(E-Mail=emails[type eq "work"].value)", &map).ok());
  ASSERT_TRUE(AddMapping("Boss = manager", &map).ok());
  ASSERT_TRUE(AddMapping("Notes=", &map).ok());
  EXPECT_FALSE(AddMapping("userName", &map).ok());
  const Columns columns({"id", "userName", " E-Mail ", "Boss", "Notes"}, map, "user", ';');
  EXPECT_THAT(columns.paths(), ElementsAre("userName", R"(emails[type eq "work"].value)"));

  const ReadLine read = Row(columns, {"7", " ada ", "", "8", "secret"});
  EXPECT_EQ(read.key, "7");
  EXPECT_EQ(read.name, "ada");
  EXPECT_EQ(read.manager, "8");
  ASSERT_EQ(read.line.cells_size(), 1);  // A blank cell gives nothing.
  EXPECT_EQ(read.line.cells(0).value(), "ada");
}

TEST(Columns, MembersAreParted) {
  const Columns columns({"displayName", "members"}, {}, "group", ';');
  const ReadLine read = Row(columns, {"g", "1; 2;;3"});
  EXPECT_THAT(read.members, ElementsAre("1", "2", "3"));
  EXPECT_EQ(read.key, "g");
  EXPECT_THAT(Row(columns, {"g", ""}).members, IsEmpty());
}

TEST(ImportIds, ANameIsOneLinesAndAnIdIsGivenBackAsItWas) {
  ImportIds ids;
  const auto ada = ids.AddLine(2), bob = ids.AddLine(3);
  EXPECT_FALSE(ids.Claim("user id", "7", ada).has_value());
  EXPECT_EQ(ids.Claim("user id", "7", bob), ada);
  EXPECT_FALSE(ids.Claim("group id", "7", bob).has_value());
  EXPECT_EQ(ids.Find("user id", "7"), ada);
  EXPECT_FALSE(ids.Find("user id", "8").has_value());

  EXPECT_EQ(ids.IdOf(ada), "");
  ids.Set(ada, ImportIds::State::kCreated, "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f");
  EXPECT_EQ(ids.IdOf(ada), "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f");
  EXPECT_EQ(ids.LineInFile(bob), 3u);
}

}  // namespace
}  // namespace purser
