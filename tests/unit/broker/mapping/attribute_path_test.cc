#include "broker/mapping/attribute_path.h"

#include "broker/mapping/source_attribute.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::mapping {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string Canonical(absl::string_view text) {
  const auto path = ParseAttributePath(text);
  return path.ok() ? FormatAttributePath(*path) : std::string(path.status().message());
}

json Read(const json& attributes, absl::string_view text) {
  return ValueAt(attributes, *ParseAttributePath(text));
}

TEST(AttributePath, HasOneSpelling) {
  EXPECT_EQ(Canonical("emails[type  eq  \"work\"].value"), "emails[type eq \"work\"].value");
  EXPECT_EQ(Canonical("enterprise:manager.value"), std::string(kEnterpriseUrn) + ":manager.value");
  EXPECT_EQ(Canonical("urn:ietf:params:scim:schemas:core:2.0:User:userName"), "userName");
  EXPECT_EQ(Canonical("roles[primary EQ true].value"), "roles[primary eq true].value");
}

TEST(AttributePath, MalformedTextIsRefused) {
  for (const char* text : {"", "a b", "emails[type eq \"work\".value", "emails[type]", "name.",
                           "emails[type eq work].value", "emails[type eq \"work\"]value", ".x"}) {
    EXPECT_FALSE(ParseAttributePath(text).ok()) << text;
  }
}

TEST(AttributePath, OfSeveralElementsThePrimaryOneIsRead) {
  const json user = {{"emails",
                      {{{"type", "work"}, {"value", "a@example.com"}},
                       {{"type", "work"}, {"value", "b@example.com"}, {"primary", true}},
                       {{"type", "home"}, {"value", "c@example.com"}}}}};
  EXPECT_EQ(Read(user, "emails[type eq \"work\"].value"), "b@example.com");
  EXPECT_EQ(Read(user, "emails[type eq \"home\"].value"), "c@example.com");
  EXPECT_EQ(Read(user, "emails[type eq \"other\"].value"), json());
  EXPECT_EQ(Read(user, "emails.value"), json({"a@example.com", "b@example.com", "c@example.com"}));
}

TEST(AttributePath, AnExtensionIsReadUnderItsUrn) {
  const json user = {{kEnterpriseUrn, {{"manager", {{"value", "u-2"}}}, {"department", "Sales"}}}};
  EXPECT_EQ(Read(user, "enterprise:department"), "Sales");
  EXPECT_EQ(Read(user, "enterprise:manager.value"), "u-2");
  EXPECT_EQ(Read(user, "enterprise:division"), json());
}

TEST(SourceAttribute, AnUnknownNameGetsTheNearestOne) {
  const auto unknown = ResolveSourceAttribute("dispalyName", event::v1::USER, {});
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("did you mean \"displayName\"?"));
  EXPECT_FALSE(ResolveSourceAttribute("name.nick", event::v1::USER, {}).ok());
  EXPECT_FALSE(ResolveSourceAttribute("title[type eq \"x\"]", event::v1::USER, {}).ok());
  EXPECT_FALSE(ResolveSourceAttribute("urn:example:User:x", event::v1::USER, {}).ok());
  EXPECT_FALSE(ResolveSourceAttribute("userName", event::v1::GROUP, {}).ok());
}

TEST(SourceAttribute, TheDirectorysAliasGoesBeforeTheIncumbentsName) {
  Resource user;
  user.attributes = {{"nickName", "ada"}, {"title", "Countess"}};
  const DirectoryNames names = {{{"mailNickname", "nickName"}, {"jobTitle", "nickName"}}, {}};
  const auto read = [&](const char* name) {
    return ReadSource(*ResolveSourceAttribute(name, event::v1::USER, names), {&user});
  };
  EXPECT_EQ(read("MailNickname"), "ada");
  EXPECT_EQ(read("jobTitle"), "ada");
  EXPECT_EQ(read("USERNAME"), json());
  EXPECT_EQ(read("Title"), "Countess");
}

TEST(SourceAttribute, AnAttributeOfTheDirectorysOwnSchemaIsKnownInAnyCase) {
  config::v1::Directory directory;
  config::v1::Schema* schema = directory.add_schemas();
  schema->set_urn("urn:acme:hr:2.0:User");
  schema->set_extends(config::v1::Schema::USER);
  schema->add_attributes()->set_name("jobCode");
  config::v1::SchemaAttribute* desks = schema->add_attributes();
  desks->set_name("desks");
  desks->set_multi_valued(true);
  for (const char* sub : {"value", "type"}) desks->add_sub_attributes()->set_name(sub);
  const DirectoryNames names = NamesOf(directory);
  Resource user;
  user.attributes = {
      {"urn:acme:hr:2.0:User",
       {{"jobCode", "E1"}, {"desks", {{{"value", "a"}}, {{"value", "b"}, {"type", "own"}}}}}}};
  const auto read = [&](const char* name) {
    return ReadSource(*ResolveSourceAttribute(name, event::v1::USER, names), {&user});
  };
  EXPECT_EQ(read("URN:ACME:HR:2.0:user:JOBCODE"), "E1");
  EXPECT_EQ(read("urn:acme:hr:2.0:User:desks[type eq \"own\"].value"), "b");
  const auto unknown =
      ResolveSourceAttribute("urn:acme:hr:2.0:User:jobCod", event::v1::USER, names);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("2.0:User:jobCode\"?"));
  EXPECT_FALSE(
      ResolveSourceAttribute("urn:acme:hr:2.0:User:jobCode", event::v1::GROUP, names).ok());
}

}  // namespace
}  // namespace purser::mapping
