#include "broker/scim/render.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace purser::scim {
namespace {

using nlohmann::json;

constexpr char kBase[] = "https://id.example.com/scim/v2";
const std::string kEnterprise(kEnterpriseUrn);

Resource Barbara() {
  Resource user;
  user.id = "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f";
  user.version = 42;
  user.created = absl::FromUnixMillis(1'800'000'000'123);
  user.last_modified = user.created + absl::Seconds(1);
  user.attributes = json::parse(R"({
    "userName": "bjensen", "externalId": "701984", "active": false,
    "name": {"familyName": "Jensen", "givenName": "Barbara \"B\""},
    "emails": [{"value": "bj@work.example", "type": "work"}, {"value": "b@home.example"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"department": "Tour", "manager": {"value": "0192f0c1-0000-7000-8000-000000000001"}}})");
  return user;
}

json RenderedView(const ResourceSchema& schema, const ResourceView& view,
                  const Projection& projection = {}) {
  const auto text =
      RenderResource(schema, view, view.resource->attributes.dump(), kBase, projection);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? json::parse(*text) : json();
}

json Rendered(const Projection& projection = {}) {
  const Resource user = Barbara();
  const std::vector<Reference> groups = {{"g1", event::v1::GROUP, "Guides", true},
                                         {"g2", event::v1::GROUP, "", false}};
  return RenderedView(UserSchema(), {&user, &groups}, projection);
}

std::vector<std::string> Names(const json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

TEST(ScimPromise34, AResourceIsRenderedWholeWithAnAbsoluteLocation) {
  EXPECT_EQ(Rendered(), json::parse(R"({
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "id": "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f",
    "userName": "bjensen", "externalId": "701984", "active": false,
    "name": {"familyName": "Jensen", "givenName": "Barbara \"B\""},
    "emails": [{"value": "bj@work.example", "type": "work"}, {"value": "b@home.example"}],
    "groups": [
      {"value": "g1", "$ref": "https://id.example.com/scim/v2/Groups/g1", "type": "direct",
       "display": "Guides"},
      {"value": "g2", "$ref": "https://id.example.com/scim/v2/Groups/g2", "type": "indirect"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
      "department": "Tour",
      "manager": {
        "value": "0192f0c1-0000-7000-8000-000000000001",
        "$ref": "https://id.example.com/scim/v2/Users/0192f0c1-0000-7000-8000-000000000001"}},
    "meta": {
      "resourceType": "User", "created": "2027-01-15T08:00:00.123Z",
      "lastModified": "2027-01-15T08:00:01.123Z",
      "location": "https://id.example.com/scim/v2/Users/0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f",
      "version": "W/\"42\""}})"));
}

TEST(ScimPromise28, MetaVersionIsTheEntityTag) {
  EXPECT_EQ(Rendered()["meta"]["version"], EntityTag(42));
}

TEST(ScimPromise26, AttributesNamesWhatIsInTheAnswerWithIdAndSchemas) {
  EXPECT_EQ(Names(Rendered(Projection::Only(UserSchema(), "USERNAME, name.givenname,nope"))),
            (std::vector<std::string>{"id", "name", "schemas", "userName"}));
  const json projected = Rendered(
      Projection::Only(UserSchema(),
                       "name.givenName,emails.value,meta.version,"
                       "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"));
  EXPECT_EQ(projected["name"], json({{"givenName", "Barbara \"B\""}}));
  EXPECT_EQ(projected["emails"][0], json({{"value", "bj@work.example"}}));
  EXPECT_EQ(projected["meta"], json({{"version", "W/\"42\""}}));
  EXPECT_EQ(Names(projected[kEnterprise]), std::vector<std::string>{"manager"});
  EXPECT_EQ(Names(Rendered(Projection::Only(UserSchema(), "nope"))),
            (std::vector<std::string>{"id", "schemas"}));
  EXPECT_TRUE(
      Rendered(Projection::Only(UserSchema(), kEnterpriseUrn))[kEnterprise].contains("department"));
}

TEST(ScimPromise26, ExcludedAttributesAreLeftOutButNeverIdAndSchemas) {
  const json projected = Rendered(
      Projection::Except(UserSchema(),
                         "id,schemas,emails,groups,name.familyName,meta,"
                         "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"));
  EXPECT_EQ(Names(projected), (std::vector<std::string>{"active", "externalId", "id", "name",
                                                        "schemas", kEnterprise, "userName"}));
  EXPECT_EQ(Names(projected["name"]), std::vector<std::string>{"givenName"});
  EXPECT_EQ(Names(projected[kEnterprise]), std::vector<std::string>{"manager"});
  EXPECT_FALSE(Rendered(Projection::Except(UserSchema(), kEnterpriseUrn)).contains(kEnterprise));
}

TEST(ScimPromise35, ExcludedMembersNeedNotBeRead) {
  EXPECT_FALSE(Projection::Except(GroupSchema(), "members").IncludesReferences(GroupSchema()));
  EXPECT_FALSE(Projection::Only(GroupSchema(), "displayName").IncludesReferences(GroupSchema()));
  EXPECT_TRUE(Projection().IncludesReferences(GroupSchema()));
  EXPECT_TRUE(Projection::Only(GroupSchema(), "members.value").IncludesReferences(GroupSchema()));
}

TEST(ScimPromise35, AGroupIsRenderedWithItsMembers) {
  Resource group;
  group.type = event::v1::GROUP;
  group.id = "g1";
  group.attributes = {{"displayName", "Guides"}};
  const std::vector<Reference> members = {{"u1", event::v1::USER, "Barbara"},
                                          {"g2", event::v1::GROUP}};
  const ResourceView view{&group, nullptr, &members};
  const json body = RenderedView(GroupSchema(), view);
  EXPECT_EQ(body["members"], json::parse(R"([
    {"value": "u1", "$ref": "https://id.example.com/scim/v2/Users/u1", "type": "User",
     "display": "Barbara"},
    {"value": "g2", "$ref": "https://id.example.com/scim/v2/Groups/g2", "type": "Group"}])"));
  EXPECT_EQ(body["meta"]["resourceType"], "Group");
  const auto except = Projection::Except(GroupSchema(), "members");
  EXPECT_FALSE(RenderedView(GroupSchema(), view, except).contains("members"));
  const auto only = Projection::Only(GroupSchema(), "members.value");
  EXPECT_EQ(RenderedView(GroupSchema(), view, only)["members"][0], json({{"value", "u1"}}));
}

TEST(ScimPromise15, WhatIsUnassignedIsNotEmitted) {
  Resource user;
  user.attributes = {{"userName", "a"}};
  const std::vector<Reference> none;
  const json body = RenderedView(UserSchema(), {&user, &none});
  EXPECT_EQ(Names(body), (std::vector<std::string>{"id", "meta", "schemas", "userName"}));
}

// What a schema that has changed since would not take is not shown; what it takes is as it is
// stored.
TEST(ScimPromise34, WhatNoLongerFitsTheSchemaIsLeftOut) {
  Resource user;
  user.id = "u1";
  const auto rendered = [&](const std::string& attributes) {
    const auto text = RenderResource(UserSchema(), {&user}, attributes, kBase);
    EXPECT_TRUE(text.ok()) << text.status();
    json body = text.ok() ? json::parse(*text) : json();
    for (const char* name : {"id", "meta", "schemas"}) body.erase(name);
    return body.dump();
  };
  EXPECT_EQ(rendered(R"({"active":"yes","name":"x","title":7,"userName":"a"})"),
            R"({"userName":"a"})");
  EXPECT_EQ(rendered(R"({"emails":["a@b"],"phoneNumbers":{"value":"1"},"userName":"a"})"),
            R"({"userName":"a"})");
  EXPECT_EQ(rendered(R"({"emails":[{"primary":1,"shoe":"9","value":"a@b"}],"userName":"a"})"),
            R"({"emails":[{"value":"a@b"}],"userName":"a"})");
  EXPECT_EQ(rendered(R"({"active":true,"displayName":"\"}]\\\u00e9","userName":"a"})"),
            R"({"active":true,"displayName":"\"}]\\é","userName":"a"})");
  EXPECT_EQ(rendered(R"( { "name" : { "givenName" : "B" } , "userName" : "a" } )"),
            R"({"name":{"givenName":"B"},"userName":"a"})");
}

TEST(ScimPromise34, AttributesThatAreNotJsonAreNoAnswer) {
  Resource user;
  user.id = "u1";
  for (const char* text : {"", "[]", "{", R"({"userName":"a")", R"({"name":{"givenName"},"a":1})",
                           R"({"userName":"a"} )"
                           "x"}) {
    const auto rendered = RenderResource(UserSchema(), {&user}, text, kBase);
    EXPECT_TRUE(absl::IsDataLoss(rendered.status())) << text << ": " << rendered.status();
  }
}

TEST(ScimPromise24, AListTellsHowManyItHolds) {
  const json list = json::parse(RenderList(7, 3, {R"({"id":"a"})", R"({"id":"b"})"}));
  EXPECT_EQ(list, json::parse(R"({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    "totalResults": 7, "startIndex": 3, "itemsPerPage": 2,
    "Resources": [{"id": "a"}, {"id": "b"}]})"));
  EXPECT_EQ(json::parse(RenderList(7, 9, {}))["Resources"], json::array());
}

}  // namespace
}  // namespace purser::scim
