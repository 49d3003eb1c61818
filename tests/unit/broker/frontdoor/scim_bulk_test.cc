// POST /Bulk through the endpoints (facts 36).
#include <gmock/gmock.h>

#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kEnterprise[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
constexpr char kNobody[] = "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f";

class ScimPromise36 : public ScimRig {
 protected:
  static std::string BulkBody(const json& operations, const json& more = json::object()) {
    json body = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}},
                 {"Operations", operations}};
    body.update(more);
    return body.dump();
  }
  // The results; empty where the whole is refused.
  json Bulk(const std::vector<json>& operations, const json& more = json::object()) {
    const Answer answer = Call("POST", "/Bulk", BulkBody(operations, more));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.content_type, "application/scim+json");
    EXPECT_EQ(answer.Json()["schemas"],
              json::array({"urn:ietf:params:scim:api:messages:2.0:BulkResponse"}));
    return answer.Json()["Operations"];
  }
  static std::vector<std::string> Statuses(const json& results) {
    std::vector<std::string> statuses;
    for (const json& result : results) statuses.push_back(result["status"]);
    return statuses;
  }
  static std::string PathOf(const json& result) {
    const std::string location = result["location"];
    return location.substr(std::string("https://id.example.com/scim/v2").size());
  }
  static std::string IdOf(const json& result) {
    const std::string path = PathOf(result);
    return path.substr(path.rfind('/') + 1);
  }

  static json PostUser(const std::string& bulk_id, const std::string& name,
                       const json& more = json::object()) {
    return {{"method", "POST"},
            {"path", "/Users"},
            {"bulkId", bulk_id},
            {"data", json::parse(UserBody(name, more))}};
  }
  static json PostGroup(const std::string& bulk_id, const std::vector<std::string>& members) {
    return {
        {"method", "POST"},
        {"path", "/Groups"},
        {"bulkId", bulk_id},
        {"data",
         {{"schemas", {kGroupUrn}}, {"displayName", bulk_id}, {"members", MemberList(members)}}}};
  }
  static json ManagedBy(const std::string& id) {
    return {{kEnterprise, {{"manager", {{"value", id}}}}}};
  }
  static json PatchOf(const std::string& path, const json& operation) {
    return {{"method", "PATCH"},
            {"path", path},
            {"data", json::parse(PatchBody(json::array({operation})))}};
  }
  std::string ManagerOf(const json& result) {
    return Get(PathOf(result)).Json()[kEnterprise]["manager"].value("value", "");
  }
  std::vector<std::string> MembersOf(const json& result) {
    std::vector<std::string> ids;
    const json group = Get(PathOf(result)).Json();
    for (const json& member : group.value("members", json::array())) ids.push_back(member["value"]);
    return ids;
  }
  int Total(const std::string& path) { return Get(path).Json()["totalResults"]; }
  StreamPosition Events() { return directory_->writer().folded(); }
};

TEST_F(ScimPromise36, EachOperationIsDoneAndAnsweredInTheOrderOfTheRequest) {
  const std::string eve = CreateUser("eve"), old = CreateUser("old");
  const StreamPosition before = Events();
  const json results =
      Bulk({PostUser("q1", "ada"),
            {{"method", "put"}, {"path", "/Users/" + eve}, {"data", json::parse(UserBody("Eve"))}},
            PatchOf("/Users/" + eve, {{"op", "add"}, {"path", "title"}, {"value", "Dr"}}),
            {{"method", "Delete"}, {"path", "/Users/" + old}},
            PostUser("q2", "OLD")});
  EXPECT_THAT(Statuses(results), ElementsAre("201", "200", "200", "204", "201"));
  EXPECT_EQ(results[0]["method"], "POST");
  EXPECT_EQ(results[0]["bulkId"], "q1");
  EXPECT_EQ(results[1]["method"], "PUT");
  EXPECT_EQ(results[1]["location"], "https://id.example.com/scim/v2/Users/" + eve);
  EXPECT_EQ(results[3], json({{"method", "DELETE"},
                              {"location", "https://id.example.com/scim/v2/Users/" + old},
                              {"status", "204"}}));
  EXPECT_EQ(Get(PathOf(results[0])).Header("ETag"), results[0]["version"]);
  const Answer patched = Get("/Users/" + eve);
  EXPECT_EQ(patched.Header("ETag"), results[2]["version"]);
  EXPECT_EQ(patched.Json()["userName"], "Eve");
  EXPECT_EQ(patched.Json()["title"], "Dr");
  EXPECT_EQ(Events(), before + 5);
}

