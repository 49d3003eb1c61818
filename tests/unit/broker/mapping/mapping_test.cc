#include "broker/mapping/mapping.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace purser::mapping {
namespace {

using config::v1::App;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

App AppOf(const std::string& text) {
  App app;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("name: 'crm' " + text, &app));
  return app;
}

Resource UserOf(json attributes) {
  Resource user;
  user.id = "u-1";
  user.attributes = std::move(attributes);
  return user;
}

std::string Refusal(const std::string& text) {
  const auto mapping = CompileMapping(AppOf(text), event::v1::USER);
  return mapping.ok() ? "accepted" : std::string(mapping.status().message());
}

MappedResource Map(const std::string& text, const Resource& user, MappingInput input = {}) {
  const auto mapping = CompileMapping(AppOf(text), event::v1::USER);
  EXPECT_TRUE(mapping.ok()) << mapping.status();
  input.resource = &user;
  const auto mapped = MapUser(*mapping, input);
  EXPECT_TRUE(mapped.ok()) << mapped.status();
  return mapped.ok() ? *mapped : MappedResource();
}

const char kMatch[] = "users { rows { target: 'userName' source: 'userName' match: 1 } ";

std::string WithRow(const std::string& row) { return kMatch + ("rows { " + row + " } }"); }

TEST(CompileMapping, NamesEveryProblem) {
  EXPECT_THAT(Refusal(WithRow("target: 'title' source: 'titel'")),
              AllOf(HasSubstr("app crm"), HasSubstr("row title"), HasSubstr("\"title\"?")));
  EXPECT_THAT(Refusal(WithRow("target: 'title'")), HasSubstr("says no value"));
  EXPECT_THAT(Refusal(WithRow("target: 'title' source: 'title' constant: 'x'")),
              HasSubstr("more than one"));
  EXPECT_THAT(Refusal(WithRow("target: 'userName' constant: 'x'")), HasSubstr("stands twice"));
  EXPECT_THAT(Refusal(WithRow("target: 'title' source: 'title' match: 1")),
              HasSubstr("stands at userName too"));
  EXPECT_THAT(Refusal(WithRow("target: 'title' source: 'title' format: 'e146'")),
              HasSubstr("unknown format"));
  EXPECT_THAT(Refusal(WithRow("target: 'title' expression: 'Nope()'")),
              HasSubstr("expression: column 1: unknown function"));
  EXPECT_THAT(Refusal("users { rows { target: 'title' source: 'title' } }"),
              HasSubstr("no row has a match"));
  EXPECT_THAT(Refusal(WithRow("target: 'title' source: 'title'") + " time_zone: 'Mars/Base'"),
              HasSubstr("time zone"));
  EXPECT_EQ(
      CheckMapping(AppOf("users { rows { target: 'a' } rows { target: 'b' } }"), event::v1::USER)
          .size(),
      2u);
}

TEST(CompileMapping, ATargetIsTheSameHoweverItIsSpelt) {
  EXPECT_THAT(
      Refusal(WithRow("target: 'enterprise:division' source: 'division' } rows { target: "
                      "'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division'"
                      " source: 'division'")),
      HasSubstr("stands twice"));
}

TEST(CompileMapping, ARowOfNoneIsNotSent) {
  const auto mapping =
      CompileMapping(AppOf(WithRow("target: 'title' source: 'title' none: true")), event::v1::USER);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(mapping->FindRow("title"), nullptr);
}

TEST(CompileMapping, GroupsAreOffUntilTheyAreTurnedOn) {
  EXPECT_FALSE(CompileMapping(AppOf(""), event::v1::GROUP)->enabled);
  const auto groups = CompileMapping(
      AppOf("groups { enabled: ON rows { target: 'displayName' source: 'displayName' match: 1 } "
            "rows { target: 'members' source: 'members' } }"),
      event::v1::GROUP);
  ASSERT_TRUE(groups.ok()) << groups.status();
  EXPECT_TRUE(groups->enabled);
  EXPECT_TRUE(groups->maps_members);
  Resource group = UserOf({{"displayName", "Sales"}});
  group.type = event::v1::GROUP;
  MappingInput input;
  input.resource = &group;
  EXPECT_EQ(MapGroup(*groups, input)->values, (MappedValues{{"displayName", "Sales"}}));
}

