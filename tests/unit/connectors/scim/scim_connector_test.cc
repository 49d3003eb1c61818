#include "connectors/scim/scim_connector.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/support/fake_http_client.h"

namespace purser::connectors {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kApp[] = R"pb(
  name: "recnice"
  connector: "scim"
  url: "https://scim.example.com/scim/"
  credentials { bearer_token { secret: "${env:TOKEN}" } }
  users {
    rows { target: "userName" match: 1 }
    rows { target: "active" }
    rows { target: "name.givenName" }
    rows { target: "emails[type eq \"work\"].value" }
    rows { target: "addresses[type eq \"work\"].locality" }
    rows { target: "roles" }
    rows { target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" }
    rows {
      target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
      reference: true
    }
  }
  groups {
    enabled: ON
    rows { target: "displayName" match: 1 }
    rows { target: "members" }
  }
)pb";

const std::string kEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

class ScimConnectorTest : public ::testing::Test {
 protected:
  ScimConnectorTest() { EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kApp, &app_)); }

  Connector& Connect() {
    if (connector_ == nullptr) {
      auto made = ScimConnector::Make(
          app_, &http_, [](const std::string&) { return std::string("t0ken"); }, clock_);
      EXPECT_TRUE(made.ok()) << made.status();
      connector_ = *std::move(made);
    }
    return *connector_;
  }

  Result Check() {
    Connect().Check({.request_id = "r-1"}, [&](Result result) { result_ = std::move(result); });
    http_.RunAll();
    return result_;
  }
  void Create(const Attributes& wanted) {
    Connect().Create(ResourceType::kUser, wanted, {}, Keep());
    http_.RunAll();
  }
  void Update(const Changes& changes) {
    Connect().Update(ResourceType::kUser, "7", changes, {}, Keep());
    http_.RunAll();
  }
  void Find(ResourceType type, const std::string& attribute, const std::string& value) {
    Connect().Find(type, attribute, value, {}, KeepAll());
    http_.RunAll();
  }
  WriteDone Keep() {
    return [this](Result result, RemoteResource resource) {
      result_ = std::move(result);
      resource_ = std::move(resource);
    };
  }
  ResourcesDone KeepAll() {
    return [this](Result result, std::vector<RemoteResource> resources) {
      result_ = std::move(result);
      resources_ = std::move(resources);
    };
  }
  json Body(size_t request = 0) const { return json::parse(http_.requests.at(request).body); }
  json Operations() const { return Body()["Operations"]; }

  config::v1::App app_;
  FakeClock clock_;
  FakeHttpClient http_;
  std::unique_ptr<Connector> connector_;
  Result result_;
  RemoteResource resource_;
  std::vector<RemoteResource> resources_;
};

TEST_F(ScimConnectorTest, TheCheckAsksForAUserWhoCannotExist) {
  http_.Push(
      200,
      R"({"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0})");
  EXPECT_TRUE(Check().ok());
  EXPECT_EQ(http_.requests.at(0).url,
            "https://scim.example.com/scim/Users?filter=userName%20eq%20%22r-1%22");
  EXPECT_EQ(HeaderOf(http_.requests[0], "Authorization"), "Bearer t0ken");
}

TEST_F(ScimConnectorTest, AnAnswerThatIsNoScimListFailsTheCheck) {
  for (const auto& [status, body] : std::vector<std::pair<int, std::string>>{
           {200, "<html>log in</html>"},
           {200, ""},
           {200, "[]"},
           {200, R"({"ok":true})"},
           {302, ""},
           {404, R"({"detail":"no"})"},
           {204, ""},
           {200,
            R"({"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"totalResults":0})"}}) {
    http_.Push(status, body);
    EXPECT_EQ(Check().verdict, Verdict::kNotTheProtocol) << status << body;
  }
}

TEST_F(ScimConnectorTest, ACreateIsNestedAndNamesItsSchemas) {
  http_.Push(201, R"({"id":"7","userName":"ada"})");
  Create({{"userName", "ada"},
          {"active", true},
          {"name.givenName", "Ada"},
          {"emails[type eq \"work\"].value", "ada@x"},
          {"addresses[type eq \"work\"].locality", "Oslo"},
          {"roles", json::parse(R"([{"value":"User","primary":true}])")},
          {kEnterprise + ":department", "Sales"},
          {kEnterprise + ":manager", "9"}});
  EXPECT_EQ(http_.requests.at(0).method, "POST");
  EXPECT_EQ(http_.requests[0].url, "https://scim.example.com/scim/Users");
  EXPECT_EQ(Body(), json::parse(R"({
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "userName": "ada", "active": true, "name": {"givenName": "Ada"},
    "emails": [{"type": "work", "value": "ada@x"}],
    "addresses": [{"type": "work", "locality": "Oslo"}],
    "roles": [{"value": "User", "primary": true}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"department": "Sales", "manager": {"value": "9"}}})"));
  EXPECT_TRUE(result_.ok());
  EXPECT_EQ(resource_.id, "7");
}