TEST_F(ScimPromise36, AnOperationThatFailsSaysWhyAndTheOthersAreDone) {
  CreateUser("taken");
  const json results =
      Bulk({PostUser("a", "TAKEN"),
            PatchOf(std::string("/Users/") + kNobody, {{"op", "remove"}, {"path", "title"}}),
            PostUser("b", "bob")});
  EXPECT_THAT(Statuses(results), ElementsAre("409", "404", "201"));
  EXPECT_FALSE(results[0].contains("location"));
  EXPECT_FALSE(results[0].contains("version"));
  EXPECT_EQ(results[0]["response"]["schemas"], json::array({kErrorUrn}));
  EXPECT_EQ(results[0]["response"]["status"], "409");
  EXPECT_EQ(results[0]["response"]["scimType"], "uniqueness");
  EXPECT_EQ(results[1]["location"], std::string("https://id.example.com/scim/v2/Users/") + kNobody);
  EXPECT_FALSE(results[2].contains("response"));
}

TEST_F(ScimPromise36, NoNetChangeIs200WithTheVersionAsItWas) {
  const std::string ada = CreateUser("ada", {{"title", "Dr"}});
  const std::string tag = Get("/Users/" + ada).Header("ETag");
  const StreamPosition before = Events();
  const json results =
      Bulk({PatchOf("/Users/" + ada, {{"op", "add"}, {"path", "title"}, {"value", "Dr"}})});
  EXPECT_THAT(Statuses(results), ElementsAre("200"));
  EXPECT_EQ(results[0]["version"], tag);
  EXPECT_EQ(Events(), before);
}

TEST_F(ScimPromise36, ABulkIdStandsForTheNewResourceWhereverIdsStand) {
  const std::string group = CreateGroup("all");
  const std::string path = "/Groups/" + group;
  const json results = Bulk(
      {PostUser("boss", "boss"), PostUser("ada", "ada", ManagedBy("bulkId:boss")),
       PostUser("bob", "bob", {{kEnterprise, {{"manager", "bulkId:boss"}}}}),
       PostGroup("team", {"bulkId:ada", "bulkId:bob"}),
       PatchOf(path, {{"op", "add"}, {"path", "members"}, {"value", {{{"value", "bulkId:ada"}}}}}),
       PatchOf("/Users/bulkId:boss", {{"op", "add"},
                                      {"path", std::string(kEnterprise) + ":manager"},
                                      {"value", "bulkId:ada"}}),
       PatchOf("/Groups/bulkId:team",
               {{"op", "remove"}, {"path", "members[value eq \"bulkId:bob\"]"}})});
  ASSERT_THAT(Statuses(results), ElementsAre("201", "201", "201", "201", "200", "200", "200"));
  const std::string boss = IdOf(results[0]), ada = IdOf(results[1]);
  EXPECT_EQ(ManagerOf(results[1]), boss);
  EXPECT_EQ(ManagerOf(results[2]), boss);
  EXPECT_EQ(ManagerOf(results[0]), ada);
  EXPECT_THAT(MembersOf(results[3]), ElementsAre(ada));
  EXPECT_THAT(MembersOf(results[4]), ElementsAre(ada));
  EXPECT_EQ(results[6]["location"], results[3]["location"]);
}

TEST_F(ScimPromise36, ABulkIdMayBeReferredToBeforeItsPostAndCostsNoFurtherEvent) {
  const json results =
      Bulk({PostGroup("outer", {"bulkId:inner", "bulkId:ada"}),
            PatchOf("/Users/bulkId:ada", {{"op", "add"}, {"path", "title"}, {"value", "Dr"}}),
            PostGroup("inner", {"bulkId:ada"}), PostUser("ada", "ada")});
  ASSERT_THAT(Statuses(results), ElementsAre("201", "200", "201", "201"));
  EXPECT_EQ(results[0]["bulkId"], "outer");
  EXPECT_EQ(MembersOf(results[0]).size(), 2u);
  EXPECT_THAT(MembersOf(results[2]), ElementsAre(IdOf(results[3])));
  EXPECT_EQ(Get(PathOf(results[3])).Json()["title"], "Dr");
  EXPECT_EQ(Events(), 4u);
}

