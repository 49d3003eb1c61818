#include "connectors/catalog/make_connector.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_http_client.h"

namespace purser::connectors {
namespace {

using ::testing::HasSubstr;

TEST(MakeConnector, TheAppSaysWhichItIs) {
  FakeHttpClient http;
  config::v1::App app;
  app.set_connector("scim");
  app.set_url("https://x");
  app.mutable_credentials()->mutable_bearer_token()->set_secret("${env:T}");
  auto scim = MakeConnector(app, &http, ProcessSecrets());
  ASSERT_TRUE(scim.ok()) << scim.status();
  EXPECT_FALSE((*scim)->capabilities().groups);
  EXPECT_FALSE((*scim)->capabilities().delete_keeps_account);

  app.set_connector("replicon");
  config::v1::Password* password = app.mutable_credentials()->mutable_password();
  password->set_username("u");
  password->set_password("${env:P}");
  password->set_company_id("acme");
  auto replicon = MakeConnector(app, &http, ProcessSecrets());
  ASSERT_TRUE(replicon.ok()) << replicon.status();
  EXPECT_TRUE((*replicon)->capabilities().delete_keeps_account);
}

TEST(MakeConnector, AnUnknownConnectorIsRefusedWithTheAppsName) {
  FakeHttpClient http;
  config::v1::App app;
  app.set_name("payroll");
  app.set_connector("soap");
  const auto made = MakeConnector(app, &http, ProcessSecrets());
  EXPECT_TRUE(absl::IsInvalidArgument(made.status()));
  EXPECT_THAT(made.status().ToString(), HasSubstr("payroll"));
}

}  // namespace
}  // namespace purser::connectors
