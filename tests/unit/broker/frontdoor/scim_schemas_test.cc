// A directory's own schemas: validated, discovered, filtered, sorted and patched as the standard
// ones.
#include "absl/strings/ascii.h"
#include "tests/unit/broker/frontdoor/scim_rig.h"
#include "tests/unit/broker/scim/own_schemas.h"

namespace purser {
namespace {

using scim::kHrUrn;
using scim::kTeamUrn;

class ScimSchemas : public ScimRig {
 protected:
  ScimSchemas() { schemas_ = scim::SchemasOf(directory_with_schemas_); }

  void Configure(const std::function<void(config::v1::Schema*)>& change) {
    change(directory_with_schemas_.mutable_schemas(0));
    schemas_ = scim::SchemasOf(directory_with_schemas_);
  }
  Answer PostHr(const std::string& name, const json& hr) {
    return Call("POST", "/Users", UserBody(name, {{kHrUrn, hr}}));
  }
  std::string CreateHr(const std::string& name, const json& hr) {
    return CreateUser(name, {{kHrUrn, hr}});
  }
  json Hr(const std::string& id) { return Get("/Users/" + id).Json().value(kHrUrn, json()); }
  std::vector<std::string> Names(const Pairs& query) {
    const Answer listed = List("/Users", query);
    EXPECT_EQ(listed.status, 200) << listed.body;
    std::vector<std::string> names;
    const json body = listed.Json();
    for (const json& user : body["Resources"]) names.push_back(user["userName"]);
    return names;
  }
  static std::string Path(const std::string& name) { return absl::StrCat(kHrUrn, ":", name); }