TEST_F(ScimPromise36, GroupsThatHoldEachOtherAreMade) {
  const std::string eve = CreateUser("eve");
  const json results = Bulk({PostGroup("a", {"bulkId:b", eve}), PostGroup("b", {"bulkId:c"}),
                             PostGroup("c", {"bulkId:a"})});
  ASSERT_THAT(Statuses(results), ElementsAre("201", "201", "201"));
  EXPECT_THAT(MembersOf(results[0]), testing::UnorderedElementsAre(IdOf(results[1]), eve));
  EXPECT_THAT(MembersOf(results[1]), ElementsAre(IdOf(results[2])));
  EXPECT_THAT(MembersOf(results[2]), ElementsAre(IdOf(results[0])));
  for (const json& result : results) {
    EXPECT_EQ(Get(PathOf(result)).Header("ETag"), result["version"]);
  }
}

TEST_F(ScimPromise36, UsersThatManageEachOtherOrThemselvesAreMade) {
  const json results = Bulk({PostUser("a", "ada", ManagedBy("bulkId:b")),
                             PostUser("b", "bob", ManagedBy("bulkId:a")),
                             PostUser("c", "eve", ManagedBy("bulkId:c"))});
  ASSERT_THAT(Statuses(results), ElementsAre("201", "201", "201"));
  EXPECT_EQ(ManagerOf(results[0]), IdOf(results[1]));
  EXPECT_EQ(ManagerOf(results[1]), IdOf(results[0]));
  EXPECT_EQ(ManagerOf(results[2]), IdOf(results[2]));
  EXPECT_EQ(Get(PathOf(results[0])).Header("ETag"), results[0]["version"]);
}

TEST_F(ScimPromise36, OfACircleThatCannotBeClosedNothingIsLeft) {
  const json results = Bulk({PostUser("a", "ada", ManagedBy("bulkId:b")),
                             PostUser("b", "ADA", ManagedBy("bulkId:a")),
                             PostGroup("g", {"bulkId:a"}), PostUser("c", "eve")});
  EXPECT_THAT(Statuses(results), ElementsAre("409", "409", "409", "201"));
  EXPECT_EQ(results[1]["response"]["scimType"], "uniqueness");
  EXPECT_FALSE(results[0]["response"].contains("scimType"));
  EXPECT_EQ(Total("/Users"), 1);
  EXPECT_EQ(Total("/Groups"), 0);
}

TEST_F(ScimPromise36, WhatRefersToAFailedOperationFails) {
  CreateUser("taken");
  const json results =
      Bulk({PostUser("a", "taken"), PostGroup("g", {"bulkId:a"}), PostGroup("h", {"bulkId:g"}),
            PatchOf("/Users/bulkId:a", {{"op", "remove"}, {"path", "title"}})});
  EXPECT_THAT(Statuses(results), ElementsAre("409", "409", "409", "409"));
  EXPECT_THAT(results[1]["response"]["detail"], HasSubstr("operation 1"));
  EXPECT_EQ(Total("/Groups"), 0);
}

TEST_F(ScimPromise36, ABulkIdThatNoPostHasIs400InvalidValueForThatOperation) {
  const json results = Bulk(
      {PostGroup("g", {"bulkId:nobody"}), PostUser("a", "ada", ManagedBy("bulkId:nobody")),
       PatchOf("/Users/bulkId:nobody", {{"op", "remove"}, {"path", "title"}}),
       PatchOf("/Groups/bulkId:h",
               {{"op", "remove"}, {"path", "members[value eq \"bulkId:x\" or type eq \"User\"]"}}),
       PostGroup("h", {})});
  EXPECT_THAT(Statuses(results), ElementsAre("400", "400", "400", "400", "201"));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(results[i]["response"]["scimType"], "invalidValue") << i;
}

