#include "connectors/catalog/templates/templates.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/mapping/mapping.h"
#include "broker/mapping/scoping_filter.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::connectors {
namespace {

using config::v1::App;
using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string kUrn = std::string(mapping::kEnterpriseUrn) + ":";
const char kEmail[] = "emails[type eq \"work\"].value";
const char kPhone[] = "phoneNumbers[type eq \"work\"].value";

std::string Address(const std::string& part) { return "addresses[type eq \"work\"]." + part; }

// An app of the sample, complete.
App Sample(const std::string& name) {
  const auto loaded =
      config::LoadFiles({absl::StrCat(PURSER_SOURCE_DIR, "/deploy/samples/four-apps.yaml")});
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  for (const App& app : loaded->configuration.apps()) {
    if (app.name() == name) return *config::CompleteApp(app, CatalogTemplates());
  }
  ADD_FAILURE() << name;
  return App();
}

// Each target with what the table says of it: "" allowed, "required", "match 1", ...
std::map<std::string, std::string> Table(const mapping::CompiledMapping& mapping) {
  std::map<std::string, std::string> table;
  for (const auto& row : mapping.rows) {
    std::string says;
    if (row.match != 0) absl::StrAppend(&says, "match ", row.match, " ");
    if (row.required) absl::StrAppend(&says, "required ");
    if (row.reference) absl::StrAppend(&says, "reference ");
    if (row.e164) absl::StrAppend(&says, "e164 ");
    if (row.on_create) absl::StrAppend(&says, "on_create ");
    table[row.target] = says;
  }
  return table;
}

std::map<std::string, std::string> UserTable(const std::string& name) {
  return Table(*mapping::CompileMapping(Sample(name), event::v1::USER));
}

Resource CompleteUser() {
  Resource user;
  user.id = "u-1";
  user.attributes = {
      {"userName", "ada@example.com"},
      {"externalId", "x-7"},
      {"title", "Countess"},
      {"preferredLanguage", "en"},
      {"active", true},
      {"name", {{"givenName", "Ada"}, {"familyName", "Byron"}}},
      {"emails", {{{"type", "work"}, {"value", "ada@example.com"}}}},
      {"phoneNumbers", {{{"type", "work"}, {"value", "+1 (617) 555-1212"}}}},
      {"addresses",
       {{{"type", "work"},
         {"streetAddress", "1 Main St"},
         {"locality", "Boston"},
         {"region", "MA"},
         {"postalCode", "02101"},
         {"country", "US"}}}},
      {std::string(mapping::kEnterpriseUrn),
       {{"department", "Sales"}, {"employeeNumber", "42"}, {"manager", {{"value", "u-2"}}}}}};
  return user;
}

mapping::MappedResource Map(const std::string& name, const Resource& user, bool creating = true) {
  const auto compiled = mapping::CompileMapping(Sample(name), event::v1::USER);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  mapping::MappingInput input;
  input.resource = &user;
  input.creating = creating;
  input.in_scope_by_all = true;
  input.generate = [](mapping::Generated, const std::string&) -> std::string {
    return "2026-03-09T23:30:00+00:00";
  };
  const auto mapped = mapping::MapUser(*compiled, input);
  EXPECT_TRUE(mapped.ok()) << mapped.status();
  return *mapped;
}

TEST(Catalog, HoldsTheFourTemplates) {
  EXPECT_THAT(TemplateNames(), ElementsAre("alexishr", "preciate", "recnice", "replicon"));
  EXPECT_EQ(TemplateYaml("none"), "");
}

TEST(Catalog, RecniceHasItsTable) {
  std::map<std::string, std::string> expected = {{"userName", "match 1 required "}};
  for (const std::string& target :
       {std::string("active"), std::string("displayName"), std::string("title"),
        std::string(kEmail), std::string("preferredLanguage"), std::string("name.givenName"),
        std::string("name.familyName"), std::string("name.formatted"), Address("formatted"),
        Address("streetAddress"), Address("locality"), Address("region"), Address("postalCode"),
        Address("country"), std::string("externalId"), std::string("roles"), kUrn + "department"}) {
    expected[target] = "required ";
  }
  EXPECT_EQ(UserTable("recnice"), expected);
  EXPECT_EQ(expected.size(), 18u);
}

TEST(Catalog, RecniceTakesGroupsWithTheirMembers) {
  const auto groups = mapping::CompileMapping(Sample("recnice"), event::v1::GROUP);
  ASSERT_TRUE(groups.ok()) << groups.status();
  EXPECT_TRUE(groups->enabled);
  EXPECT_TRUE(groups->maps_members);
  EXPECT_EQ(Table(*groups), (std::map<std::string, std::string>{
                                {"displayName", "match 1 required "}, {"externalId", ""}}));
  for (const char* other : {"preciate", "alexishr", "replicon"}) {
    EXPECT_FALSE(mapping::CompileMapping(Sample(other), event::v1::GROUP)->enabled) << other;
  }
}

TEST(Catalog, PreciateHasItsTable) {
  EXPECT_EQ(UserTable("preciate"), (std::map<std::string, std::string>{{"userName", "match 1 "},
                                                                       {"active", ""},
                                                                       {"displayName", ""},
                                                                       {"title", ""},
                                                                       {"name.givenName", ""},
                                                                       {"name.familyName", ""},
                                                                       {"name.formatted", ""},
                                                                       {"externalId", ""},
                                                                       {kUrn + "department", ""}}));
}

TEST(Catalog, AlexisHrHasItsTable) {
  EXPECT_EQ(UserTable("alexishr"),
            (std::map<std::string, std::string>{{"userName", "match 1 required "},
                                                {"active", "required "},
                                                {"title", ""},
                                                {kEmail, "required "},
                                                {"name.givenName", "required "},
                                                {"name.familyName", "required "},
                                                {kPhone, "required e164 "},
                                                {kUrn + "department", ""},
                                                {kUrn + "manager", "reference "},
                                                {kUrn + "costCenter", ""},
                                                {kUrn + "division", ""},
                                                {kUrn + "organization", ""}}));
}

TEST(Catalog, RepliconHasItsTable) {
  EXPECT_EQ(UserTable("replicon"),
            (std::map<std::string, std::string>{{"loginName", "match 1 required "},
                                                {"ssoName", ""},
                                                {"firstName", "required "},
                                                {"lastName", "required "},
                                                {"emailAddress", ""},
                                                {"employeeId", "match 2 "},
                                                {"active", ""},
                                                {"department", ""},
                                                {"supervisor", "reference "},
                                                {"employmentStartDate", "on_create "}}));
}

TEST(Catalog, ACompleteUserLacksNothingAnywhere) {
  for (const std::string& name : TemplateNames()) {
    EXPECT_THAT(Map(name, CompleteUser()).missing_required, IsEmpty()) << name;
  }
}

TEST(Catalog, AUserWithANameAloneIsToldWhatIsMissing) {
  Resource user;
  user.attributes = {{"userName", "ada"}};
  EXPECT_THAT(Map("alexishr", user).missing_required,
              UnorderedElementsAre(kEmail, kPhone, "name.givenName", "name.familyName"));
  EXPECT_THAT(Map("preciate", user).missing_required, IsEmpty());
}

TEST(Catalog, ValuesAreAsTheDefaultsSay) {
  const auto recnice = Map("recnice", CompleteUser());
  EXPECT_EQ(recnice.values.at("displayName"), "Ada Byron");
  EXPECT_EQ(recnice.values.at("externalId"), "x-7");
  EXPECT_EQ(recnice.values.at("roles").at(0).at("value"), "Recognition User");
  EXPECT_EQ(Map("alexishr", CompleteUser()).values.at(kPhone), "+16175551212");
  const auto replicon = Map("replicon", CompleteUser());
  EXPECT_EQ(replicon.values.at("loginName"), "ada@example.com");
  EXPECT_EQ(replicon.values.at("ssoName"), "ada@example.com");
  EXPECT_EQ(replicon.values.at("employeeId"), "42");
  EXPECT_EQ(replicon.values.at("employmentStartDate"), "2026-03-09");
  EXPECT_EQ(replicon.references.at(0).resource_id, "u-2");
  Resource unnumbered = CompleteUser();
  unnumbered.attributes.erase(std::string(mapping::kEnterpriseUrn));
  EXPECT_EQ(Map("replicon", unnumbered).values.at("employeeId"), "x-7");
  EXPECT_EQ(Map("replicon", CompleteUser(), false).values.count("employmentStartDate"), 0u);
}

TEST(FourApps, LoadMergeAndCheckCleanly) {
  const auto loaded =
      config::LoadFiles({absl::StrCat(PURSER_SOURCE_DIR, "/deploy/samples/four-apps.yaml")});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(config::CheckConfiguration(*loaded, CatalogTemplates()).ok())
      << config::CheckConfiguration(*loaded, CatalogTemplates());
  ASSERT_EQ(loaded->configuration.apps_size(), 4);
  for (const App& app : loaded->configuration.apps()) {
    EXPECT_EQ(app.state(), config::v1::RUNNING);
    EXPECT_EQ(app.mode(), config::v1::AUTOMATIC);
    EXPECT_EQ(app.deprovision().inactive(), config::v1::DEACTIVATE);
    EXPECT_EQ(app.deprovision().deleted(), config::v1::REMOVE);
    const Resource user = CompleteUser();
    EXPECT_TRUE(mapping::DecideScope(*mapping::CompileScope(app), {&user}).in_scope);
  }
}

}  // namespace
}  // namespace purser::connectors