TEST_F(ScimConnectorTest, ACreateWithoutAnIdInItsAnswerIsInDoubt) {
  http_.Push(201, R"({"userName":"ada"})");
  Create({{"userName", "ada"}});
  EXPECT_EQ(result_.verdict, Verdict::kInDoubt);
  http_.Push(201, "");
  Create({{"userName", "ada"}});
  EXPECT_EQ(result_.verdict, Verdict::kNotTheProtocol);
}

TEST_F(ScimConnectorTest, ATakenNameIsAConflictWhetherSaidBy409OrByScimType) {
  http_.Push(409, R"({"status":"409","detail":"User ada exists"})");
  Create({{"userName", "ada"}});
  EXPECT_EQ(result_.verdict, Verdict::kConflict);
  http_.Push(400, R"({"status":"400","scimType":"uniqueness"})");
  Create({{"userName", "ada"}});
  EXPECT_EQ(result_.verdict, Verdict::kConflict);
  EXPECT_THAT(result_.exchange.summary, HasSubstr("uniqueness"));
}

TEST_F(ScimConnectorTest, AnUpdateIsOneOperationForEachChangedAttribute) {
  http_.Push(204, "");
  Update({.set = {{"active", false},
                  {"emails[type eq \"work\"].value", "b@x"},
                  {kEnterprise + ":manager", "9"}},
          .clear = {"name.givenName"}});
  EXPECT_EQ(http_.requests.at(0).method, "PATCH");
  EXPECT_EQ(http_.requests[0].url, "https://scim.example.com/scim/Users/7");
  EXPECT_EQ(Body(), json::parse(R"({"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations":[{"op":"replace","path":"active","value":false},
      {"op":"add","path":"emails[type eq \"work\"].value","value":"b@x"},
      {"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
       "value":{"value":"9"}},
      {"op":"remove","path":"name.givenName"}]})"));
  EXPECT_TRUE(result_.ok());
  EXPECT_EQ(resource_.id, "7");
}

TEST_F(ScimConnectorTest, TheDialectDecidesTheCaseOfOpsAndTheFormOfBooleans) {
  app_.mutable_dialect()->set_op_case(config::v1::Dialect::TITLE);
  app_.mutable_dialect()->set_boolean_as_string(true);
  http_.Push(204, "");
  Connect().SetActive("7", false, {}, Keep());
  http_.RunAll();
  EXPECT_EQ(Operations(), json::parse(R"([{"op":"Replace","path":"active","value":"False"}])"));
}

TEST_F(ScimConnectorTest, DisablingCarriesNothingElse) {
  http_.Push(200, R"({"id":"7","active":false})");
  Connect().SetActive("7", false, {}, Keep());
  http_.RunAll();
  EXPECT_EQ(Operations(), json::parse(R"([{"op":"replace","path":"active","value":false}])"));
  EXPECT_EQ(resource_.active, false);
}

TEST_F(ScimConnectorTest, APutLaysWhatIsMappedOverWhatWasRead) {
  app_.mutable_dialect()->set_update(config::v1::Dialect::PUT);
  http_.Push(200, R"({"id":"7","schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName":"ada","nickName":"A","name":{"givenName":"Ada","middleName":"K"},
    "meta":{"version":"W/\"1\""}})",
             {{"ETag", "W/\"2\""}});
  http_.Push(200, R"({"id":"7"})");
  Update({.set = {{"active", true}},
          .clear = {"name.givenName"},
          .wanted = {{"userName", "ada"}, {"active", true}}});
  ASSERT_EQ(http_.requests.size(), 2u);
  EXPECT_EQ(http_.requests[1].method, "PUT");
  EXPECT_EQ(HeaderOf(http_.requests[1], "If-Match"), "W/\"2\"");
  EXPECT_EQ(Body(1), json::parse(R"({"id":"7","userName":"ada","nickName":"A","active":true,
    "schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"name":{"middleName":"K"}})"));
}