TEST(MapUser, SendsDirectConstantAndDefaultValues) {
  const Resource user = UserOf({{"userName", "ada"}, {"title", "Countess"}});
  const MappedResource mapped = Map(
      WithRow("target: 'title' source: 'jobTitle' } rows { target: 'userType' constant: 'staff' "
              "} rows { target: 'locale' source: 'locale' default: 'en' } rows { target: 'x' "
              "source: 'nickName'"),
      user);
  EXPECT_EQ(
      mapped.values,
      (MappedValues{
          {"userName", "ada"}, {"title", "Countess"}, {"userType", "staff"}, {"locale", "en"}}));
  EXPECT_THAT(mapped.keep, IsEmpty());
}

TEST(MapUser, OnCreateRowsAndDefaultsAreLeftAloneWhileUpdating) {
  const Resource user = UserOf({{"userName", "ada"}, {"title", "Countess"}});
  const std::string rows = WithRow(
      "target: 'title' source: 'title' apply: ON_CREATE } rows { target: 'locale' source: "
      "'locale' default: 'en' default_apply: ON_CREATE");
  MappingInput creating;
  creating.creating = true;
  const MappedResource created = Map(rows, user, creating);
  EXPECT_EQ(created.values.at("title"), "Countess");
  EXPECT_EQ(created.values.at("locale"), "en");
  EXPECT_THAT(created.on_create, ElementsAre("title"));
  EXPECT_THAT(created.keep, IsEmpty());
  const MappedResource updated = Map(rows, user);
  EXPECT_EQ(updated.values, (MappedValues{{"userName", "ada"}}));
  EXPECT_THAT(updated.keep, ElementsAre("locale", "title"));
}

TEST(MapUser, NamesWhatIsRequiredAndMissing) {
  const Resource user = UserOf({{"userName", "ada"}, {"title", ""}});
  const MappedResource mapped = Map(
      WithRow("target: 'title' source: 'title' required: true } rows { target: 'locale' source: "
              "'locale' required: true } rows { target: 'nick' source: 'nickName'"),
      user);
  EXPECT_THAT(mapped.missing_required, ElementsAre("title", "locale"));
}

TEST(MapUser, GivesMatchingAttributesByPrecedence) {
  const Resource user = UserOf({{"userName", "ada"}, {"externalId", "7"}});
  const MappedResource mapped = Map(
      "users { rows { target: 'employeeId' source: 'externalId' match: 2 } rows { target: "
      "'loginName' source: 'userName' match: 1 } rows { target: 'nick' source: 'nickName' match: "
      "3 } }",
      user);
  ASSERT_EQ(mapped.matching.size(), 2u);
  EXPECT_EQ(mapped.matching[0].target, "loginName");
  EXPECT_EQ(mapped.matching[0].value, "ada");
  EXPECT_EQ(mapped.matching[1].target, "employeeId");
}

TEST(MapUser, AReferenceIsLeftToBeResolved) {
  const Resource user =
      UserOf({{"userName", "ada"}, {kEnterpriseUrn, {{"manager", {{"value", "u-2"}}}}}});
  const MappedResource mapped =
      Map(WithRow("target: 'supervisor' source: 'enterprise:manager' reference: true"), user);
  EXPECT_EQ(mapped.values.count("supervisor"), 0u);
  ASSERT_EQ(mapped.references.size(), 1u);
  EXPECT_EQ(mapped.references[0].target, "supervisor");
  EXPECT_EQ(mapped.references[0].resource_id, "u-2");
}

