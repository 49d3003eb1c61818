// What clients of the HTTP binding see: statuses, headers, errors (facts 28 to 34).
#include <gmock/gmock.h>

#include <array>

#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ScimHttp : public ScimRig {
 protected:
  static void ExpectError(const Answer& answer, int status) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.content_type, "application/scim+json");
    const json body = answer.Json();
    ASSERT_TRUE(body.is_object()) << answer.body;
    EXPECT_EQ(body["schemas"], json::array({kErrorUrn}));
    EXPECT_EQ(body["status"], std::to_string(status));
    EXPECT_TRUE(body["detail"].is_string());
  }
};

TEST_F(ScimHttp, ACreatedUserHasItsLocationAndItsVersionAsETag) {
  const Answer created = Call("POST", "/Users", UserBody("ada"));
  ASSERT_EQ(created.status, 201);
  const json user = created.Json();
  EXPECT_EQ(user["meta"]["version"], created.Header("ETag"));
  EXPECT_EQ(user["meta"]["location"], created.Header("Location"));
  EXPECT_EQ(created.Header("Location"), "https://id.example.com/scim/v2/Users/" + created.id());
  EXPECT_EQ(created.content_type, "application/scim+json");
  const Answer read = Get("/Users/" + created.id());
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.Json(), user);
  EXPECT_EQ(read.Header("ETag"), created.Header("ETag"));
}

TEST_F(ScimHttp, TheLocationIsOfThePublicUrlWhereOneIsConfigured) {
  public_url_ = "https://scim.example.org/tenant/";
  const Answer created = Call("POST", "/Users", UserBody("ada"));
  EXPECT_EQ(created.Header("Location"), "https://scim.example.org/tenant/Users/" + created.id());
  EXPECT_EQ(created.Json()["meta"]["location"], created.Header("Location"));
}

TEST_F(ScimHttp, WhatTheDirectoryCallsClearIsClearedByEveryWrite) {
  clear_values_ = {"#CLEAR#"};
  const json body = {
      {"schemas", {kUserUrn}}, {"userName", "ada"}, {"title", "#CLEAR#"}, {"nickName", "Al"}};
  const Answer created = Call("POST", "/Users", body.dump());
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_FALSE(created.Json().contains("title"));
  const std::string path = "/Users/" + created.id();
  const json patch = {{"op", "Add"}, {"path", "nickName"}, {"value", "#CLEAR#"}};
  EXPECT_FALSE(Patch(path, patch).Json().contains("nickName"));
  const json bulk = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}},
                     {"Operations", {{{"method", "PUT"}, {"path", path}, {"data", body}}}}};
  ASSERT_EQ(Call("POST", "/Bulk", bulk.dump()).status, 200);
  EXPECT_FALSE(Get(path).Json().contains("title"));
  EXPECT_EQ(Get(path).Json()["nickName"], "Al");
}

TEST_F(ScimHttp, CreatedNeverChangesAndLastModifiedDoes) {
  const Answer created = Call("POST", "/Users", UserBody("ada"));
  const std::string path = "/Users/" + created.id();
  fake_clock_.Advance(absl::Minutes(1));
  const Answer patched = Patch(path, {{"op", "replace"}, {"path", "title"}, {"value", "Dr"}});
  ASSERT_EQ(patched.status, 200) << patched.body;
  fake_clock_.Advance(absl::Minutes(1));
  const Answer put = Call("PUT", path, UserBody("ada"));
  ASSERT_EQ(put.status, 200) << put.body;
  const json first = created.Json()["meta"], second = patched.Json()["meta"],
             third = put.Json()["meta"];
  EXPECT_EQ(first["created"], second["created"]);
  EXPECT_EQ(first["created"], third["created"]);
  EXPECT_LT(first["lastModified"], second["lastModified"]);
  EXPECT_LT(second["lastModified"], third["lastModified"]);
  EXPECT_EQ(Get(path).Json(), put.Json());
}

