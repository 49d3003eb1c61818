#include "broker/config/configuration.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace purser::config {
namespace {

v1::App AppOf(const std::string& text) {
  v1::App app;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &app));
  return app;
}

const char kBase[] = R"pb(
  connector: "scim"
  url: "https://base"
  users {
    enabled: ON
    rows { target: "userName" source: "userName" match: 1 required: true }
    rows { target: "phone" source: "mobile" format: "e164" required: true }
    rows { target: "enterprise:manager" source: "manager" reference: true }
  }
  roles { value: "user" }
  credentials { password { login_format: "F" } }
  dialect { no_delete: true }
)pb";

v1::App Merged(const std::string& text) { return MergeTemplate(AppOf(kBase), AppOf(text)); }

TEST(MergeTemplate, WhatTheAppSaysGoesBeforeTheTemplate) {
  const v1::App app = Merged(
      "name: 'a' url: '${env:U}' credentials { password { username: 'x' } } dialect { no_delete: "
      "false }");
  EXPECT_EQ(app.name(), "a");
  EXPECT_EQ(app.url(), "${env:U}");
  EXPECT_EQ(app.connector(), "scim");
  EXPECT_EQ(app.credentials().password().login_format(), "F");
  EXPECT_EQ(app.credentials().password().username(), "x");
  EXPECT_FALSE(app.dialect().no_delete());
  EXPECT_EQ(app.users().rows_size(), 3);
}

TEST(MergeTemplate, ARowTakesItsValueFromTheAppAndKeepsMatchAndRequired) {
  const v1::App app = Merged(
      "users { rows { target: 'userName' source: 'mail' } rows { target: 'phone' constant: '1' "
      "required: false } rows { target: 'title' source: 'title' } }");
  ASSERT_EQ(app.users().rows_size(), 4);
  EXPECT_EQ(app.users().rows(0).source(), "mail");
  EXPECT_EQ(app.users().rows(0).match(), 1u);
  EXPECT_TRUE(app.users().rows(0).required());
  EXPECT_EQ(app.users().rows(1).source(), "");
  EXPECT_EQ(app.users().rows(1).constant(), "1");
  EXPECT_EQ(app.users().rows(1).format(), "");
  EXPECT_FALSE(app.users().rows(1).required());
  EXPECT_EQ(app.users().rows(3).target(), "title");
}

TEST(MergeTemplate, ATargetIsTheSameHoweverItIsSpelt) {
  const v1::App app = Merged(
      "users { rows { target: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager' "
      "none: true } }");
  ASSERT_EQ(app.users().rows_size(), 3);
  EXPECT_TRUE(app.users().rows(2).none());
  EXPECT_EQ(app.users().rows(2).target(),
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager");
}

TEST(MergeTemplate, AListOfRolesIsReplacedAsAWhole) {
  EXPECT_EQ(Merged("").roles_size(), 1);
  EXPECT_EQ(Merged("roles { value: 'a' } roles { value: 'b' }").roles(0).value(), "a");
  EXPECT_EQ(Merged("roles { value: 'a' } roles { value: 'b' }").roles_size(), 2);
}

TEST(CompleteApp, NamesTheNearestTemplateWhereThereIsNone) {
  const TemplateSource templates = {{"recnice"},
                                    [](absl::string_view) { return "connector: scim"; }};
  EXPECT_EQ(CompleteApp(AppOf("template: 'recnise'"), templates).status().message(),
            "unknown template \"recnise\"; did you mean \"recnice\"?");
  const auto complete = CompleteApp(AppOf("template: 'recnice' name: 'r'"), templates);
  ASSERT_TRUE(complete.ok());
  EXPECT_EQ(complete->connector(), "scim");
  EXPECT_EQ(complete->directory(), "main");
}

}  // namespace
}  // namespace purser::config
