#include "connectors/replicon/replicon_connector.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/support/fake_http_client.h"

namespace purser::connectors {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kApp[] = R"pb(
  name: "replicon"
  connector: "replicon"
  url: "https://global.replicon.com/"
  credentials {
    password { username: "${env:U}" password: "${env:P}" company_id: "acme" domain: "na1" }
  }
  users {
    rows { target: "loginName" match: 1 }
    rows { target: "ssoName" }
    rows { target: "firstName" }
    rows { target: "lastName" }
    rows { target: "emailAddress" }
    rows { target: "employeeId" match: 2 }
    rows { target: "active" }
    rows { target: "department" }
    rows { target: "supervisor" reference: true }
    rows { target: "employmentStartDate" }
  }
)pb";

constexpr char kOperation[] = "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f";  // made on 2024-11-03

// A user as the service shows one.
json Shown(bool enabled, const json& end = nullptr) {
  json user = json::parse(R"({"userDetails":{"uri":"u:7","firstName":"Ada","lastName":"Byron",
    "emailAddress":null,"employeeId":"42","isEnabled":true,"supervisor":null},
    "securityConfiguration":{"loginName":"ada"}})");
  user["userDetails"]["employmentDateRange"] = {
      {"startDate", {{"year", 2024}, {"month", 1}, {"day", 2}}}, {"endDate", end}};
  user["securityConfiguration"]["isLoginEnabled"] = enabled;
  return user;
}

class RepliconConnectorTest : public ::testing::Test {
 protected:
  RepliconConnectorTest() : http_([this](const HttpRequest& request) { return Serve(request); }) {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kApp, &app_));
    auto made = RepliconConnector::Make(
        app_, &http_,
        [](const std::string& reference) -> absl::StatusOr<std::string> {
          return reference == "${env:U}" ? "admin" : "pa:ss";
        },
        clock_);
    EXPECT_TRUE(made.ok()) << made.status();
    connector_ = *std::move(made);
  }

  // Discovery answers by itself; the rest is what the test says of an operation.
  absl::StatusOr<HttpResponse> Serve(const HttpRequest& request) {
    if (absl::EndsWith(request.url, "GetTenantEndpointDetails")) {
      return HttpResponse{.status = 200,
                          .body = R"({"d":{"applicationRootUrl":"https://na1.replicon.com/"}})"};
    }
    const std::string operation = request.url.substr(request.url.rfind('/') + 1);
    calls_.push_back(operation);
    bodies_[operation] = json::parse(request.body);
    auto& answers = answers_[operation];
    if (answers.empty()) return HttpResponse{.status = 200, .body = R"({"d":null})"};
    HttpResponse answer = answers.front();
    if (answers.size() > 1) answers.erase(answers.begin());
    return answer;
  }
  // One more answer to an operation; the last is given for ever.
  void Answer(const std::string& operation, const json& d) {
    Answer(operation, 200, json{{"d", d}}.dump());
  }
  void Answer(const std::string& operation, int status, const std::string& body) {
    answers_[operation].push_back({.status = status, .body = body});
  }
  void Refuse(const std::string& operation) {
    Answer(operation, 500, R"({"error":{"code":"Sender","type":"SomeError1"}})");
  }

  Call MakeCall() const { return {.operation_id = kOperation}; }
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
  void Create(Attributes wanted) {
    wanted.insert({{"loginName", "ada"}, {"firstName", "Ada"}, {"lastName", "Byron"}});
    connector_->Create(ResourceType::kUser, wanted, MakeCall(), Keep());
    http_.RunAll();
  }
  void Update(const Changes& changes) {
    connector_->Update(ResourceType::kUser, "u:7", changes, MakeCall(), Keep());
    http_.RunAll();
  }
  void SetActive(bool active) {
    connector_->SetActive("u:7", active, MakeCall(), Keep());
    http_.RunAll();
  }

  config::v1::App app_;
  FakeClock clock_;
  FakeHttpClient http_;
  std::unique_ptr<Connector> connector_;
  std::map<std::string, std::vector<HttpResponse>> answers_;
  std::map<std::string, json> bodies_;  // the last of each operation
  std::vector<std::string> calls_;
  Result result_;
  RemoteResource resource_;
  std::vector<RemoteResource> resources_;
};

constexpr char kWriteUser[] = "CreateUserOrApplyModifications";
constexpr char kReadUsers[] = "BulkGetUsers3";

