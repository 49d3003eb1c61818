// Bodies as identity providers send them, with sample data in place of people's.
#include <gtest/gtest.h>

#include "broker/scim/patch.h"
#include "broker/scim/resource_input.h"
#include "tests/support/scim_status.h"

namespace purser::scim {
namespace {

using nlohmann::json;

const std::string kEnterprise(kEnterpriseUrn);

json Apply(const char* body, json attributes) {
  const absl::StatusOr<PatchRequest> request = ParsePatch(UserSchema(), body);
  if (!request.ok()) return Refusal(request.status());
  const absl::Status status = ApplyPatch(*request, "u1", &attributes);
  return status.ok() ? attributes : json(Refusal(status));
}

json Sample() {
  return json::parse(R"({
    "userName": "test1@example.com", "active": true, "displayName": "Test One",
    "emails": [{"value": "test1@example.com", "type": "work", "primary": true}],
    "roles": [{"value": "1", "primary": true}]})");
}

TEST(EntraDefaultDialect, PostOfAUser) {
  const auto input = ParseResource(UserSchema(), R"({
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "test1@example.com", "active": true,
    "emails": [{"primary": "True", "type": "work", "value": "test1@example.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "One Test", "familyName": "Test", "givenName": "One"},
    "nickName": null, "roles": [],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"employeeNumber": "1", "manager": [{"$ref": null, "value": "m1"}]}})");
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->attributes, json::parse(R"({
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "test1@example.com", "active": true,
    "emails": [{"primary": true, "type": "work", "value": "test1@example.com"}],
    "name": {"formatted": "One Test", "familyName": "Test", "givenName": "One"},
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"employeeNumber": "1", "manager": {"value": "m1"}}})"));
}

TEST(EntraDefaultDialect, OneOperationForEachAttribute) {
  const json after = Apply(R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [
      {"op": "Replace", "path": "active", "value": "False"},
      {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "new@example.com"},
      {"op": "Add", "path": "emails[type eq \"other\"].value", "value": "other@example.com"},
      {"op": "Add", "path": "name.familyName", "value": "Test"},
      {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "SE"},
      {"op": "Add", "value": "Tour",
       "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"},
      {"op": "Add", "value": "m1",
       "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}]})",
                           Sample());
  EXPECT_EQ(after, json::parse(R"({
    "userName": "test1@example.com", "active": false, "displayName": "Test One",
    "emails": [{"value": "new@example.com", "type": "work", "primary": true},
               {"value": "other@example.com", "type": "other"}],
    "name": {"familyName": "Test"}, "addresses": [{"type": "work", "country": "SE"}],
    "roles": [{"value": "1", "primary": true}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"department": "Tour", "manager": {"value": "m1"}}})"));
}

TEST(EntraDefaultDialect, ManagerIsSetAndClearedInEveryShape) {
  const auto manager = [](const std::string& op, const std::string& value) {
    const json after =
        Apply((R"({"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      "Operations":[{"op":")" +
               op + R"(","value":)" + value +
               R"(,"path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}]})")
                  .c_str(),
              {{"userName", "a"}, {kEnterprise, {{"manager", {{"value", "m0"}}}}}});
    return after.is_object() && after.contains(kEnterprise) ? after[kEnterprise]["manager"]["value"]
           : after.is_object()                              ? json("none")
                                                            : after;
  };
  EXPECT_EQ(manager("Replace", R"("m1")"), "m1");
  EXPECT_EQ(manager("Add", R"({"value":"m1"})"), "m1");
  EXPECT_EQ(manager("Add", R"([{"$ref":"http://x/Users/m1","value":"m1"}])"), "m1");
  EXPECT_EQ(manager("Add", R"({"$ref":"../Users/m1"})"), "m1");
  EXPECT_EQ(manager("Replace", R"({"value":""})"), "none");
  EXPECT_EQ(manager("Replace", R"("")"), "none");
  EXPECT_EQ(manager("Replace", "null"), "none");
  EXPECT_EQ(manager("Remove", "null"), "none");
}

TEST(EntraDefaultDialect, RolesByPathAndAsJsonInAString) {
  const json by_path = Apply(R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "2"}]})",
                             Sample());
  EXPECT_EQ(by_path["roles"], json::parse(R"([{"value": "2", "primary": true}])"));
  const json in_text = Apply(R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "Replace", "path": "roles[primary eq \"True\"].value",
      "value": "{\"id\":\"06b0\",\"value\":\"25\",\"displayName\":\"Auditor\"}"}]})",
                             Sample());
  EXPECT_EQ(in_text["roles"],
            json::parse(R"([{"value": "25", "display": "Auditor", "primary": true}])"));
  const json added = Apply(R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "Add", "path": "roles",
      "value": [{"value": "{\"id\":\"06b0\",\"value\":\"25\",\"displayName\":\"Auditor\"}"}]}]})",
                           Sample());
  EXPECT_EQ(added["roles"][1], json::parse(R"({"value": "25", "display": "Auditor"})"));
}