TEST_F(ScimConnectorTest, APutWhoseReadFailedLeavesNothingInDoubt) {
  app_.mutable_dialect()->set_update(config::v1::Dialect::PUT);
  http_.Push(absl::DeadlineExceededError(""));
  Update({.set = {{"active", true}}});
  EXPECT_EQ(result_.verdict, Verdict::kUnavailable);
  EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(ScimConnectorTest, AFoundNameIsQuotedSoThatItCannotBecomeAFilter) {
  http_.Push(200, R"({"totalResults":0,"Resources":[]})");
  Find(ResourceType::kUser, "userName", "a\" or \"\" eq \"\\");
  EXPECT_EQ(http_.requests.at(0).url,
            "https://scim.example.com/scim/Users?filter=userName%20eq%20%22a%5C%22%20or%20%5C%22"
            "%5C%22%20eq%20%5C%22%5C%5C%22&startIndex=1&count=100");
  EXPECT_TRUE(resources_.empty());
}

TEST_F(ScimConnectorTest, AFilterOnAValuePathBindsOneElement) {
  http_.Push(200, R"({"totalResults":0})");
  Find(ResourceType::kUser, "emails[type eq \"work\"].value", "a@x");
  EXPECT_THAT(http_.requests.at(0).url,
              HasSubstr("emails%5Btype%20eq%20%22work%22%20and%20value%20eq%20%22a%40x%22%5D"));
}

TEST_F(ScimConnectorTest, AnIgnoredFilterShowsEveryPageOfEveryone) {
  http_.Push(
      200,
      R"({"totalResults":3,"Resources":[{"id":"1","userName":"a"},{"id":"2","userName":"b"}]})");
  http_.Push(200, R"({"totalResults":3,"Resources":[{"id":"3","userName":"ada"}]})");
  Find(ResourceType::kUser, "userName", "ada");
  ASSERT_EQ(resources_.size(), 3u);
  EXPECT_EQ(resources_[2].attributes.at("userName"), "ada");
  EXPECT_THAT(http_.requests.at(1).url, HasSubstr("startIndex=3"));
}

TEST_F(ScimConnectorTest, GroupsAreFoundWithoutTheirMembers) {
  http_.Push(200, R"({"totalResults":1,"Resources":[{"id":"g","displayName":"Sales"}]})");
  Find(ResourceType::kGroup, "displayName", "Sales");
  EXPECT_THAT(http_.requests.at(0).url, HasSubstr("excludedAttributes=members"));
  ASSERT_EQ(resources_.size(), 1u);
  EXPECT_EQ(resources_[0].attributes.at("displayName"), "Sales");
}

TEST_F(ScimConnectorTest, WhatIsReadComesBackByTarget) {
  http_.Push(200, R"({"id":"7","userName":"ada","active":"True","nickName":"A",
    "emails":[{"type":"home","value":"h@x"},{"type":"work","value":"w@x","primary":"True"}],
    "roles":[{"value":"User","primary":"True"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"9"}}})",
             {{"ETag", "\"5\""}});
  Connect().Read(ResourceType::kUser, "7", true, {}, KeepAll());
  http_.RunAll();
  ASSERT_EQ(resources_.size(), 1u);
  const RemoteResource& user = resources_[0];
  EXPECT_EQ(user.etag, "\"5\"");
  EXPECT_EQ(user.active, true);
  EXPECT_EQ(user.attributes,
            (Attributes{{"userName", "ada"},
                        {"active", true},
                        {"emails[type eq \"work\"].value", "w@x"},
                        {"roles", json::parse(R"([{"value":"User","primary":true}])")},
                        {kEnterprise + ":manager", "9"}}));
}

TEST_F(ScimConnectorTest, AnAnswerAboutAnotherResourceIsNotBelieved) {
  http_.Push(200, R"({"id":"8","userName":"bob"})");
  Connect().Read(ResourceType::kUser, "7", true, {}, KeepAll());
  http_.RunAll();
  EXPECT_EQ(result_.verdict, Verdict::kNotTheProtocol);
  EXPECT_TRUE(resources_.empty());
}

TEST_F(ScimConnectorTest, AMissingUserIsNotFoundButAWebPageIsNoAnswer) {
  http_.Push(404, R"({"status":"404"})");
  Connect().Read(ResourceType::kUser, "7", true, {}, KeepAll());
  http_.RunAll();
  EXPECT_EQ(result_.verdict, Verdict::kNotFound);
  http_.Push(404, "<html>nothing here</html>");
  Connect().Delete(ResourceType::kUser, "7", {}, Keep());
  http_.RunAll();
  EXPECT_EQ(result_.verdict, Verdict::kNotTheProtocol);
}