TEST_F(ScimHttp, AnUnchangedResourceIs304AndAChangedOne200) {
  const Answer created = Call("POST", "/Users", UserBody("ada"));
  const std::string path = "/Users/" + created.id();
  const Answer same = Get(path, {{"If-None-Match", created.Header("ETag")}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(same.Header("ETag"), created.Header("ETag"));
  EXPECT_EQ(Get(path, {{"If-None-Match", "*"}}).status, 304);
  EXPECT_EQ(Get(path, {{"If-None-Match", "W/\"999\", " + created.Header("ETag")}}).status, 304);
  EXPECT_EQ(Get(path, {{"If-None-Match", "W/\"999\""}}).status, 200);
  Patch(path, {{"op", "replace"}, {"path", "title"}, {"value", "Dr"}});
  EXPECT_EQ(Get(path, {{"If-None-Match", created.Header("ETag")}}).status, 200);
}

TEST_F(ScimHttp, AWriteOnAnOldVersionIs412AndChangesNothing) {
  const Answer created = Call("POST", "/Users", UserBody("ada"));
  const std::string path = "/Users/" + created.id();
  const json title = {{"op", "replace"}, {"path", "title"}, {"value", "Dr"}};
  const Answer patched = Patch(path, title, {{"If-Match", created.Header("ETag")}});
  ASSERT_EQ(patched.status, 200) << patched.body;
  const Pairs old = {{"If-Match", created.Header("ETag")}};
  ExpectError(Patch(path, {{"op", "remove"}, {"path", "title"}}, old), 412);
  ExpectError(Call("PUT", path, UserBody("eve"), old), 412);
  ExpectError(Call("DELETE", path, "", old), 412);
  EXPECT_EQ(Get(path).Json(), patched.Json());
  EXPECT_EQ(Call("PUT", path, UserBody("eve"), {{"If-Match", "*"}}).status, 200);
}

TEST_F(ScimHttp, APatchThatChangesNothingIs200WithTheSameVersion) {
  const Answer created = Call("POST", "/Users", UserBody("ada", {{"title", "Dr"}}));
  const std::string path = "/Users/" + created.id();
  const auto head = directory_->writer().folded();
  for (const json& operation :
       {json({{"op", "replace"}, {"path", "title"}, {"value", "Dr"}}),
        json({{"op", "replace"}, {"path", "password"}, {"value", "secret-word-1"}})}) {
    const Answer same = Patch(path, operation);
    EXPECT_EQ(same.status, 200) << same.body;
    EXPECT_EQ(same.Json(), created.Json());
  }
  EXPECT_EQ(Call("PUT", path, UserBody("ada", {{"title", "Dr"}})).Json(), created.Json());
  EXPECT_EQ(directory_->writer().folded(), head);
}

TEST_F(ScimHttp, WhoHasNoTokenIsTold401WithHowToAskFirstOfAll) {
  for (const char* header : {"", "Basic YWRhOng=", "Bearer wrong"}) {
    const Answer refused = Get("/Nowhere", {{"Authorization", header}});
    ExpectError(refused, 401);
    EXPECT_THAT(refused.Header("WWW-Authenticate"), StartsWith("Bearer"));
  }
  EXPECT_EQ(Get("/Users", {{"Authorization", absl::StrCat("bEaReR ", kSecret)}}).status, 200);
}

TEST_F(ScimHttp, UnknownUrlsAre404) {
  const std::string id = CreateUser("ada");
  for (const std::string& path :
       {std::string("/Nowhere"), std::string("/users/") + id, "/Users/" + id + "/more",
        std::string("/Users/unknown"), std::string("/Groups/") + id, std::string("/Schemas/urn:x"),
        std::string("/ResourceTypes/Device"), std::string("/ServiceProviderConfig/a/b")}) {
    ExpectError(Get(path), 404);
  }
  ExpectError(Patch("/Users/unknown", {{"op", "remove"}, {"path", "title"}}), 404);
  ExpectError(Call("PUT", "/Users/unknown", UserBody("eve")), 404);
  ExpectError(Call("DELETE", "/Users/unknown"), 404);
}

TEST_F(ScimHttp, AMethodThatIsNotOfferedIs405AndNamesThoseThatAre) {
  const std::vector<std::array<std::string, 3>> cases = {
      {"DELETE", "/Users", "GET, POST"},
      {"PUT", "/Groups", "GET, POST"},
      {"POST", "/Users/x", "GET, PUT, PATCH, DELETE"},
      {"GET", "/Users/.search", "POST"},
      {"GET", "/.search", "POST"},
      {"POST", "/Schemas", "GET"},
      {"DELETE", "/ServiceProviderConfig", "GET"},
      {"PUT", "/ResourceTypes/User", "GET"},
      {"POST", "/", "GET"},
  };
  for (const auto& [method, path, allow] : cases) {
    const Answer refused = Call(method, path);
    ExpectError(refused, 405);
    EXPECT_EQ(refused.Header("Allow"), allow) << method << " " << path;
  }
}

TEST_F(ScimHttp, MediaTypesAreTakenInEveryFormAndOthersRefused) {
  for (const char* type : {"application/scim+json", "application/json; charset=utf-8",
                           "APPLICATION/JSON", "application/scim+json;charset=UTF-8"}) {
    EXPECT_EQ(Call("POST", "/Users", UserBody(absl::StrCat("by ", type)), {{"Content-Type", type}})
                  .status,
              201)
        << type;
  }
  ExpectError(Call("POST", "/Users", UserBody("x"), {{"Content-Type", "text/xml"}}), 415);
  for (const char* accept : {"*/*", "application/*", "application/json", "text/html, */*;q=0.1"}) {
    EXPECT_EQ(Get("/Users", {{"Accept", accept}}).status, 200) << accept;
  }
  ExpectError(Get("/Users", {{"Accept", "text/html"}}), 406);
}

TEST_F(ScimHttp, ABodyThatIsNotJsonIsInvalidSyntax) {
  const std::string path = "/Users/" + CreateUser("ada");
  for (const char* body : {"", "{", "[]", "\"text\"", "{\"userName\":\"a\"} x"}) {
    const Answer refused = Call("POST", "/Users", body);
    ExpectError(refused, 400);
    EXPECT_EQ(refused.scim_type(), "invalidSyntax") << body;
    EXPECT_EQ(Call("PATCH", path, body).scim_type(), "invalidSyntax") << body;
    EXPECT_EQ(Call("PUT", path, body).scim_type(), "invalidSyntax") << body;
  }
}

TEST_F(ScimHttp, DiscoveryAnswersWhatIsThereAndTakesNoFilter) {
  EXPECT_EQ(Get("/ServiceProviderConfig").status, 200);
  EXPECT_EQ(Get("/Schemas").status, 200);
  EXPECT_EQ(Get(absl::StrCat("/Schemas/", kUserUrn)).Json()["id"], kUserUrn);
  EXPECT_EQ(Get("/ResourceTypes/Group").Json()["id"], "Group");
  for (const char* path : {"/ServiceProviderConfig", "/Schemas", "/ResourceTypes"}) {
    ExpectError(List(path, {{"filter", "id eq \"User\""}}), 403);
  }
}

TEST_F(ScimHttp, WhatIsNotOfferedIs501) {
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    ExpectError(Call(method, "/Me"), 501);
  }
}

TEST_F(ScimHttp, ADeletedUserIsGoneForEveryMethodAndTheNameIsFree) {
  const std::string boss = CreateUser("boss");
  const std::string urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
  const std::string ada = CreateUser("ada", {{urn, {{"manager", {{"value", boss}}}}}});
  const std::string group = CreateGroup("all", {boss, ada});
  const Answer ada_before = Get("/Users/" + ada), group_before = Get("/Groups/" + group);
  const Answer deleted = Call("DELETE", "/Users/" + boss);
  EXPECT_EQ(deleted.status, 204);
  EXPECT_EQ(deleted.body, "");
  ExpectError(Get("/Users/" + boss), 404);
  ExpectError(Patch("/Users/" + boss, {{"op", "remove"}, {"path", "title"}}), 404);
  ExpectError(Call("PUT", "/Users/" + boss, UserBody("boss")), 404);
  ExpectError(Call("DELETE", "/Users/" + boss), 404);
  const Answer ada_after = Get("/Users/" + ada), group_after = Get("/Groups/" + group);
  EXPECT_FALSE(ada_after.Json().contains(urn));
  EXPECT_NE(ada_after.Header("ETag"), ada_before.Header("ETag"));
  EXPECT_EQ(group_after.Json()["members"].size(), 1u);
  EXPECT_NE(group_after.Header("ETag"), group_before.Header("ETag"));
  EXPECT_NE(CreateUser("BOSS"), boss);
}

TEST_F(ScimHttp, ADeletedGroupIsGoneFromItsMembersAndTheirVersionsChange) {
  const std::string ada = CreateUser("ada");
  const std::string group = CreateGroup("all", {ada});
  const Answer before = Get("/Users/" + ada);
  EXPECT_EQ(before.Json()["groups"][0]["value"], group);
  EXPECT_EQ(Call("DELETE", "/Groups/" + group).status, 204);
  const Answer after = Get("/Users/" + ada);
  EXPECT_FALSE(after.Json().contains("groups"));
  EXPECT_NE(after.Header("ETag"), before.Header("ETag"));
}

TEST_F(ScimHttp, ATakenUserNameIs409InEveryMethod) {
  CreateUser("ada");
  const std::string eve = "/Users/" + CreateUser("eve");
  for (const Answer& refused :
       {Call("POST", "/Users", UserBody("ADA")), Call("PUT", eve, UserBody("Ada")),
        Patch(eve, {{"op", "replace"}, {"path", "userName"}, {"value", "ada"}})}) {
    ExpectError(refused, 409);
    EXPECT_EQ(refused.scim_type(), "uniqueness");
  }
}

TEST_F(ScimHttp, OfTwoCreatesAtOnceOneIs201AndOne409) {
  auto first = Send(Request("POST", "/Users", UserBody("ada")));
  auto second = Send(Request("POST", "/Users", UserBody("Ada")));
  Drive();
  EXPECT_EQ((*first)->status, 201);
  EXPECT_EQ((*second)->status, 409);
}

TEST_F(ScimHttp, OfTwoPatchesOnOneVersionOneIs200AndOne412) {
  const Answer created = Call("POST", "/Users", UserBody("ada"));
  const auto race = [&](const char* title) {
    return Send(Request("PATCH", "/Users/" + created.id(),
                        PatchBody({{{"op", "replace"}, {"path", "title"}, {"value", title}}}),
                        {{"If-Match", created.Header("ETag")}}));
  };
  auto first = race("Dr"), second = race("Prof");
  Drive();
  EXPECT_EQ((*first)->status, 200);
  EXPECT_EQ((*second)->status, 412);
  EXPECT_EQ(Get("/Users/" + created.id()).Json()["title"], "Dr");
}

TEST_F(ScimHttp, AReadSeesEveryWriteThatWasAcknowledgedBefore) {
  auto created = Send(Request("POST", "/Users", UserBody("ada")));
  // The log has it and the read model does not yet: the read waits.
  directory_->writer().RunOnce();
  log_->RunOnce(absl::ZeroDuration());
  auto found = Send(Request("GET", "/Users", "", {}, {{"filter", "userName eq \"ada\""}}));
  Drive();
  EXPECT_EQ((*created)->status, 201);
  EXPECT_EQ((*found)->Json()["totalResults"], 1);
}

TEST_F(ScimHttp, AnEventualReadAsksNobodyAndTellsItsAge) {
  const std::string path = "/Users/" + CreateUser("ada");
  EXPECT_EQ(Get(path).Header("Age"), "");
  log_->catch_up_status = absl::UnavailableError("out of reach");
  fake_clock_.Advance(absl::Seconds(7));
  const Answer read = Get(path, {}, {{"consistency", "eventual"}});
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.Header("Age"), "7");
  const Answer strict = Get(path);
  ExpectError(strict, 503);
  EXPECT_EQ(strict.Header("Retry-After"), "1");
}