TEST_F(ScimPromise36, FailOnErrorsEndsItAndWhatWasNotAttemptedIsLeftOut) {
  CreateUser("taken");
  const json operations = {PostUser("a", "ada"), PostUser("b", "taken"), PostUser("c", "bob"),
                           PostUser("d", "taken"), PostUser("e", "eve")};
  EXPECT_THAT(Statuses(Bulk(operations, {{"failOnErrors", 2}})),
              ElementsAre("201", "409", "201", "409"));
  EXPECT_EQ(Total("/Users"), 3);
  EXPECT_THAT(Statuses(Bulk(operations, {{"failOnErrors", 1}})), ElementsAre("409"));
  EXPECT_THAT(Statuses(Bulk(operations)), ElementsAre("409", "409", "409", "409", "201"));
}

TEST_F(ScimPromise36, FailOnErrorsIsExactThoughARaceWasLost) {
  const json operations = {PostUser("a", "ada"), PostUser("b", "ada"), PostUser("c", "bob"),
                           PostUser("d", "bob"), PostUser("e", "eve")};
  log_->lost_race_after = 0;
  EXPECT_THAT(Statuses(Bulk(operations, {{"failOnErrors", 1}})), ElementsAre("201", "409"));
  EXPECT_EQ(Total("/Users"), 1);
}

TEST_F(ScimPromise36, FailOnErrorsIsExactThoughAPartOfATurnStood) {
  const json operations = {PostUser("a", "ada"), PostUser("b", "ada"), PostUser("c", "bob"),
                           PostUser("d", "bob"), PostUser("e", "eve")};
  log_->lost_race_after = 1;
  const json results = Bulk(operations, {{"failOnErrors", 2}});
  EXPECT_THAT(Statuses(results), ElementsAre("201", "409", "201", "409"));
  EXPECT_EQ(Total("/Users"), 2);
  EXPECT_EQ(Get(PathOf(results[2])).Header("ETag"), results[2]["version"]);
}

TEST_F(ScimPromise36, ACircleOfWhichAPartStoodIsClosed) {
  for (size_t stood = 1; stood <= 2; ++stood) {
    log_->lost_race_after = stood;
    const json results = Bulk({PostGroup("a", {"bulkId:b"}), PostGroup("b", {"bulkId:a"})});
    ASSERT_THAT(Statuses(results), ElementsAre("201", "201"));
    EXPECT_THAT(MembersOf(results[0]), ElementsAre(IdOf(results[1])));
    EXPECT_THAT(MembersOf(results[1]), ElementsAre(IdOf(results[0])));
    for (const json& result : results) {
      EXPECT_EQ(Get(PathOf(result)).Header("ETag"), result["version"]);
    }
  }
  EXPECT_EQ(Events(), 6u);
}

TEST_F(ScimPromise36, AVersionIsAnIfMatch) {
  const std::string ada = CreateUser("ada");
  const std::string path = "/Users/" + ada, tag = Get(path).Header("ETag");
  json first = PatchOf(path, {{"op", "add"}, {"path", "title"}, {"value", "Dr"}});
  json second = PatchOf(path, {{"op", "add"}, {"path", "title"}, {"value", "Ms"}});
  first["version"] = second["version"] = tag;
  const json results = Bulk({first, second});
  EXPECT_THAT(Statuses(results), ElementsAre("200", "412"));
  EXPECT_EQ(Get(path).Json()["title"], "Dr");
  EXPECT_THAT(Statuses(Bulk({{{"method", "DELETE"}, {"path", path}, {"version", tag}}})),
              ElementsAre("412"));
}

TEST_F(ScimPromise36, BeyondTheLimitsItIs413AndTheLimitIsNamed) {
  json operations = json::array();
  for (int i = 0; i <= 1000; ++i) operations.push_back(PostUser("b", "ada"));
  const Answer many = Call("POST", "/Bulk", BulkBody(operations));
  EXPECT_EQ(many.status, 413);
  EXPECT_THAT(many.body, HasSubstr("maxOperations (1000)"));
  const Answer large = Call("POST", "/Bulk", std::string((32u << 20) + 1, ' '));
  EXPECT_EQ(large.status, 413);
  EXPECT_THAT(large.body, HasSubstr("maxPayloadSize (33554432)"));
  EXPECT_EQ(Total("/Users"), 0);
}

