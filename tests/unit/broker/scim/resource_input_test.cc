#include "broker/scim/resource_input.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/scim_status.h"

namespace purser::scim {
namespace {

using nlohmann::json;

absl::StatusOr<ResourceInput> ParseUser(const json& body) {
  json whole = {{"schemas", {std::string(kUserUrn)}}, {"userName", "bjensen"}};
  whole.update(body);
  return ParseResource(UserSchema(), whole.dump());
}

// The attributes of a user, beside its userName.
json Parsed(const json& body) {
  const absl::StatusOr<ResourceInput> input = ParseUser(body);
  if (!input.ok()) return Refusal(input.status());
  json attributes = input->attributes;
  if (attributes["userName"] == "bjensen") attributes.erase("userName");
  return attributes;
}

const std::string kEnterprise(kEnterpriseUrn);

TEST(ScimPromise16, NamesAndUrnsAreTakenInAnyCaseAndKeptInCanonicalCase) {
  const auto input = ParseResource(UserSchema(), R"({
    "SCHEMAS": ["URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER"],
    "USERNAME": "bjensen", "Name": {"GIVENNAME": "Barbara"},
    "EMAILS": [{"VALUE": "b@example.com", "Type": "work"}],
    "urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user": {"DEPARTMENT": "Tour"}})");
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->attributes, json::parse(R"({
    "userName": "bjensen", "name": {"givenName": "Barbara"},
    "emails": [{"value": "b@example.com", "type": "work"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tour"}})"));
  EXPECT_EQ(json::parse(input->attributes_text), input->attributes);
}

TEST(ScimPromise12, ReadOnlyInputIsIgnored) {
  EXPECT_EQ(Parsed({{"groups", {{{"value", "g1"}}}}, {"meta", {{"version", "x"}}}}),
            json::object());
  EXPECT_EQ(Parsed({{kEnterprise, {{"manager", {{"value", "m"}, {"displayName", "Boss"}}}}}}),
            json({{kEnterprise, {{"manager", {{"value", "m"}}}}}}));
}

TEST(ScimPromise13, TheClientsIdGroupsAndMetaAreIgnored) {
  EXPECT_EQ(Parsed({{"id", "mine"}, {"groups", json::array()}, {"meta", {{"created", 5}}}}),
            json::object());
}

TEST(ScimPromise15, NullAndEmptyAreAbsentFalseAndZeroAreNot) {
  EXPECT_EQ(Parsed({{"title", nullptr},
                    {"emails", json::array()},
                    {"name", json::object()},
                    {"phoneNumbers", {nullptr, json::object()}},
                    {"addresses", {{{"country", nullptr}}}},
                    {kEnterprise, {{"department", nullptr}}}}),
            json::object());
  EXPECT_EQ(Parsed({{"active", false}, {"title", ""}}), json({{"active", false}, {"title", ""}}));
}

TEST(ScimPromise17, SchemasIsRequiredAndUnknownUrnsAreAcceptedAndNotStored) {
  EXPECT_EQ(Refusal(ParseResource(UserSchema(), R"({"userName":"a"})").status()),
            "400 invalidValue");
  EXPECT_EQ(Parsed({{"schemas", json::array()}}), "400 invalidValue");
  EXPECT_EQ(Parsed({{"schemas", "x"}}), "400 invalidValue");
  EXPECT_EQ(
      Parsed({{"schemas", {std::string(kUserUrn), "urn:scim:schemas:extension:entrprise:1.0"}},
              {"urn:scim:schemas:extension:entrprise:1.0", {{"a", 1}}},
              {"shoeSize", 43}}),
      json::object());
}

TEST(ScimPromise17, AnExtensionsUrnMayBeMissingFromSchemas) {
  EXPECT_EQ(Parsed({{kEnterprise, {{"department", "Tour"}}}}),
            json({{kEnterprise, {{"department", "Tour"}}}}));
}

TEST(ScimPromise18, CanonicalValuesAreSuggestions) {
  EXPECT_EQ(Parsed({{"emails", {{{"value", "a@b.c"}, {"type", "boat"}}}}}),
            json({{"emails", {{{"value", "a@b.c"}, {"type", "boat"}}}}}));
}

TEST(ScimPromise18, BooleansAreTakenAsStrings) {
  EXPECT_EQ(Parsed({{"active", "False"}}), json({{"active", false}}));
  EXPECT_EQ(Parsed({{"active", "true"}}), json({{"active", true}}));
  EXPECT_EQ(Parsed({{"emails", {{{"value", "a"}, {"primary", "True"}}}}}),
            json({{"emails", {{{"value", "a"}, {"primary", true}}}}}));
  EXPECT_EQ(Parsed({{"active", "yes"}}), "400 invalidValue");
  EXPECT_EQ(Parsed({{"active", 1}}), "400 invalidValue");
}

TEST(ScimPromise08, TwoPrimariesAreRefused) {
  EXPECT_EQ(
      Parsed({{"emails",
               {{{"value", "a"}, {"primary", true}}, {{"value", "b"}, {"primary", "True"}}}}}),
      "400 invalidValue");
}

TEST(ParseResource, WrongTypesAreInvalidValue) {
  for (const json& body : std::vector<json>{{{"userName", 5}},
                                            {{"title", {{"a", "b"}}}},
                                            {{"name", "Barbara"}},
                                            {{"name", {{"givenName", true}}}},
                                            {{"emails", "a@b.c"}},
                                            {{"emails", {{"value", "a@b.c"}}}},
                                            {{"emails", {"a@b.c"}}},
                                            {{"password", 12345}},
                                            {{"x509Certificates", {{{"value", "not base64!"}}}}},
                                            {{kEnterprise, "x"}},
                                            {{kEnterprise, {{"manager", 7}}}},
                                            {{"displayName", std::string("a\0b", 3)}}}) {
    EXPECT_EQ(Parsed(body), "400 invalidValue") << body;
  }
}

TEST(ParseResource, RequiredAttributesMustBeThereAndNotBlank) {
  EXPECT_EQ(Parsed({{"userName", nullptr}}), "400 invalidValue");
  EXPECT_EQ(Parsed({{"userName", "  "}}), "400 invalidValue");
  EXPECT_EQ(Refusal(ParseResource(GroupSchema(), R"({"schemas":["x"]})").status()),
            "400 invalidValue");
}

TEST(ParseResource, ABodyThatIsNoObjectIsInvalidSyntax) {
  EXPECT_EQ(Refusal(ParseResource(UserSchema(), "[]").status()), "400 invalidSyntax");
  EXPECT_EQ(Refusal(ParseResource(UserSchema(), "\"x\"").status()), "400 invalidSyntax");
}

TEST(ScimPromise23, APasswordIsCheckedForItsTypeAndDropped) {
  const auto input = ParseUser({{"Password", "t1meMa$heen"}});
  ASSERT_TRUE(input.ok());
  EXPECT_FALSE(input->attributes.contains("password"));
  EXPECT_EQ(input->attributes_text.find("t1meMa"), std::string::npos);
}

TEST(ProviderDialect, ManagerIsTakenInEveryShape) {
  const json wanted = {{kEnterprise, {{"manager", {{"value", "m1"}}}}}};
  EXPECT_EQ(Parsed({{kEnterprise, {{"manager", "m1"}}}}), wanted);
  EXPECT_EQ(Parsed({{kEnterprise, {{"manager", {{"value", "m1"}, {"$ref", nullptr}}}}}}), wanted);
  EXPECT_EQ(Parsed({{kEnterprise, {{"manager", {{{"$ref", "../Users/m1"}, {"value", "m1"}}}}}}}),
            wanted);
  EXPECT_EQ(Parsed({{kEnterprise, {{"manager", {{"value", ""}}}}}}), json::object());
  EXPECT_EQ(Parsed({{kEnterprise, {{"manager", ""}}}}), json::object());
  EXPECT_EQ(Parsed({{kEnterprise, {{"manager", nullptr}}}}), json::object());
}

TEST(ProviderDialect, ARoleMayBeJsonInsideAString) {
  const std::string role = R"({"id":"06b0","value":"25","displayName":"Role1234"})";
  const json wanted = {{"roles", {{{"value", "25"}, {"display", "Role1234"}}}}};
  EXPECT_EQ(Parsed({{"roles", {{{"value", role}}}}}), wanted);
  EXPECT_EQ(Parsed({{"roles", {role}}}), wanted);
  EXPECT_EQ(Parsed({{"roles", {"Auditor"}}}), json({{"roles", {{{"value", "Auditor"}}}}}));
  EXPECT_EQ(Parsed({{"roles", {{{"value", "{not json"}}}}}),
            json({{"roles", {{{"value", "{not json"}}}}}));
}

TEST(ScimPromise35, AGroupsMembersAreDistinctIds) {
  const auto input = ParseResource(GroupSchema(), R"({
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://example.com/private/Group"],
    "displayName": "Tour", "http://example.com/private/Group": {"x": 1},
    "members": [{"value": "u1", "$ref": null, "display": "Bob"}, {"VALUE": "u2"}, {"value": "u1"}]})");
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->members, (std::vector<std::string>{"u1", "u2"}));
  EXPECT_EQ(input->attributes, json({{"displayName", "Tour"}}));
}

TEST(ScimPromise35, AMemberWithoutAnIdIsRefused) {
  EXPECT_EQ(
      Refusal(ParseResource(GroupSchema(),
                            R"({"schemas":["x"],"displayName":"T","members":[{"display":"B"}]})")
                  .status()),
      "400 invalidValue");
}

}  // namespace
}  // namespace purser::scim