TEST_F(ScimHttp, TheAgeIsSinceTheReadModelWasKnownToBeCurrent) {
  const std::string path = "/Users/" + CreateUser("ada");
  fake_clock_.Advance(absl::Hours(5));
  Get(path);
  fake_clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(Get(path, {}, {{"consistency", "eventual"}}).Header("Age"), "3");
}

TEST_F(ScimHttp, OnABrokenLogReadsGoOnWithTheirAgeAndWritesAre503) {
  const std::string path = "/Users/" + CreateUser("ada");
  log_->health = absl::DataLossError("damaged");
  log_->catch_up_status = absl::DataLossError("damaged");
  fake_clock_.Advance(absl::Seconds(9));
  const Answer read = Get(path);
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.Header("Age"), "9");
  EXPECT_EQ(List("/Users", {{"filter", "userName eq \"ada\""}}).Json()["totalResults"], 1);
  for (const Answer& refused :
       {Call("POST", "/Users", UserBody("eve")), Call("DELETE", path),
        Patch(path, {{"op", "replace"}, {"path", "title"}, {"value", "Dr"}})}) {
    ExpectError(refused, 503);
    EXPECT_EQ(refused.Header("Retry-After"), "1");
  }
}

TEST_F(ScimHttp, AFullDiskIs503AndTheNextWriteWorks) {
  log_->append_status = absl::ResourceExhaustedError("full");
  const Answer refused = Call("POST", "/Users", UserBody("ada"));
  ExpectError(refused, 503);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  log_->append_status = absl::OkStatus();
  CreateUser("ada");
}