  config::v1::Directory directory_with_schemas_ = scim::DirectoryWithSchemas();
};

using Users = std::vector<std::string>;

TEST_F(ScimSchemas, AnExtensionIsDiscoveredAsItIsConfigured) {
  const json schema = Get(absl::StrCat("/Schemas/", kHrUrn)).Json();
  EXPECT_EQ(schema["name"], "Personnel");
  EXPECT_EQ(schema["id"], kHrUrn);
  const json code = {{"name", "costCode"},        {"type", "string"},      {"multiValued", false},
                     {"description", ""},         {"required", false},     {"caseExact", true},
                     {"mutability", "readWrite"}, {"returned", "default"}, {"uniqueness", "none"},
                     {"canonicalValues", {"A1"}}};
  EXPECT_EQ(schema["attributes"][0], code);
  std::map<std::string, json> by_name;
  for (const json& attribute : schema["attributes"]) by_name[attribute["name"]] = attribute;
  EXPECT_EQ(by_name["hired"]["type"], "dateTime");
  EXPECT_EQ(by_name["badge"]["mutability"], "immutable");
  EXPECT_EQ(by_name["pin"]["returned"], "never");
  EXPECT_EQ(by_name["notes"]["returned"], "request");
  EXPECT_EQ(by_name["parking"]["subAttributes"].size(), 3u);
  const json type = Get("/ResourceTypes/User").Json();
  EXPECT_EQ(type["schemaExtensions"][1], json({{"schema", kHrUrn}, {"required", false}}));
  EXPECT_EQ(Get("/Schemas").Json()["totalResults"], 5);
  EXPECT_EQ(Get("/ResourceTypes/Group").Json()["schemaExtensions"][0]["schema"], kTeamUrn);
}

TEST_F(ScimSchemas, AnExtensionIsValidatedAsTheStandardSchemasAre) {
  const std::string id = CreateHr("ada", {{"COSTCODE", "A1"},
                                          {"remote", "True"},
                                          {"floor", 3},
                                          {"skills", {"C++", "SQL"}},
                                          {"pin", "1234"},
                                          {"frozen", "ignored"},
                                          {"unheardOf", 1}});
  EXPECT_EQ(Hr(id),
            json({{"costCode", "A1"}, {"remote", true}, {"floor", 3}, {"skills", {"C++", "SQL"}}}));
  const json schemas = Get("/Users/" + id).Json()["schemas"];
  EXPECT_EQ(schemas, json::array({kUserUrn, kHrUrn}));
  for (const json& wrong :
       {json({{"floor", "three"}}), json({{"hired", "yesterday"}}), json({{"skills", "C++"}}),
        json({{"remote", 1}}), json({{"key", "%"}}), json({{"parking", "lot 1"}}),
        json({{"devices", {{{"value", "a"}, {"primary", true}}, {{"primary", true}}}}})}) {
    const Answer refused = PostHr("eve", wrong);
    EXPECT_EQ(refused.status, 400) << wrong;
    EXPECT_EQ(refused.scim_type(), "invalidValue") << wrong;
  }
  EXPECT_EQ(PostHr("eve", {{"floor", "three"}}).Json()["detail"],
            "attribute \"floor\" must be an integer");
}

TEST_F(ScimSchemas, AUrnPathIsFoundInAnyCase) {
  const std::string id = CreateHr("ada", {{"costCode", "A1"}});
  const std::string loud = absl::AsciiStrToUpper(Path("costCode"));
  EXPECT_EQ(Patch("/Users/" + id, {{"op", "replace"}, {"path", loud}, {"value", "B2"}}).status,
            200);
  EXPECT_EQ(Hr(id)["costCode"], "B2");
  EXPECT_EQ(Names({{"filter", loud + " eq \"B2\""}}), (Users{"ada"}));
  // Its URN alone names the whole extension, in a body without a path too.
  EXPECT_EQ(Patch("/Users/" + id,
                  {{"op", "add"}, {"value", {{absl::AsciiStrToUpper(kHrUrn), {{"floor", 2}}}}}})
                .status,
            200);
  EXPECT_EQ(Hr(id), json({{"costCode", "B2"}, {"floor", 2}}));
  EXPECT_EQ(Patch("/Users/" + id, {{"op", "remove"}, {"path", kHrUrn}}).status, 200);
  EXPECT_EQ(Get("/Users/" + id).Json()["schemas"], json::array({kUserUrn}));
}

TEST_F(ScimSchemas, FiltersSortsAndProjectionsReadThem) {
  CreateHr("ada", {{"costCode", "b"}, {"floor", 10}, {"hired", "2024-01-01T00:00:00Z"}});
  CreateHr("bob", {{"costCode", "B"}, {"floor", 9}, {"skills", {"SQL"}}});
  CreateHr("cid", {{"devices", {{{"value", "x"}, {"type", "phone"}}, {{"value", "y"}}}}});
  CreateUser("dan");
  EXPECT_EQ(Names({{"filter", Path("costCode") + " eq \"B\""}}), (Users{"bob"})) << "caseExact";
  EXPECT_EQ(Names({{"filter", Path("floor") + " gt 9"}}), (Users{"ada"})) << "as numbers";
  EXPECT_EQ(Names({{"filter", Path("hired") + " eq \"2024-01-01T01:00:00+01:00\""}}),
            (Users{"ada"}));
  EXPECT_EQ(Names({{"filter", Path("skills") + " eq \"sql\""}}), (Users{"bob"}));
  EXPECT_EQ(Names({{"filter", Path("skills") + "[value eq \"sql\"]"}}), (Users{"bob"}));
  EXPECT_EQ(Names({{"filter", Path("devices") + "[type eq \"phone\" and value eq \"y\"]"}}),
            Users());
  EXPECT_EQ(Names({{"filter", Path("devices.type") + " pr"}}), (Users{"cid"}));
  EXPECT_EQ(Names({{"filter", absl::StrCat("schemas eq \"", kHrUrn, "\"")}}),
            (Users{"ada", "bob", "cid"}));
  EXPECT_EQ(Names({{"filter", "costCode pr"}}), (Users{"ada", "bob"}))
      << "a bare name, if no other";
  EXPECT_EQ(Names({{"sortBy", Path("floor")}}), (Users{"bob", "ada", "cid", "dan"}));
  EXPECT_EQ(Names({{"sortBy", Path("skills")}, {"sortOrder", "descending"}}).back(), "bob");
  const json one = List("/Users", {{"attributes", Path("floor")}, {"count", "1"}}).Json();
  EXPECT_EQ(one["Resources"][0][kHrUrn], json({{"floor", 10}}));
  const json other = List("/Users", {{"excludedAttributes", Path("floor")}, {"count", "1"}}).Json();
  EXPECT_FALSE(other["Resources"][0][kHrUrn].contains("floor"));
}

TEST_F(ScimSchemas, WhatIsReturnedOnRequestIsShownToWhoSetsItAndToWhoAsks) {
  const Answer created = PostHr("ada", {{"notes", "tall"}, {"floor", 1}});
  EXPECT_EQ(created.Json()[kHrUrn]["notes"], "tall");
  const std::string path = "/Users/" + created.id();
  EXPECT_EQ(Hr(created.id()), json({{"floor", 1}}));
  EXPECT_FALSE(List("/Users", {{"excludedAttributes", "title"}})
                   .Json()["Resources"][0][kHrUrn]
                   .contains("notes"));
  EXPECT_EQ(Get(path, {}, {{"attributes", Path("notes")}}).Json()[kHrUrn]["notes"], "tall");
  const json set = {{"op", "replace"}, {"path", Path("notes")}, {"value", "taller"}};
  EXPECT_EQ(Patch(path, set).Json()[kHrUrn]["notes"], "taller");
  EXPECT_FALSE(Patch(path, {{"op", "add"}, {"path", "title"}, {"value", "Dr"}})
                   .Json()[kHrUrn]
                   .contains("notes"));
  const json parking = {{"lot", "P1"}, {"history", "P2"}};
  EXPECT_EQ(Patch(path, {{"op", "add"}, {"path", Path("parking")}, {"value", parking}})
                .Json()[kHrUrn]["parking"],
            parking);
  EXPECT_EQ(Hr(created.id())["parking"], json({{"lot", "P1"}}));
}

TEST_F(ScimSchemas, WhatIsNeverReturnedIsKeptAndNotShownOrFiltered) {
  const Answer created = PostHr("ada", {{"secret", "s3"}, {"pin", "1234"}});
  EXPECT_EQ(created.body.find("s3"), std::string::npos);
  const std::string path = "/Users/" + created.id();
  EXPECT_EQ(Get(path, {}, {{"attributes", Path("secret")}}).body.find("s3"), std::string::npos);
  EXPECT_EQ(List("/Users", {{"filter", Path("secret") + " eq \"s3\""}}).scim_type(),
            "invalidFilter");
  const auto stored = *(*directory_->readers().Take())->Find(event::v1::USER, created.id());
  EXPECT_EQ(stored->attributes[kHrUrn], json({{"secret", "s3"}}))
      << "what is written only is dropped";
}

TEST_F(ScimSchemas, AnImmutableValueIsSetOnce) {
  const std::string id = CreateHr("ada", {{"floor", 1}});
  const std::string path = "/Users/" + id;
  const auto patch = [&](const char* op, const json& value) {
    json operation = {{"op", op}, {"path", Path("badge")}};
    if (!value.is_null()) operation["value"] = value;
    const Answer answer = Patch(path, operation);
    return absl::StrCat(answer.status, " ", answer.scim_type());
  };
  EXPECT_EQ(patch("add", "B7"), "200 ");
  EXPECT_EQ(patch("replace", "B7"), "200 ") << "the same again";
  EXPECT_EQ(patch("replace", "B8"), "400 mutability");
  EXPECT_EQ(patch("remove", nullptr), "400 mutability");
  EXPECT_EQ(Patch(path, {{"op", "remove"}, {"path", kHrUrn}}).scim_type(), "mutability");
  const auto put = [&](const json& hr) {
    return Call("PUT", path, UserBody("ada", {{kHrUrn, hr}}));
  };
  EXPECT_EQ(put({{"badge", "B8"}}).scim_type(), "mutability");
  EXPECT_EQ(put({{"badge", "B7"}, {"floor", 2}}).status, 200);
  EXPECT_EQ(Call("PUT", path, UserBody("ada")).status, 200);
  EXPECT_EQ(Hr(id), json({{"badge", "B7"}})) << "left out, it stays";
}

TEST_F(ScimSchemas, WhatIsRequiredIsAskedForWhereItsExtensionIs) {
  const auto group = [&](const json& team) {
    json body = {{"schemas", {kGroupUrn}}, {"displayName", "all"}};
    if (!team.is_null()) body[kTeamUrn] = team;
    return Call("POST", "/Groups", body.dump());
  };
  EXPECT_EQ(group(nullptr).status, 201);
  EXPECT_EQ(group({{"members", "x"}}).Json()["detail"], "attribute \"budget\" is required");
  const Answer made = group({{"budget", 1.5}, {"members", "its own, not the group's"}});
  EXPECT_EQ(made.Json()[kTeamUrn]["members"], "its own, not the group's");
  EXPECT_FALSE(made.Json().contains("members"));
  const std::string path = "/Groups/" + made.id();
  const std::string budget = absl::StrCat(kTeamUrn, ":budget");
  EXPECT_EQ(Patch(path, {{"op", "remove"}, {"path", budget}}).scim_type(), "mutability");
  EXPECT_EQ(Patch(path, {{"op", "remove"}, {"path", kTeamUrn}}).status, 200);
  EXPECT_EQ(
      Patch(path, {{"op", "add"}, {"path", absl::StrCat(kTeamUrn, ":members")}, {"value", "x"}})
          .scim_type(),
      "invalidValue");
}

TEST_F(ScimSchemas, ARequiredExtensionIsAskedForButDoesNotLockWhatIsOlder) {
  const std::string old = CreateUser("old");
  Configure([](config::v1::Schema* hr) {
    hr->set_required(true);
    hr->mutable_attributes(0)->set_required(true);
  });
  EXPECT_EQ(Get("/ResourceTypes/User").Json()["schemaExtensions"][1]["required"], true);
  EXPECT_EQ(Call("POST", "/Users", UserBody("eve")).scim_type(), "invalidValue");
  EXPECT_EQ(PostHr("eve", {{"floor", 1}}).scim_type(), "invalidValue");
  const std::string id = CreateHr("eve", {{"costCode", "A1"}});
  EXPECT_EQ(Patch("/Users/" + id, {{"op", "remove"}, {"path", kHrUrn}}).scim_type(), "mutability");
  const json disable = {{"op", "replace"}, {"path", "active"}, {"value", false}};
  EXPECT_EQ(Patch("/Users/" + old, disable).Json()["active"], false)
      << "who leaves can be disabled";
  EXPECT_EQ(Call("PUT", "/Users/" + old, UserBody("old")).scim_type(), "invalidValue");
}

TEST_F(ScimSchemas, OneOfSeveralSimpleValuesIsRemovedByItself) {
  const std::string id = CreateHr("ada", {{"skills", {"a", "b", "c"}}});
  const std::string path = "/Users/" + id;
  EXPECT_EQ(Patch(path, {{"op", "remove"}, {"path", Path("skills[value eq \"B\"]")}}).status, 200);
  EXPECT_EQ(Hr(id)["skills"], json({"a", "c"}));
  EXPECT_EQ(Patch(path, {{"op", "remove"}, {"path", Path("skills")}, {"value", {"c"}}}).status,
            200);
  EXPECT_EQ(Patch(path, {{"op", "add"}, {"path", Path("skills")}, {"value", "d"}}).status, 200);
  const json one = {{"op", "add"}, {"path", Path("skills[value eq \"d\"]")}, {"value", "e"}};
  EXPECT_EQ(Patch(path, one).status, 200);
  EXPECT_EQ(Hr(id)["skills"], json({"a", "e"}));
  EXPECT_EQ(
      Patch(path, {{"op", "replace"}, {"path", Path("skills[value eq \"z\"]")}, {"value", "e"}})
          .scim_type(),
      "noTarget");
}

TEST_F(ScimSchemas, WhatADroppedSchemaHeldIsKeptAndNoLongerShown) {
  const std::string id = CreateHr("ada", {{"costCode", "A1"}});
  const auto with = schemas_;
  schemas_ = scim::StandardSchemas();
  EXPECT_EQ(Hr(id), json());
  EXPECT_EQ(Get("/Users/" + id).Json()["schemas"], json::array({kUserUrn}));
  EXPECT_EQ(Names({{"filter", Path("costCode") + " pr"}}), Users());
  EXPECT_EQ(Patch("/Users/" + id, {{"op", "add"}, {"path", "title"}, {"value", "Dr"}}).status, 200);
  EXPECT_EQ(
      Patch("/Users/" + id, {{"op", "add"}, {"path", Path("floor")}, {"value", 1}}).scim_type(),
      "invalidPath");
  schemas_ = with;
  EXPECT_EQ(Hr(id), json({{"costCode", "A1"}}));
}

TEST_F(ScimSchemas, AValueOfAnotherTypeThanTheAttributeHasNowIsNotShownAndCanBeReplaced) {
  const std::string id = CreateHr("ada", {{"costCode", "A1"}, {"skills", {"a"}}, {"floor", 1}});
  Configure([](config::v1::Schema* hr) {
    for (auto& attribute : *hr->mutable_attributes()) {
      if (attribute.name() == "costCode") attribute.set_multi_valued(true);
      if (attribute.name() != "skills") continue;
      attribute.set_type(config::v1::SchemaAttribute::COMPLEX);
      attribute.add_sub_attributes()->set_name("value");
    }
  });
  EXPECT_EQ(Hr(id), json({{"floor", 1}}));
  const std::string path = "/Users/" + id;
  const auto patch = [&](const json& operation) { return Patch(path, operation).status; };
  EXPECT_EQ(
      patch({{"op", "replace"}, {"path", Path("skills[value ne \"z\"].value")}, {"value", "b"}}),
      400);
  EXPECT_EQ(patch({{"op", "add"}, {"path", Path("skills.value")}, {"value", "b"}}), 200);
  EXPECT_EQ(patch({{"op", "add"}, {"path", Path("costCode")}, {"value", "B2"}}), 200);
  EXPECT_EQ(Hr(id), json({{"costCode", {"B2"}}, {"floor", 1}, {"skills", {{{"value", "b"}}}}}));
}

TEST_F(ScimSchemas, BulkTakesThemToo) {
  const json post = {{"method", "POST"},
                     {"path", "/Users"},
                     {"bulkId", "1"},
                     {"data", json::parse(UserBody("ada", {{kHrUrn, {{"floor", 4}}}}))}};
  const json body = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}},
                     {"Operations", {post}}};
  EXPECT_EQ(Call("POST", "/Bulk", body.dump()).Json()["Operations"][0]["status"], "201");
  EXPECT_EQ(Names({{"filter", Path("floor") + " eq 4"}}), (Users{"ada"}));
}

}  // namespace
}  // namespace purser