TEST(EntraFlagDialect, APathlessReplaceWithDottedAndUrnKeys) {
  const json after = Apply(R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [
      {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "new@example.com"},
      {"op": "replace", "value": {
        "displayName": "New", "active": false, "name.givenName": "One", "name.familyName": "Test",
        "externalId": "x1",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "7",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager": "m1"}}]})",
                           Sample());
  EXPECT_EQ(after, json::parse(R"({
    "userName": "test1@example.com", "active": false, "displayName": "New", "externalId": "x1",
    "emails": [{"value": "new@example.com", "type": "work", "primary": true}],
    "name": {"givenName": "One", "familyName": "Test"}, "roles": [{"value": "1", "primary": true}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"employeeNumber": "7", "manager": {"value": "m1"}}})"));
}

TEST(EntraBothDialects, MembersAreRemovedAsListedNeverAll) {
  using Kind = MemberOperation::Kind;
  const auto by_default = ParsePatch(GroupSchema(), R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}]}]})");
  ASSERT_TRUE(by_default.ok());
  EXPECT_EQ(by_default->members[0].kind, Kind::kRemove);
  EXPECT_EQ(by_default->members[0].ids, std::vector<std::string>{"u1"});
  const auto by_flag = ParsePatch(GroupSchema(), R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "remove", "path": "members[value eq \"u1\"]"}]})");
  ASSERT_TRUE(by_flag.ok());
  EXPECT_EQ(by_flag->members[0].kind, Kind::kRemove);
  EXPECT_EQ(by_flag->members[0].ids, std::vector<std::string>{"u1"});
  const auto nobody = ParsePatch(GroupSchema(), R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "Remove", "path": "members", "value": []}]})");
  ASSERT_TRUE(nobody.ok());
  EXPECT_EQ(nobody->members[0].kind, Kind::kRemove);
  EXPECT_TRUE(nobody->members[0].ids.empty());
}

TEST(Okta, PostWithPasswordAndGroups) {
  const auto input = ParseResource(UserSchema(), R"({
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "test.user@example.com", "name": {"givenName": "Test", "familyName": "User"},
    "emails": [{"primary": true, "value": "test.user@example.com", "type": "work"}],
    "displayName": "Test User", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [], "password": "1mz050nq", "active": true})");
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->attributes.size(), 7u);
  EXPECT_EQ(input->attributes_text.find("1mz050nq"), std::string::npos);
}

TEST(Okta, ActiveByAPathlessReplace) {
  EXPECT_EQ(Apply(R"({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "value": {"active": false}}]})",
                  Sample())["active"],
            false);
}

TEST(Okta, GroupPushRepeatsTheGroupsOwnId) {
  const auto request = ParsePatch(GroupSchema(), R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "value": {"id": "g1", "displayName": "Guides"}}]})");
  ASSERT_TRUE(request.ok());
  json attributes = {{"displayName", "Old"}};
  ASSERT_TRUE(ApplyPatch(*request, "g1", &attributes).ok());
  EXPECT_EQ(attributes["displayName"], "Guides");
  EXPECT_EQ(Refusal(ApplyPatch(*request, "g2", &attributes)), "400 mutability");
}

}  // namespace
}  // namespace purser::scim