TEST_F(RepliconConnectorTest, TheServicesAreDiscoveredWithoutCredentialsAndOnce) {
  Answer("GetMyIdentity", json{{"uri", "u:1"}});
  connector_->Check(MakeCall(), [this](Result result) { result_ = std::move(result); });
  http_.RunAll();
  EXPECT_TRUE(result_.ok()) << result_.message;
  ASSERT_EQ(http_.requests.size(), 2u);
  const HttpRequest& discovery = http_.requests[0];
  EXPECT_EQ(discovery.url,
            "https://global.replicon.com/DiscoveryService1.svc/GetTenantEndpointDetails");
  EXPECT_EQ(discovery.body, R"({"tenant":{"companyKey":"acme"}})");
  EXPECT_EQ(HeaderOf(discovery, "Authorization"), "");
  const HttpRequest& check = http_.requests[1];
  EXPECT_EQ(check.url,
            "https://na1.replicon.com/acme/services/UserAccessControlService1.svc/GetMyIdentity");
  EXPECT_EQ(check.body, "{}");
  EXPECT_EQ(HeaderOf(check, "Authorization"), "Basic " + absl::Base64Escape("acme\\admin:pa:ss"));
  EXPECT_THAT(HeaderOf(check, "X-Replicon-Application"), HasSubstr("acme_GetMyIdentity_"));
  connector_->Read(ResourceType::kUser, "u:7", false, MakeCall(), KeepAll());
  http_.RunAll();
  EXPECT_EQ(http_.requests.size(), 3u);
}