TEST_F(ScimPromise36, AThousandOperationsAreAFewAppends) {
  json operations = json::array();
  for (int i = 0; i < 1000; ++i) {
    operations.push_back(PostUser(absl::StrCat("b", i), absl::StrCat("u", i)));
  }
  log_->appends = 0;
  const json results = Bulk(operations);
  ASSERT_EQ(results.size(), 1000u);
  for (size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(results[i]["status"], "201");
    EXPECT_EQ(results[i]["bulkId"], absl::StrCat("b", i));
  }
  EXPECT_EQ(Events(), 1000u);
  EXPECT_LE(log_->appends, 4);
}

TEST_F(ScimPromise36, OthersAreServedBetweenTheTurnsOfALongBulk) {
  json operations = json::array();
  for (int i = 0; i < 1000; ++i) {
    operations.push_back(PostUser(absl::StrCat("b", i), absl::StrCat("u", i)));
  }
  auto bulk = Send(Request("POST", "/Bulk", BulkBody(operations)));
  auto other = Send(Request("POST", "/Users", UserBody("other")));
  while (!other->has_value()) {
    ASSERT_TRUE(directory_->writer().RunOnce() | log_->RunOnce(absl::ZeroDuration()));
  }
  EXPECT_EQ((*other)->status, 201);
  EXPECT_FALSE(bulk->has_value());
  Drive();
  EXPECT_EQ((*bulk)->Json()["Operations"].size(), 1000u);
}

TEST_F(ScimPromise36, WhereTheLogIsOutOfReachEachOperationIs503AndNoneASuccess) {
  const json wrong = {{"method", "POST"}, {"path", "/Users"}, {"bulkId", "w"}};
  const json operations = {PostUser("a", "ada"), wrong, PostUser("b", "bob")};
  log_->append_status = absl::UnavailableError("out of reach");
  EXPECT_THAT(Statuses(Bulk(operations)), ElementsAre("503", "400", "503"));
  log_->append_status = absl::ResourceExhaustedError("full");
  EXPECT_THAT(Statuses(Bulk(operations)), ElementsAre("503", "400", "503"));
  log_->append_status = absl::OkStatus();
  log_->health = absl::DataLossError("damaged");
  EXPECT_THAT(Statuses(Bulk(operations)), ElementsAre("503", "400", "503"));
  EXPECT_THAT(Statuses(Bulk(operations, {{"failOnErrors", 1}})), ElementsAre("503"));
  log_->health = absl::OkStatus();
  EXPECT_THAT(Statuses(Bulk(operations)), ElementsAre("201", "400", "201"));
}

TEST_F(ScimPromise36, AReadOfTheLogsEndThatFailsIsNoRefusalToRelyOn) {
  CreateUser("taken");
  log_->catch_up_status = absl::UnavailableError("out of reach");
  EXPECT_THAT(Statuses(Bulk({PostUser("a", "taken")})), ElementsAre("503"));
}

TEST_F(ScimPromise36, TheWholeHasOneDeadline) {
  json operations = json::array();
  for (int i = 0; i < 600; ++i) {
    operations.push_back(PostUser(absl::StrCat("b", i), absl::StrCat("u", i)));
  }
  auto bulk = Send(Request("POST", "/Bulk", BulkBody(operations)));
  while (Events() == 0) {
    ASSERT_TRUE(directory_->writer().RunOnce() | log_->RunOnce(absl::ZeroDuration()));
  }
  fake_clock_.Advance(absl::Seconds(11));
  Drive();
  ASSERT_TRUE(bulk->has_value());
  const std::vector<std::string> statuses = Statuses((*bulk)->Json()["Operations"]);
  ASSERT_EQ(statuses.size(), 600u);
  EXPECT_EQ(statuses.front(), "201");
  EXPECT_EQ(statuses.back(), "503");
  EXPECT_EQ(static_cast<StreamPosition>(std::count(statuses.begin(), statuses.end(), "201")),
            Events());
}