TEST_F(ScimConnectorTest, ShortPagesAreFollowedToTheEnd) {
  http_.Push(200, R"({"totalResults":3,"Resources":[{"id":"1"},{"id":"2"}]})");
  http_.Push(200, R"({"totalResults":3,"Resources":[{"id":"3"}]})");
  std::vector<std::string> ids;
  std::string cursor;
  do {
    Connect().List(ResourceType::kUser, cursor, {}, [&](Result, Connector::Page page) {
      for (const RemoteResource& user : page.resources) ids.push_back(user.id);
      cursor = page.next;
    });
    http_.RunAll();
  } while (!cursor.empty());
  EXPECT_THAT(ids, ElementsAre("1", "2", "3"));
}

TEST_F(ScimConnectorTest, AListThatNeverTurnsThePageEnds) {
  http_.Push(200, R"({"Resources":[{"id":"1"},{"id":"2"}]})");
  http_.Push(200, R"({"Resources":[{"id":"1"},{"id":"2"}]})");
  Connector::Page page;
  auto keep = [&](Result, Connector::Page answer) { page = std::move(answer); };
  Connect().List(ResourceType::kUser, "", {}, keep);
  http_.RunAll();
  ASSERT_FALSE(page.next.empty());
  Connect().List(ResourceType::kUser, page.next, {}, keep);
  http_.RunAll();
  EXPECT_EQ(page.next, "");
  EXPECT_TRUE(page.resources.empty());
}

TEST_F(ScimConnectorTest, ADeleteThatTheAppDoesNotOfferSaysSo) {
  for (int status : {405, 501}) {
    http_.Push(status, "");
    Connect().Delete(ResourceType::kUser, "7", {}, Keep());
    http_.RunAll();
    EXPECT_EQ(result_.verdict, Verdict::kUnsupported);
  }
  http_.Push(204, "");
  Connect().Delete(ResourceType::kUser, "7", {}, Keep());
  http_.RunAll();
  EXPECT_TRUE(result_.ok());
}

TEST_F(ScimConnectorTest, MembersAreRemovedOneByOneAndNeverAll) {
  http_.Push(204, "");
  Connect().ChangeMembers("g", {.add = {"1"}, .remove = {"2", "3"}}, {}, Keep());
  http_.RunAll();
  EXPECT_EQ(http_.requests.at(0).url, "https://scim.example.com/scim/Groups/g");
  EXPECT_EQ(Operations(), json::parse(R"([{"op":"add","path":"members","value":[{"value":"1"}]},
    {"op":"remove","path":"members[value eq \"2\"]"},
    {"op":"remove","path":"members[value eq \"3\"]"}])"));
}

TEST_F(ScimConnectorTest, MembersAreRemovedByListWhereTheDialectSaysSo) {
  app_.mutable_dialect()->set_member_removal(config::v1::Dialect::LISTED);
  http_.Push(204, "");
  Connect().ChangeMembers("g", {.remove = {"2", "3"}}, {}, Keep());
  http_.RunAll();
  EXPECT_EQ(Operations(), json::parse(R"([{"op":"remove","path":"members",
    "value":[{"value":"2"},{"value":"3"}]}])"));
}

TEST_F(ScimConnectorTest, ASuccessThatIsNotScimIsNoSuccess) {
  for (const auto& [status, body] : std::vector<std::pair<int, std::string>>{
           {200, ""}, {200, "ok"}, {200, "<html/>"}, {302, ""}, {200, R"({"ok":true})"}}) {
    http_.Push(status, body);
    Update({.set = {{"active", true}}});
    EXPECT_EQ(result_.verdict, Verdict::kNotTheProtocol) << status << body;
  }
}

TEST_F(ScimConnectorTest, ALostAnswerToAWriteIsInDoubt) {
  http_.Push(absl::UnavailableError("reset"));
  Update({.set = {{"active", true}}});
  EXPECT_EQ(result_.verdict, Verdict::kInDoubt);
  http_.Push(absl::FailedPreconditionError("refused"));
  Update({.set = {{"active", true}}});
  EXPECT_EQ(result_.verdict, Verdict::kUnavailable);
}

TEST_F(ScimConnectorTest, ConfigurationThatLacksSomethingIsRefusedByName) {
  app_.clear_url();
  auto made = ScimConnector::Make(app_, &http_, ProcessSecrets(), clock_);
  EXPECT_THAT(made.status().ToString(), HasSubstr("url"));
  app_.set_url("https://x");
  app_.clear_credentials();
  made = ScimConnector::Make(app_, &http_, ProcessSecrets(), clock_);
  EXPECT_THAT(made.status().ToString(), HasSubstr("bearer_token"));
}

}  // namespace
}  // namespace purser::connectors
