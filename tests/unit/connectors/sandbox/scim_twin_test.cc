#include "connectors/sandbox/scim_twin.h"

#include <gtest/gtest.h>

#include "tests/unit/connectors/sandbox/twin_testing.h"

namespace purser::sandbox {
namespace {

std::string CreateUser(ScimDesk& desk, const json& user) {
  const http::Response created = desk.Ask("POST", "/Users", user);
  EXPECT_EQ(created.status, 201) << created.body;
  return BodyOf(created).value("id", "");
}

TEST(ScimTwin, ACreatedUserIsFoundByNameInAnyCaseAndById) {
  ScimDesk desk(RecniceProfile());
  const http::Response created = desk.Ask("POST", "/Users", RecniceUser("ada@example.com"));
  ASSERT_EQ(created.status, 201);
  const std::string id = BodyOf(created)["id"];
  EXPECT_EQ(BodyOf(created)["meta"]["location"], "http://127.0.0.1:8090/recnice/scim/Users/" + id);
  const json found = BodyOf(desk.Ask("GET", "/Users?filter=userName eq \"ADA@example.com\""));
  EXPECT_EQ(found["totalResults"], 1);
  EXPECT_EQ(found["Resources"][0]["id"], id);
  EXPECT_EQ(BodyOf(desk.Ask("GET", "/Users/" + id))["userName"], "ada@example.com");
}

TEST(ScimTwin, ASearchForNobodyAnswersAnEmptyList) {
  ScimDesk desk(PreciateProfile());
  const http::Response answer = desk.Ask("GET", "/Users?filter=userName eq \"nobody\"");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/scim+json");
  EXPECT_EQ(BodyOf(answer)["totalResults"], 0);
}

TEST(ScimTwin, EveryAttributeTheTableRequiresIsRequired) {
  ScimDesk desk(RecniceProfile());
  for (const char* name : {"userName", "active", "displayName", "title", "emails", "name", "roles",
                           "preferredLanguage", "addresses", "externalId", kEnterpriseUrn}) {
    json user = RecniceUser("ada@example.com");
    user.erase(name);
    const http::Response refused = desk.Ask("POST", "/Users", user);
    EXPECT_EQ(refused.status, 400) << name;
    EXPECT_EQ(BodyOf(refused)["status"], "400");
    EXPECT_EQ(BodyOf(refused)["scimType"], "invalidValue");
  }
  EXPECT_TRUE(desk.twin.State()["users"].empty());
}

TEST(ScimTwin, ATakenUserNameIsAConflictInAnyCase) {
  ScimDesk desk(PreciateProfile());
  CreateUser(desk, {{"userName", "ada"}});
  const http::Response refused = desk.Ask("POST", "/Users", {{"userName", "ADA"}});
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(BodyOf(refused)["scimType"], "uniqueness");
}

TEST(ScimTwin, WhatTheApplicationDoesNotKnowIsNotStored) {
  ScimDesk desk(PreciateProfile());
  json user = RecniceUser("ada@example.com");
  user["password"] = "x";
  const std::string id = CreateUser(desk, user);
  const json stored = BodyOf(desk.Ask("GET", "/Users/" + id));
  EXPECT_FALSE(stored.contains("emails"));
  EXPECT_FALSE(stored.contains("password"));
  EXPECT_EQ(stored[kEnterpriseUrn]["department"], "Engines");
}

TEST(ScimTwin, OnlyTheMatchingAttributeCanBeFiltered) {
  ScimDesk desk(RecniceProfile());
  const http::Response refused = desk.Ask("GET", "/Users?filter=externalId eq \"1\"");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(BodyOf(refused)["scimType"], "invalidFilter");
}

TEST(ScimTwin, PatchSpeaksBothDialects) {
  ScimDesk desk(RecniceProfile());
  const std::string id = CreateUser(desk, RecniceUser("ada@example.com"));
  const std::string department = std::string(kEnterpriseUrn) + ":department";
  http::Response patched = desk.Ask(
      "PATCH", "/Users/" + id,
      PatchOf({{{"op", "Replace"}, {"path", "active"}, {"value", "False"}},
               {{"op", "Replace"}, {"path", "emails[type eq \"work\"].value"}, {"value", "new@x"}},
               {{"op", "Add"}, {"path", department}, {"value", "Looms"}}}));
  ASSERT_EQ(patched.status, 200) << patched.body;
  EXPECT_EQ(BodyOf(patched)["active"], false);
  EXPECT_EQ(BodyOf(patched)["emails"][0]["value"], "new@x");
  EXPECT_EQ(BodyOf(patched)[kEnterpriseUrn]["department"], "Looms");
  patched = desk.Ask(
      "PATCH", "/Users/" + id,
      PatchOf(
          {{{"op", "replace"},
            {"value", {{"active", true}, {"name.givenName", "Augusta"}, {department, "Mills"}}}}}));
  ASSERT_EQ(patched.status, 200);
  EXPECT_EQ(BodyOf(patched)["active"], true);
  EXPECT_EQ(BodyOf(patched)["name"]["givenName"], "Augusta");
  EXPECT_EQ(BodyOf(patched)["name"]["familyName"], "Byron");
  EXPECT_EQ(BodyOf(patched)[kEnterpriseUrn]["department"], "Mills");
}

TEST(ScimTwin, AFailingOperationLeavesTheUserUnchanged) {
  ScimDesk desk(RecniceProfile());
  const std::string id = CreateUser(desk, RecniceUser("ada@example.com"));
  const json before = desk.twin.State();
  for (const json& operation :
       {json{{"op", "replace"}, {"path", "shoeSize"}, {"value", "9"}},
        json{{"op", "remove"}, {"path", "title"}}, json{{"op", "remove"}},
        json{{"op", "replace"}, {"path", "id"}, {"value", "9"}},
        json{{"op", "replace"}, {"path", "emails[type eq \"home\"].value"}, {"value", "9"}},
        json{{"op", "jump"}, {"path", "title"}, {"value", "9"}},
        json{{"op", "replace"}, {"path", "active"}, {"value", 9}}}) {
    const http::Response refused = desk.Ask(
        "PATCH", "/Users/" + id,
        PatchOf({{{"op", "replace"}, {"path", "displayName"}, {"value", "Other"}}, operation}));
    EXPECT_EQ(refused.status, 400) << operation;
  }
  EXPECT_EQ(desk.twin.State(), before);
}

TEST(ScimTwin, APatchThatChangesNothingKeepsTheVersion) {
  ScimDesk desk(RecniceProfile());
  const std::string id = CreateUser(desk, RecniceUser("ada@example.com"));
  const json before = desk.twin.State();
  desk.clock.Advance(absl::Seconds(5));
  desk.Ask("PATCH", "/Users/" + id,
           PatchOf({{{"op", "replace"}, {"path", "title"}, {"value", "Analyst"}}}));
  EXPECT_EQ(desk.twin.State(), before);
}

TEST(ScimTwin, AStaleEntityTagIsRefused) {
  ScimDesk desk(RecniceProfile());
  const std::string id = CreateUser(desk, RecniceUser("ada@example.com"));
  http::Request request = MakeRequest("DELETE", desk.Url("/Users/" + id));
  request.headers.emplace_back("If-Match", "W/\"7\"");
  EXPECT_EQ(desk.Send(request).status, 412);
  request.headers.back().second = "W/\"1\"";
  EXPECT_EQ(desk.Send(request).status, 204);
}

TEST(ScimTwin, PutClearsWhatItLeavesOutAndNeverCreates) {
  ScimDesk desk(PreciateProfile());
  const std::string id = CreateUser(desk, {{"userName", "ada"}, {"title", "Analyst"}});
  EXPECT_EQ(desk.Ask("PUT", "/Users/" + id, {{"userName", "ada"}}).status, 200);
  EXPECT_FALSE(BodyOf(desk.Ask("GET", "/Users/" + id)).contains("title"));
  EXPECT_EQ(desk.Ask("PUT", "/Users/77", {{"userName", "bob"}}).status, 404);
}

TEST(ScimTwin, ADeletedUserIsGoneAndTheNameIsFree) {
  ScimDesk desk(RecniceProfile());
  const std::string id = CreateUser(desk, RecniceUser("ada@example.com"));
  CreateUser(desk, RecniceUser("bob@example.com"));
  const json group = {{"displayName", "All"}, {"members", {{{"value", id}}}}};
  ASSERT_EQ(desk.Ask("POST", "/Groups", group).status, 201);
  EXPECT_EQ(desk.Ask("DELETE", "/Users/" + id).status, 204);
  EXPECT_EQ(desk.Ask("GET", "/Users/" + id).status, 404);
  EXPECT_EQ(desk.Ask("DELETE", "/Users/" + id).status, 404);
  EXPECT_TRUE(desk.twin.State()["groups"][0]["members"].empty());
  EXPECT_NE(CreateUser(desk, RecniceUser("ada@example.com")), id);
}

TEST(ScimTwin, DeleteCanBeNotOffered) {
  ScimDesk desk(PreciateProfile());
  const std::string id = CreateUser(desk, {{"userName", "ada"}});
  ASSERT_TRUE(desk.twin.Configure({{"delete_status", 405}}).ok());
  EXPECT_EQ(desk.Ask("DELETE", "/Users/" + id).status, 405);
  EXPECT_EQ(desk.twin.State()["users"].size(), 1u);
  EXPECT_FALSE(desk.twin.Configure({{"delete_statsu", 405}}).ok());
}

TEST(ScimTwin, RemovingListedMembersRemovesThoseAlone) {
  ScimDesk desk(RecniceProfile());
  std::vector<std::string> ids;
  json members = json::array();
  for (const char* name : {"a@x", "b@x", "c@x"}) {
    ids.push_back(CreateUser(desk, RecniceUser(name)));
    members.push_back({{"value", ids.back()}});
  }
  const http::Response created =
      desk.Ask("POST", "/Groups", {{"displayName", "All"}, {"members", members}});
  ASSERT_EQ(created.status, 201);
  const std::string url = "/Groups/" + BodyOf(created).value("id", "");
  EXPECT_EQ(desk.Ask("PATCH", url,
                     PatchOf({{{"op", "Remove"},
                               {"path", "members"},
                               {"value", {{{"$ref", nullptr}, {"value", ids[0]}}}}}}))
                .status,
            204);
  EXPECT_EQ(BodyOf(desk.Ask("GET", url))["members"].size(), 2u);
  desk.Ask("PATCH", url,
           PatchOf({{{"op", "remove"}, {"path", "members[value eq \"" + ids[1] + "\"]"}}}));
  EXPECT_EQ(BodyOf(desk.Ask("GET", url))["members"], json({{{"value", ids[2]}}}));
  EXPECT_FALSE(BodyOf(desk.Ask("GET", url + "?excludedAttributes=members")).contains("members"));
  EXPECT_EQ(
      desk.Ask("PATCH", url,
               PatchOf({{{"op", "add"}, {"path", "members"}, {"value", {{{"value", "no"}}}}}}))
          .status,
      400);
}

TEST(ScimTwin, AlexisHrWantsAPhoneInE164AndAManagerThatExists) {
  ScimDesk desk(AlexisHrProfile());
  json user = AlexisHrUser("ada@example.com");
  user["phoneNumbers"][0]["value"] = "(617) 555-1212";
  EXPECT_EQ(desk.Ask("POST", "/Users", user).status, 400);
  user = AlexisHrUser("ada@example.com");
  user[kEnterpriseUrn] = {{"manager", {{"value", "nobody"}}}};
  EXPECT_EQ(desk.Ask("POST", "/Users", user).status, 400);
  const std::string boss = CreateUser(desk, AlexisHrUser("boss@example.com"));
  user[kEnterpriseUrn]["manager"] = boss;
  const std::string id = CreateUser(desk, user);
  EXPECT_EQ(BodyOf(desk.Ask("GET", "/Users/" + id))[kEnterpriseUrn]["manager"]["value"], boss);
  desk.Ask("DELETE", "/Users/" + boss);
  EXPECT_FALSE(BodyOf(desk.Ask("GET", "/Users/" + id)).contains("manager"));
  EXPECT_EQ(desk.Ask("GET", "/Groups").status, 404);
}

TEST(ScimTwin, AListIsPagedInTheOrderOfCreation) {
  ScimDesk desk(PreciateProfile());
  for (int i = 0; i < 5; ++i) CreateUser(desk, {{"userName", "u" + std::to_string(i)}});
  const json page = BodyOf(desk.Ask("GET", "/Users?startIndex=4&count=3"));
  EXPECT_EQ(page["totalResults"], 5);
  EXPECT_EQ(page["itemsPerPage"], 2);
  EXPECT_EQ(page["Resources"][0]["userName"], "u3");
  EXPECT_TRUE(BodyOf(desk.Ask("GET", "/Users?startIndex=9"))["Resources"].empty());
}

TEST(ScimTwin, AChangeWithoutCommitIsToldAndNotMade) {
  ScimDesk desk(PreciateProfile());
  const std::string id = CreateUser(desk, {{"userName", "ada"}, {"title", "Analyst"}});
  const json before = desk.twin.State();
  const Circumstances lie{.commit = false};
  const http::Response patched =
      desk.Send(MakeRequest("PATCH", desk.Url("/Users/" + id),
                            PatchOf({{{"op", "replace"}, {"path", "title"}, {"value", "Poet"}}})),
                lie);
  EXPECT_EQ(BodyOf(patched)["title"], "Poet");
  EXPECT_EQ(desk.Send(MakeRequest("POST", desk.Url("/Users"), {{"userName", "bob"}}), lie).status,
            201);
  EXPECT_EQ(desk.Send(MakeRequest("DELETE", desk.Url("/Users/" + id)), lie).status, 204);
  EXPECT_EQ(desk.twin.State(), before);
}

TEST(ScimTwin, AnIndexThatLagsHidesANewUserFromSearchesAlone) {
  ScimDesk desk(PreciateProfile());
  ASSERT_TRUE(desk.twin.Configure({{"visible_after_ms", 2000}}).ok());
  const std::string id = CreateUser(desk, {{"userName", "ada"}});
  const std::string search = "/Users?filter=userName eq \"ada\"";
  EXPECT_EQ(BodyOf(desk.Ask("GET", search))["totalResults"], 0);
  EXPECT_EQ(desk.Ask("GET", "/Users/" + id).status, 200);
  EXPECT_EQ(desk.Ask("POST", "/Users", {{"userName", "ada"}}).status, 409);
  desk.clock.Advance(absl::Seconds(2));
  EXPECT_EQ(BodyOf(desk.Ask("GET", search))["totalResults"], 1);
}

TEST(ScimTwin, AStateIsSetBackWholeAndItsIdsStayUsed) {
  ScimDesk desk(PreciateProfile());
  CreateUser(desk, {{"userName", "ada"}});
  const json early = desk.twin.State();
  const std::string bob = CreateUser(desk, {{"userName", "bob"}});
  ASSERT_TRUE(desk.twin.SetState(early).ok());
  EXPECT_EQ(desk.twin.State(), early);
  EXPECT_EQ(desk.Ask("GET", "/Users/" + bob).status, 404);
  EXPECT_NE(CreateUser(desk, {{"userName", "bob"}}), bob);
  EXPECT_FALSE(desk.twin.SetState({{"users", {{{"userName", "x"}}}}}).ok());
  for (
      const char* wrong :
      {R"({"users":7})", R"({"users":[7]})", R"({"users":[{"id":"1","active":7}]})",
       R"({"users":[{"id":"1","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":"x"}]})",
       R"({"groups":[{"id":"1","members":7}]})"}) {
    EXPECT_FALSE(desk.twin.SetState(json::parse(wrong)).ok()) << wrong;
  }
  EXPECT_EQ(desk.twin.State()["users"].size(), 2u);
}

TEST(ScimTwin, BodiesThatAreNoScimAreRefused) {
  ScimDesk desk(PreciateProfile());
  http::Request request = MakeRequest("POST", desk.Url("/Users"));
  request.body = "{\"userName\":";
  EXPECT_EQ(BodyOf(desk.Send(request))["scimType"], "invalidSyntax");
  request.headers[1].second = "text/plain";
  EXPECT_EQ(desk.Send(request).status, 415);
  EXPECT_EQ(desk.Ask("POST", "/Users", json::array()).status, 400);
  EXPECT_EQ(desk.Ask("PATCH", "/Users", json::object()).status, 405);
  EXPECT_EQ(desk.Ask("GET", "/Me").status, 501);
  EXPECT_EQ(desk.Ask("GET", "/ServiceProviderConfig").status, 200);
}

}  // namespace
}  // namespace purser::sandbox