TEST_F(RepliconConnectorTest, AnUnknownCompanyIsAMatterOfCredentials) {
  http_.Push(200, R"({"error":{"code":"Sender","type":"InvalidTenant1"}})");
  connector_->Check(MakeCall(), [this](Result result) { result_ = std::move(result); });
  http_.RunAll();
  EXPECT_EQ(result_.verdict, Verdict::kUnauthenticated);
  EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(RepliconConnectorTest, CredentialsAreNotSentWhereDiscoveryHasNoBusiness) {
  http_.Push(200, R"({"d":{"applicationRootUrl":"https://evil.example.net/"}})");
  connector_->Check(MakeCall(), [this](Result result) { result_ = std::move(result); });
  http_.RunAll();
  EXPECT_EQ(result_.verdict, Verdict::kNotTheProtocol);
  EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(RepliconConnectorTest, ACreateCarriesItsOperationIdAndTheDayItWasMade) {
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  Answer(kReadUsers, json::array({Shown(true)}));
  Create({{"ssoName", "ada"}, {"employeeId", "42"}, {"active", true}});
  EXPECT_TRUE(result_.ok()) << result_.message;
  EXPECT_EQ(resource_.id, "u:7");
  EXPECT_EQ(resource_.active, true);
  EXPECT_EQ(resource_.attributes.at("active"), true);
  EXPECT_EQ(bodies_[kWriteUser], json::parse(R"({"target": null,
    "modifications": {"firstName": {"value": "Ada"}, "lastName": {"value": "Byron"},
      "loginName": {"value": "ada"}, "employeeId": {"value": "42"},
      "employmentDateRange": {"value": {"startDate": {"year": 2024, "month": 11, "day": 3},
                                        "endDate": null}},
      "securitySettings": {"value": {"loginEnabled": {"value": true}, "ssoName": {"value": "ada"}}}},
    "userModificationOptionUri": "urn:replicon:user-modification-option:save",
    "unitOfWorkId": "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f"})"));
  EXPECT_THAT(calls_, ElementsAre(kWriteUser, kReadUsers));
}

TEST_F(RepliconConnectorTest, ACreateWithoutARequiredNameIsNotSent) {
  connector_->Create(ResourceType::kUser, {{"loginName", "ada"}, {"firstName", "Ada"}}, MakeCall(),
                     Keep());
  EXPECT_EQ(result_.verdict, Verdict::kRefused);
  EXPECT_THAT(result_.message, HasSubstr("lastName"));
  EXPECT_TRUE(http_.requests.empty());
}

TEST_F(RepliconConnectorTest, ARefusedCreateWhoseLoginNameExistsIsAConflict) {
  Refuse(kWriteUser);
  Answer(kReadUsers, json::array({Shown(false)}));
  Create({});
  EXPECT_EQ(result_.verdict, Verdict::kConflict);
}

TEST_F(RepliconConnectorTest, ARefusedCreateOfANewNameIsARefusal) {
  Refuse(kWriteUser);
  Answer(kReadUsers, json::array());
  Create({});
  EXPECT_EQ(result_.verdict, Verdict::kRefused);
  EXPECT_THAT(result_.exchange.summary, HasSubstr("SomeError1"));
}

TEST_F(RepliconConnectorTest, ADepartmentIsSentByUriAndAnUnknownOneLeftOut) {
  Answer("GetEnabledDepartments", json::parse(R"([{"displayText":"Sales","uri":"d:3"}])"));
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  Answer(kReadUsers, json::array({Shown(true)}));
  Create({{"department", "sales"}});
  EXPECT_EQ(bodies_[kWriteUser]["modifications"]["departmentGroupSchedule"],
            json::parse(R"([{"dateRange":null,"item":{"uri":"d:3"}}])"));
  EXPECT_THAT(result_.left_out, IsEmpty());
  Create({{"department", "Poetry"}});
  EXPECT_TRUE(result_.ok());
  EXPECT_THAT(result_.left_out, ElementsAre("department"));
  EXPECT_FALSE(bodies_[kWriteUser]["modifications"].contains("departmentGroupSchedule"));
}

TEST_F(RepliconConnectorTest, TheSupervisorFollowsOnceTheUserExists) {
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  json shown = Shown(true);
  shown["userDetails"]["supervisor"] = {{"uri", "u:9"}};
  Answer(kReadUsers, json::array({shown}));
  Create({{"supervisor", "u:9"}});
  EXPECT_EQ(bodies_["UpdateSupervisorAssignmentScheduleOverDateRange"],
            json::parse(R"({"userUri":"u:7","supervisorUri":"u:9","dateRange":null})"));
  EXPECT_TRUE(result_.ok()) << result_.message;
  EXPECT_THAT(result_.left_out, IsEmpty());
}

TEST_F(RepliconConnectorTest, ARefusedSupervisorIsLeftOutOfACreate) {
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  Refuse("UpdateSupervisorAssignmentScheduleOverDateRange");
  Answer(kReadUsers, json::array({Shown(true)}));
  Create({{"supervisor", "u:9"}});
  EXPECT_TRUE(result_.ok());
  EXPECT_THAT(result_.left_out, ElementsAre("supervisor"));
}

TEST_F(RepliconConnectorTest, ALimitReachedAfterTheUserWasMadeLeavesTheCreateInDoubt) {
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  Answer("UpdateSupervisorAssignmentScheduleOverDateRange", 429, "");
  Create({{"supervisor", "u:9"}});
  EXPECT_EQ(result_.verdict, Verdict::kInDoubt);
  EXPECT_EQ(resource_.id, "u:7");
}

TEST_F(RepliconConnectorTest, ALimitReachedBeforeAnythingHappenedIsThrottling) {
  Answer(kWriteUser, 429, "");
  Create({});
  EXPECT_EQ(result_.verdict, Verdict::kThrottled);
}

TEST_F(RepliconConnectorTest, ASuccessThatChangedNothingIsReported) {
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  Answer(kReadUsers, json::array({Shown(true)}));
  Update({.set = {{"firstName", "Eve"}}});
  EXPECT_EQ(result_.verdict, Verdict::kRefused);
  EXPECT_THAT(result_.message, HasSubstr("firstName"));
  Update({.set = {{"firstName", "Eve"}, {"lastName", "Byron"}}});
  EXPECT_TRUE(result_.ok());
  EXPECT_THAT(result_.left_out, ElementsAre("firstName"));
}

TEST_F(RepliconConnectorTest, AWriteThatCannotBeReadBackIsInDoubt) {
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  Answer(kReadUsers, 503, "");
  Update({.set = {{"firstName", "Eve"}}});
  EXPECT_EQ(result_.verdict, Verdict::kInDoubt);
}

TEST_F(RepliconConnectorTest, AnUpdateNamesItsUserByUriAlone) {
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  Answer(kReadUsers, json::array({Shown(true)}));
  Update({.set = {{"loginName", "ada"}}, .wanted = {{"ssoName", "ada"}, {"firstName", "x"}}});
  EXPECT_EQ(bodies_[kWriteUser]["target"], json::parse(R"({"uri":"u:7"})"));
  EXPECT_EQ(bodies_[kWriteUser]["modifications"], json::parse(R"({"loginName":{"value":"ada"},
    "securitySettings":{"value":{"ssoName":{"value":"ada"}}}})"));
}

TEST_F(RepliconConnectorTest, AnUpdateThatEnablesClearsTheEndDate) {
  Answer(kWriteUser, json{{"user", {{"uri", "u:7"}}}});
  Answer(kReadUsers, json::array({Shown(false, {{"year", 2024}, {"month", 5}, {"day", 1}})}));
  Answer(kReadUsers, json::array({Shown(true)}));
  Update({.set = {{"active", true}}});
  EXPECT_TRUE(result_.ok()) << result_.message;
  EXPECT_EQ(
      bodies_[kWriteUser]["modifications"]["employmentDateRange"],
      json::parse(R"({"value":{"startDate":{"year":2024,"month":1,"day":2},"endDate":null}})"));
}

TEST_F(RepliconConnectorTest, AnUpdateOfAMissingUserIsNotFound) {
  Refuse(kWriteUser);
  Answer(kReadUsers, json::array({json::object()}));
  Update({.set = {{"firstName", "Eve"}}});
  EXPECT_EQ(result_.verdict, Verdict::kNotFound);
}

TEST_F(RepliconConnectorTest, DisablingTurnsTheLogInOffAndNoMore) {
  Answer(kReadUsers, json::array({Shown(false)}));
  SetActive(false);
  EXPECT_TRUE(result_.ok());
  EXPECT_THAT(calls_, ElementsAre("DisableLogin", kReadUsers));
  EXPECT_EQ(bodies_["DisableLogin"], json::parse(R"({"userUri":"u:7"})"));
  EXPECT_EQ(resource_.active, false);
}

TEST_F(RepliconConnectorTest, ADisableThatDidNotDisableIsNoSuccess) {
  Answer(kReadUsers, json::array({Shown(true)}));
  SetActive(false);
  EXPECT_EQ(result_.verdict, Verdict::kRefused);
}

TEST_F(RepliconConnectorTest, ARefusedDisableOfADisabledUserIsDone) {
  Refuse("DisableLogin");
  Answer(kReadUsers, json::array({Shown(false)}));
  SetActive(false);
  EXPECT_TRUE(result_.ok());
}

TEST_F(RepliconConnectorTest, EnablingClearsTheEndDateFirst) {
  Answer(kReadUsers, json::array({Shown(false, {{"year", 2024}, {"month", 5}, {"day", 1}})}));
  Answer(kReadUsers, json::array({Shown(true)}));
  SetActive(true);
  EXPECT_TRUE(result_.ok()) << result_.message;
  EXPECT_THAT(calls_,
              ElementsAre(kReadUsers, "UpdateEmploymentDateRange", "EnableLogin", kReadUsers));
  EXPECT_EQ(bodies_["UpdateEmploymentDateRange"], json::parse(R"({"userUri":"u:7","dateRange":
              {"startDate":{"year":2024,"month":1,"day":2},"endDate":null}})"));
}

TEST_F(RepliconConnectorTest, ADeleteTurnsTheLogInOffFirstAndThenEndsTheEmployment) {
  Answer(kReadUsers, json::array({Shown(false)}));
  connector_->Delete(ResourceType::kUser, "u:7", MakeCall(), Keep());
  http_.RunAll();
  EXPECT_TRUE(result_.ok()) << result_.message;
  EXPECT_THAT(calls_,
              ElementsAre("DisableLogin", kReadUsers, "UpdateEmploymentDateRange", kReadUsers));
  EXPECT_EQ(bodies_["UpdateEmploymentDateRange"]["dateRange"]["endDate"],
            json::parse(R"({"year":2024,"month":11,"day":3})"));
}

TEST_F(RepliconConnectorTest, ADeleteOfAMissingUserIsNotFound) {
  Refuse("DisableLogin");
  Answer(kReadUsers, json::array());
  connector_->Delete(ResourceType::kUser, "u:7", MakeCall(), Keep());
  http_.RunAll();
  EXPECT_EQ(result_.verdict, Verdict::kNotFound);
}

TEST_F(RepliconConnectorTest, UsersAreFoundByOneIdentifier) {
  Answer(kReadUsers, json::array({Shown(true)}));
  connector_->Find(ResourceType::kUser, "employeeId", "42", MakeCall(), KeepAll());
  http_.RunAll();
  EXPECT_EQ(bodies_[kReadUsers], json::parse(R"({
    "users":[{"employeeId":"42","parameterCorrelationId":"1"}],
    "dataLoadOptionUri":"urn:replicon:data-load-option:omit-data-if-insufficient-access-permission"})"));
  ASSERT_EQ(resources_.size(), 1u);
  EXPECT_EQ(resources_[0].attributes.at("loginName"), "ada");
}

TEST_F(RepliconConnectorTest, AnUnknownUserIsNoneHoweverItIsSaid) {
  for (const char* body :
       {R"({"d":[]})", R"({"d":[{"parameterCorrelationId":"1"}]})", R"({"d":null})",
        R"({"d":[{"error":{"type":"InvalidUserTargetParameterError1"}}]})",
        R"({"error":{"code":"Sender","type":"InvalidUserTargetParameterError1"}})"}) {
    answers_[kReadUsers] = {{.status = 200, .body = body}};
    connector_->Find(ResourceType::kUser, "loginName", "nobody", MakeCall(), KeepAll());
    http_.RunAll();
    EXPECT_TRUE(result_.ok()) << body << result_.message;
    EXPECT_TRUE(resources_.empty()) << body;
  }
}

TEST_F(RepliconConnectorTest, ALookUpThatIsRefusedTurnsToSearchAndComparesAgain) {
  Refuse(kReadUsers);
  Answer(kReadUsers, json::array({Shown(true)}));
  Answer("GetData", json::parse(R"({"rows":[
    {"cells":[{"uri":"u:6"},{"textValue":"adalbert"}]},
    {"cells":[{"uri":"u:7"},{"textValue":"Ada"}]}, {"cells":[{"uri":"u:8"},{}]}]})"));
  connector_->Find(ResourceType::kUser, "loginName", "ada", MakeCall(), KeepAll());
  http_.RunAll();
  EXPECT_EQ(bodies_["GetData"]["filterExpression"], json::parse(R"({
    "leftExpression":{"filterDefinitionUri":"urn:replicon:user-list-filter:login-name"},
    "operatorUri":"urn:replicon:filter-operator:text-search",
    "rightExpression":{"value":{"text":"ada"}}})"));
  EXPECT_EQ(bodies_[kReadUsers]["users"],
            json::parse(R"([{"uri":"u:7","parameterCorrelationId":"1"}])"));
  EXPECT_EQ(resources_.size(), 1u);
}

TEST_F(RepliconConnectorTest, AListEndsWithAShortPage) {
  json rows = json::array();
  for (int i = 0; i < 100; ++i) rows.push_back({{"cells", json::array({{{"uri", "u:7"}}})}});
  Answer("GetData", json{{"rows", rows}});
  Answer("GetData", json{{"rows", json::array()}});
  Answer(kReadUsers, json::array({Shown(true)}));
  Connector::Page page;
  auto keep = [&](Result result, Connector::Page answer) {
    EXPECT_TRUE(result.ok()) << result.message;
    page = std::move(answer);
  };
  connector_->List(ResourceType::kUser, "", MakeCall(), keep);
  http_.RunAll();
  EXPECT_EQ(page.next, "2");
  EXPECT_EQ(page.resources.size(), 1u);
  connector_->List(ResourceType::kUser, page.next, MakeCall(), keep);
  http_.RunAll();
  EXPECT_EQ(bodies_["GetData"]["page"], 2);
  EXPECT_EQ(page.next, "");
}

TEST_F(RepliconConnectorTest, ALostAnswerIsInDoubtForAWriteAndNotForAQuestion) {
  Answer(kReadUsers, json::array({Shown(true)}));
  connector_->Read(ResourceType::kUser, "u:7", false, MakeCall(), KeepAll());
  http_.RunAll();
  http_.Push(absl::DeadlineExceededError(""));
  connector_->Read(ResourceType::kUser, "u:7", false, MakeCall(), KeepAll());
  http_.RunAll();
  EXPECT_EQ(result_.verdict, Verdict::kUnavailable);
  answers_.clear();
  Answer(kWriteUser, 500, "The operation has timed out");
  Update({.set = {{"firstName", "Eve"}}});
  EXPECT_EQ(result_.verdict, Verdict::kInDoubt);
}

}  // namespace
}  // namespace purser::connectors