TEST_F(ScimPromise36, AnOperationThatIsWrongByItselfIsRefusedByItself) {
  const json user = json::parse(UserBody("ada"));
  const std::string one = std::string("/Users/") + kNobody;
  const std::vector<std::pair<json, std::string>> wrong = {
      {{{"method", "GET"}, {"path", one}}, "invalidSyntax"},
      {{{"path", one}}, "invalidSyntax"},
      {{{"method", "POST"}, {"path", "/Users"}, {"data", user}}, "invalidValue"},
      {{{"method", "POST"}, {"path", "/Users"}, {"bulkId", 7}, {"data", user}}, "invalidValue"},
      {{{"method", "POST"}, {"path", "/Users"}, {"bulkId", "a"}}, "invalidSyntax"},
      {{{"method", "POST"}, {"path", one}, {"bulkId", "b"}, {"data", user}}, "invalidPath"},
      {{{"method", "POST"}, {"bulkId", "c"}, {"data", user}}, "invalidPath"},
      {{{"method", "POST"}, {"path", "/Bulk"}, {"bulkId", "d"}, {"data", user}}, "invalidPath"},
      {{{"method", "PATCH"}, {"path", "/Me"}, {"data", user}}, "invalidPath"},
      {{{"method", "DELETE"}, {"path", "/Users"}}, "invalidPath"},
      {{{"method", "PUT"}, {"path", one}, {"data", {{"userName", "x"}}}}, "invalidValue"},
      {{{"method", "PATCH"}, {"path", one}, {"data", user}}, "invalidSyntax"},
      {{{"method", "DELETE"}, {"path", one}, {"version", 3}}, "invalidValue"},
  };
  for (const auto& [operation, scim_type] : wrong) {
    const json results = Bulk({operation, PostUser("ok", "eve"), PostUser("no", "eve")});
    EXPECT_EQ(results[0]["status"], "400") << operation;
    EXPECT_EQ(results[0]["response"]["scimType"], scim_type) << operation;
    EXPECT_EQ(results.size(), 3u);
  }
  EXPECT_THAT(Statuses(Bulk({{{"method", "DELETE"}, {"path", "/Devices/1"}}})), ElementsAre("404"));
  EXPECT_EQ(Total("/Users"), 1);
}

TEST_F(ScimPromise36, AMessageThatIsWrongIsRefusedWhole) {
  const json ada = PostUser("a", "ada");
  const json::array_t one = {ada};
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "invalidSyntax"},
      {"[]", "invalidSyntax"},
      {"{\"Operations\": " + json(one).dump() + "}", "invalidSyntax"},
      {BulkBody(ada), "invalidSyntax"},
      {BulkBody({1}), "invalidSyntax"},
      {BulkBody(one, {{"operations", {1}}}), "invalidSyntax"},
      {BulkBody({ada, PostUser("a", "bob")}), "invalidValue"},
      {BulkBody(one, {{"failOnErrors", 0}}), "invalidValue"},
      {BulkBody(one, {{"failOnErrors", "1"}}), "invalidValue"},
      {BulkBody(one, {{"failOnErrors", -1}}), "invalidValue"},
      {BulkBody(one, {{"failOnErrors", 1.5}}), "invalidValue"},
      {BulkBody({PostUser("a", "ada", {{"x", json::parse(deep)}})}), "invalidSyntax"},
  };
  for (const auto& [body, scim_type] : wrong) {
    const Answer refused = Call("POST", "/Bulk", body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_EQ(refused.scim_type(), scim_type) << body;
  }
  EXPECT_EQ(Total("/Users"), 0);
  EXPECT_EQ(Bulk({}), json::array());
}

TEST_F(ScimPromise36, TheDoorIsTheSameAsForOtherRequests) {
  const std::string body = BulkBody(json::array({PostUser("a", "ada")}));
  EXPECT_EQ(Call("POST", "/Bulk", body, {{"Authorization", "Bearer wrong"}}).status, 401);
  EXPECT_EQ(Call("POST", "/Bulk", body, {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(Call("POST", "/Bulk", body, {{"Accept", "text/html"}}).status, 406);
  const Answer read = Get("/Bulk");
  EXPECT_EQ(read.status, 405);
  EXPECT_EQ(read.Header("Allow"), "POST");
  EXPECT_EQ(Call("POST", "/Bulk/x", body).status, 404);
  EXPECT_EQ(Total("/Users"), 0);
}

TEST_F(ScimPromise36, WhatOnlyLooksLikeAReferenceIsAValue) {
  const json results = Bulk({PostUser("a", "bulkId:a", {{"title", "bulkId:b"}})});
  ASSERT_THAT(Statuses(results), ElementsAre("201"));
  EXPECT_EQ(Get(PathOf(results[0])).Json()["userName"], "bulkId:a");
}

}  // namespace
}  // namespace purser
