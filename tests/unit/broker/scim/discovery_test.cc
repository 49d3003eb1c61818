#include "broker/scim/discovery.h"

#include <gtest/gtest.h>

#include "broker/scim/schema.h"
#include "nlohmann/json.hpp"

namespace purser::scim {
namespace {

using nlohmann::json;

constexpr char kBase[] = "https://id.example.com/scim/v2";

TEST(ScimPromise31, TheServiceProviderConfigIsCompleteAndTruthful) {
  const json config = json::parse(RenderServiceProviderConfig({}, kBase));
  EXPECT_EQ(config["schemas"],
            json::array({"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"}));
  EXPECT_EQ(config["patch"], json({{"supported", true}}));
  EXPECT_EQ(config["filter"], json({{"supported", true}, {"maxResults", 1000}}));
  EXPECT_EQ(config["etag"], json({{"supported", true}}));
  EXPECT_EQ(config["pagination"], json({{"cursor", true},
                                        {"index", true},
                                        {"defaultPaginationMethod", "index"},
                                        {"defaultPageSize", 100},
                                        {"maxPageSize", 1000},
                                        {"cursorTimeout", 300}}));
  EXPECT_EQ(config["sort"], json({{"supported", true}}));
  EXPECT_FALSE(config.contains("securityEvents")) << "there are none";
  EXPECT_EQ(config["changePassword"]["supported"], false);
  EXPECT_EQ(config["bulk"],
            json({{"supported", true}, {"maxOperations", 1000}, {"maxPayloadSize", 33554432}}));
  ASSERT_EQ(config["authenticationSchemes"].size(), 1u);
  EXPECT_EQ(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
  EXPECT_EQ(config["meta"]["location"], std::string(kBase) + "/ServiceProviderConfig");
}

TEST(ScimPromise31, SchemasListAllWithTheirCharacteristics) {
  const json list = json::parse(RenderSchemas(*StandardSchemas(), kBase));
  ASSERT_EQ(list["totalResults"], 3);
  EXPECT_EQ(list["Resources"][0]["id"], std::string(kUserUrn));
  const json user = json::parse(*RenderSchema(*StandardSchemas(), kBase, kUserUrn));
  EXPECT_EQ(user, list["Resources"][0]);
  EXPECT_EQ(user["schemas"], json::array({"urn:ietf:params:scim:schemas:core:2.0:Schema"}));
  json user_name, password, emails;
  for (const json& attribute : user["attributes"]) {
    if (attribute["name"] == "userName") user_name = attribute;
    if (attribute["name"] == "password") password = attribute;
    if (attribute["name"] == "emails") emails = attribute;
  }
  EXPECT_EQ(user_name["required"], true);
  EXPECT_EQ(user_name["uniqueness"], "server");
  EXPECT_EQ(user_name["caseExact"], false);
  EXPECT_EQ(password["mutability"], "writeOnly");
  EXPECT_EQ(password["returned"], "never");
  EXPECT_EQ(emails["multiValued"], true);
  ASSERT_EQ(emails["subAttributes"].size(), 4u);
  EXPECT_EQ(emails["subAttributes"][2]["canonicalValues"], json({"work", "home", "other"}));
}

TEST(ScimPromise31, ASchemaIsFoundByItsUrnInAnyCase) {
  EXPECT_TRUE(RenderSchema(*StandardSchemas(), kBase, "URN:ietf:params:scim:schemas:core:2.0:GROUP")
                  .has_value());
  EXPECT_FALSE(
      RenderSchema(*StandardSchemas(), kBase, "urn:ietf:params:scim:schemas:core:2.0:Device")
          .has_value());
}

TEST(ScimPromise31, ResourceTypesNameTheirSchemas) {
  const json list = json::parse(RenderResourceTypes(*StandardSchemas(), kBase));
  ASSERT_EQ(list["totalResults"], 2);
  const json user = json::parse(*RenderResourceType(*StandardSchemas(), kBase, "User"));
  EXPECT_EQ(user, list["Resources"][0]);
  EXPECT_EQ(user["endpoint"], "/Users");
  EXPECT_EQ(user["schema"], std::string(kUserUrn));
  EXPECT_EQ(user["schemaExtensions"],
            json::array({{{"schema", std::string(kEnterpriseUrn)}, {"required", false}}}));
  EXPECT_EQ(user["meta"]["location"], std::string(kBase) + "/ResourceTypes/User");
  EXPECT_FALSE(RenderResourceType(*StandardSchemas(), kBase, "Device").has_value());
}

}  // namespace
}  // namespace purser::scim