TEST(MapUser, ComposesNamesAndAddressesFromTheirParts) {
  const Resource user = UserOf({{"userName", "ada"},
                                {"name", {{"givenName", "Ada"}, {"familyName", "Byron"}}},
                                {"addresses",
                                 {{{"type", "work"},
                                   {"streetAddress", "100 Universal City Plaza"},
                                   {"locality", "Hollywood"},
                                   {"region", "CA"},
                                   {"postalCode", "91608"},
                                   {"country", "USA"}}}}});
  const std::string rows = WithRow(
      "target: 'displayName' source: 'displayName' } rows { target: 'name.formatted' source: "
      "'name.formatted' } rows { target: 'addresses[type eq \"work\"].formatted' source: "
      "'addresses[type eq \"work\"].formatted'");
  const MappedResource mapped = Map(rows, user);
  EXPECT_EQ(mapped.values.at("displayName"), "Ada Byron");
  EXPECT_EQ(mapped.values.at("name.formatted"), "Ada Byron");
  EXPECT_EQ(mapped.values.at("addresses[type eq \"work\"].formatted"),
            "100 Universal City Plaza\nHollywood, CA 91608 USA");
  const Resource named = UserOf({{"userName", "ada"}, {"displayName", "The Countess"}});
  EXPECT_EQ(Map(rows, named).values,
            (MappedValues{{"userName", "ada"}, {"displayName", "The Countess"}}));
}

TEST(MapUser, ActiveIsABooleanWhateverTheExpressionGives) {
  const Resource user = UserOf({{"userName", "ada"}, {"active", true}});
  MappingInput leaver;
  leaver.active = false;
  EXPECT_EQ(Map(WithRow("target: 'active' source: 'active'"), user, leaver).values.at("active"),
            false);
  const std::string by_switch =
      "target: 'active' expression: 'Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", "
      "\"False\")'";
  EXPECT_EQ(Map(WithRow(by_switch), user).values.at("active"), true);
  EXPECT_EQ(Map(WithRow(by_switch), user, leaver).values.at("active"), false);
}

TEST(MapUser, RolesAreTheDirectorysAndTheAssignedElseTheDefault) {
  const std::string app =
      WithRow(
          "target: 'roles' expression: "
          "'AssertiveAppRoleAssignmentsComplex([appRoleAssignments])' required: true") +
      " roles { value: 'user' display: 'Recognition User' } roles { value: 'admin' } "
      "default_role: 'user'";
  const auto roles = [&](const json& held, std::vector<std::string> assigned, bool by_all) {
    json attributes = {{"userName", "ada"}};
    if (!held.is_null()) attributes["roles"] = held;
    MappingInput input;
    input.assigned_roles = std::move(assigned);
    input.in_scope_by_all = by_all;
    const MappedResource mapped = Map(app, UserOf(attributes), input);
    std::string names;
    for (const json& role :
         mapped.values.count("roles") ? mapped.values.at("roles") : json::array()) {
      names += role["value"].get<std::string>() + " ";
    }
    return names;
  };
  EXPECT_EQ(roles(json(), {}, true), "user ");
  EXPECT_EQ(roles(json(), {}, false), "");
  EXPECT_EQ(roles(json::array({{{"value", "Admin"}}}), {}, true), "admin ");
  EXPECT_EQ(roles(json::array({{{"value", "unknown"}}}), {}, true), "user ");
  EXPECT_EQ(roles(json::array({{{"value", "admin"}}}), {"Recognition User"}, true), "admin user ");
  EXPECT_EQ(roles(json::array({{{"value", R"({"id":"1","value":"admin","displayName":"A"})"}}}), {},
                  true),
            "admin ");
}

TEST(MapUser, AnErrorNamesTheAttributeAndNoValue) {
  const auto mapping = CompileMapping(
      AppOf(WithRow("target: 'title' expression: 'Left([title], [title])'")), event::v1::USER);
  ASSERT_TRUE(mapping.ok());
  const Resource user = UserOf({{"userName", "ada"}, {"title", "Countess"}});
  MappingInput input;
  input.resource = &user;
  const std::string message(MapUser(*mapping, input).status().message());
  EXPECT_THAT(message, HasSubstr("attribute title: Left"));
  EXPECT_THAT(message, testing::Not(HasSubstr("Countess")));
}

TEST(ToE164, StripsWhatPeopleWriteAroundTheDigits) {
  EXPECT_EQ(ToE164("+1 (617) 555-1212"), "+16175551212");
  EXPECT_EQ(ToE164("tel:+1-201-555-0123;ext=9"), "+12015550123");
  EXPECT_EQ(ToE164("+44 (0)20 7946 0000 x12"), "+442079460000");
  EXPECT_EQ(ToE164("617 555 1212"), "617 555 1212");
  EXPECT_EQ(ToE164("+"), "+");
}

}  // namespace
}  // namespace purser::mapping