TEST_F(ScimHttp, HeadersThatAreNoTextDoNotReachTheLog) {
  const Answer created = Call("POST", "/Users", UserBody("ada"),
                              {{"X-Request-Id", "\xff\xfe"}, {"traceparent", "\xff"}});
  EXPECT_EQ(created.status, 201) << created.body;
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  Call("POST", "/Users", UserBody("eve"), {{"X-Request-Id", "r-1"}, {"traceparent", trace}});
  const auto records = log_->Read(directory_->stream(), 0, 10, 1 << 20);
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(DecodeRecord((*records)[0].bytes)->trace_parent(), "");
  const auto second = DecodeRecord((*records)[1].bytes);
  EXPECT_EQ(second->request_id(), "r-1");
  EXPECT_EQ(second->trace_parent(), trace);
  EXPECT_EQ(second->actor(), "t1");
}

TEST_F(ScimHttp, APasswordReachesNeitherTheLogNorAnAnswer) {
  const Answer created =
      Call("POST", "/Users", UserBody("ada", {{"password", "a-word-not-to-be-kept"}}));
  EXPECT_EQ(created.status, 201);
  EXPECT_THAT(created.body, testing::Not(HasSubstr("not-to-be-kept")));
  const auto records = log_->Read(directory_->stream(), 0, 10, 1 << 20);
  EXPECT_THAT((*records)[0].bytes, testing::Not(HasSubstr("not-to-be-kept")));
}

}  // namespace
}  // namespace purser
