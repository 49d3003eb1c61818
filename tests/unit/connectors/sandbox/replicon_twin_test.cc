#include "connectors/sandbox/replicon_twin.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/unit/connectors/sandbox/twin_testing.h"

namespace purser::sandbox {
namespace {

constexpr char kCreate[] = "ImportService2.svc/CreateUserOrApplyModifications";

json Value(json value) { return {{"value", std::move(value)}}; }

class RepliconDesk {
 public:
  RepliconDesk() : twin({"acme", "admin", "sandbox"}, clock, ids) {}

  http::Response Send(const std::string& path, const json& body, Circumstances how = {}) {
    return twin.Handle(twin.Understand(Request(path, body)), how);
  }
  http::Response Ask(const std::string& operation, const json& body, Circumstances how = {}) {
    return Send("/replicon/acme/services/" + operation, body, how);
  }
  http::Request Request(const std::string& path, const json& body,
                        const std::string& login = "acme\\admin:sandbox") {
    return MakeRequest("POST", path, body, "Basic " + absl::Base64Escape(login));
  }
  // A new unit of work each time.
  http::Response Modify(json modifications, json target = nullptr) {
    return Ask(kCreate,
               {{"target", target},
                {"modifications", std::move(modifications)},
                {"userModificationOptionUri", "urn:replicon:user-modification-option:save"},
                {"unitOfWorkId", absl::StrCat("unit-", ++units_)}});
  }
  std::string CreateUser(const std::string& login, json more = json::object()) {
    json modifications = {
        {"firstName", Value("Ada")}, {"lastName", Value("Byron")}, {"loginName", Value(login)}};
    modifications.update(more);
    const http::Response created = Modify(modifications);
    EXPECT_EQ(created.status, 200) << created.body;
    return BodyOf(created)["d"]["user"].value("uri", "");
  }
  json Read(const std::string& uri) {
    const json items =
        BodyOf(Ask("ImportService1.svc/BulkGetUsers3",
                   {{"users", {{{"uri", uri}, {"parameterCorrelationId", "c"}}}}}))["d"];
    return items.empty() ? json() : items[0];
  }
  json Search(const std::string& text, int page = 1, json size = 100, Circumstances how = {}) {
    const json body = {
        {"page", page},
        {"pagesize", size},
        {"columnUris",
         {"urn:replicon:user-list-column:user", "urn:replicon:user-list-column:login-name"}},
        {"sort", json::array()},
        {"filterExpression",
         {{"leftExpression", {{"filterDefinitionUri", "urn:replicon:user-list-filter:login-name"}}},
          {"operatorUri", "urn:replicon:filter-operator:text-search"},
          {"rightExpression", {{"value", {{"text", text}}}}}}}};
    return BodyOf(Ask("userlistservice1.svc/GetData", body, how))["d"];
  }

  FakeClock clock;
  SequentialIdSource ids;
  RepliconTwin twin;

 private:
  int units_ = 0;
};

std::string TypeOf(const http::Response& refused) {
  return BodyOf(refused)["error"].value("type", "");
}

TEST(RepliconTwin, DiscoveryNeedsNoLoginAndHasBothFormsOfTheRoot) {
  RepliconDesk desk;
  const std::string path = "/replicon/DiscoveryService1.svc/GetTenantEndpointDetails";
  const json body = {{"tenant", {{"companyKey", "ACME"}}}};
  EXPECT_TRUE(desk.twin.Authorized(desk.twin.Understand(desk.Request(path, body, "no:no"))));
  EXPECT_EQ(BodyOf(desk.Send(path, body))["d"]["applicationRootUrl"],
            "http://127.0.0.1:8090/replicon/");
  ASSERT_TRUE(desk.twin.Configure({{"root_has_company_key", true}}).ok());
  EXPECT_EQ(BodyOf(desk.Send(path, body))["d"]["applicationRootUrl"],
            "http://127.0.0.1:8090/replicon/acme/");
  EXPECT_TRUE(BodyOf(desk.Send(path, {{"tenant", {{"companyKey", "x"}}}})).contains("error"));
}

TEST(RepliconTwin, TheLoginIsCompanyBackslashName) {
  RepliconDesk desk;
  const std::string path = "/replicon/acme/services/UserAccessControlService1.svc/GetMyIdentity";
  const auto authorized = [&](const std::string& login) {
    return desk.twin.Authorized(desk.twin.Understand(desk.Request(path, json::object(), login)));
  };
  EXPECT_TRUE(authorized("acme\\admin:sandbox"));
  EXPECT_FALSE(authorized("admin:sandbox"));
  EXPECT_FALSE(authorized("acme\\\\admin:sandbox"));
  EXPECT_FALSE(authorized("acme\\admin:wrong"));
  ASSERT_TRUE(desk.twin.Configure({{"password", "next"}}).ok());
  EXPECT_FALSE(authorized("acme\\admin:sandbox"));
  EXPECT_TRUE(authorized("acme\\admin:next"));
}

TEST(RepliconTwin, EveryReplyHasACorrelationId) {
  RepliconDesk desk;
  const http::Response answer =
      desk.Ask("UserAccessControlService1.svc/GetMyIdentity", json::object());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers[0].first, "x-execution-correlation-id");
  const http::Response refused = desk.Modify({{"firstName", Value("Ada")}});
  EXPECT_EQ(BodyOf(refused)["error"]["correlationId"], refused.headers[0].second);
}

TEST(RepliconTwin, ACreatedUserIsReadAsItWasSent) {
  RepliconDesk desk;
  const std::string boss = desk.CreateUser("boss");
  const std::string uri = desk.CreateUser(
      "ada.byron",
      {{"emailAddress", Value("ada@example.com")},
       {"employeeId", Value(42)},
       {"employmentDateRange", Value({{"startDate", {{"year", "2026"}, {"month", 8}, {"day", "1"}}},
                                      {"endDate", nullptr}})},
       {"securitySettings",
        Value({{"loginEnabled", Value("true")}, {"ssoName", Value("ada.byron")}})},
       {"departmentGroupSchedule",
        {{{"dateRange", nullptr},
          {"item", {{"uri", nullptr}, {"name", "Sales"}, {"parent", {{"name", "Root"}}}}}}}},
       {"supervisorSchedule", {{{"dateRange", nullptr}, {"item", {{"uri", boss}}}}}},
       {"permissionSets",
        {{{"modificationOptionUri", "urn:replicon:collection-modification-option:add"},
          {"items", {{{"permissionSetPolicy", {{"uri", nullptr}, {"name", "End User"}}}}}}}}},
       {"shoeSize", Value(9)}});
  const json user = desk.Read(uri);
  EXPECT_EQ(user["parameterCorrelationId"], "c");
  EXPECT_EQ(user["userDetails"]["employeeId"], "42");
  EXPECT_EQ(user["userDetails"]["employmentDateRange"]["startDate"]["month"], 8);
  EXPECT_EQ(user["userDetails"]["supervisor"]["uri"], boss);
  EXPECT_EQ(user["securityConfiguration"]["loginName"], "ada.byron");
  EXPECT_EQ(user["securityConfiguration"]["isLoginEnabled"], true);
  EXPECT_EQ(user["departmentGroupSchedule"][0]["item"]["name"], "Sales");
  EXPECT_EQ(user["permissionSets"][0]["displayText"], "End User");
}

TEST(RepliconTwin, AMemberLeftOutKeepsItsValueAndANullValueClearsIt) {
  RepliconDesk desk;
  const std::string uri = desk.CreateUser("ada", {{"emailAddress", Value("ada@example.com")}});
  desk.Modify({{"firstName", Value("Augusta")}, {"lastName", nullptr}}, {{"uri", uri}});
  EXPECT_EQ(desk.Read(uri)["userDetails"]["firstName"], "Augusta");
  EXPECT_EQ(desk.Read(uri)["userDetails"]["lastName"], "Byron");
  EXPECT_EQ(desk.Read(uri)["userDetails"]["emailAddress"], "ada@example.com");
  desk.Modify({{"emailAddress", Value(nullptr)}}, {{"loginName", "ADA"}});
  EXPECT_EQ(desk.Read(uri)["userDetails"]["emailAddress"], "");
}

TEST(RepliconTwin, AUnitOfWorkIsReplayedEvenWhereTheBodyDiffers) {
  RepliconDesk desk;
  json body = {{"modifications",
                {{"firstName", Value("Ada")}, {"lastName", Value("B")}, {"loginName", Value("a")}}},
               {"unitOfWorkId", "u1"}};
  const json first = BodyOf(desk.Ask(kCreate, body));
  body["modifications"]["loginName"] = Value("b");
  EXPECT_EQ(BodyOf(desk.Ask(kCreate, body)), first);
  EXPECT_EQ(desk.twin.State()["users"].size(), 1u);
}

TEST(RepliconTwin, AFailedUnitOfWorkIsRememberedOnlyBySetting) {
  RepliconDesk desk;
  json body = {{"modifications", {{"firstName", Value("Ada")}}}, {"unitOfWorkId", "u1"}};
  EXPECT_EQ(desk.Ask(kCreate, body).status, 400);
  body["modifications"] = {
      {"firstName", Value("Ada")}, {"lastName", Value("B")}, {"loginName", Value("a")}};
  EXPECT_EQ(desk.Ask(kCreate, body).status, 200);
  ASSERT_TRUE(desk.twin.Configure({{"remember_failures", true}}).ok());
  body["unitOfWorkId"] = "u2";
  EXPECT_EQ(desk.Ask(kCreate, body).status, 400);
  body["modifications"]["loginName"] = Value("b");
  EXPECT_EQ(desk.Ask(kCreate, body).status, 400);
}

TEST(RepliconTwin, ALoginStaysTakenByADisabledUser) {
  RepliconDesk desk;
  const std::string uri = desk.CreateUser("ada");
  EXPECT_EQ(desk.Ask("SecurityService1.svc/DisableLogin", {{"userUri", uri}}).status, 200);
  EXPECT_EQ(desk.Read(uri)["securityConfiguration"]["isLoginEnabled"], false);
  const http::Response refused = desk.Modify(
      {{"firstName", Value("A")}, {"lastName", Value("B")}, {"loginName", Value("ADA")}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(BodyOf(refused)["error"]["code"], "Sender");
}

TEST(RepliconTwin, ACallersFaultCanBe500) {
  RepliconDesk desk;
  ASSERT_TRUE(desk.twin.Configure({{"sender_fault_status", 500}}).ok());
  const http::Response refused = desk.Modify(json::object(), {{"uri", "urn:none"}});
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(BodyOf(refused)["error"]["code"], "Sender");
  EXPECT_EQ(TypeOf(refused), "InvalidUserTargetParameterError1");
}

TEST(RepliconTwin, WrongCallsAreRefusedAndChangeNothing) {
  RepliconDesk desk;
  const std::string uri = desk.CreateUser("ada");
  const json before = desk.twin.State();
  EXPECT_EQ(TypeOf(desk.Modify({{"firstName", Value("A")}}, {{"uri", uri}, {"loginName", "ada"}})),
            "InvalidUserTargetParameterError1");
  EXPECT_EQ(TypeOf(desk.Ask(kCreate, {{"modifications", json::object()}})),
            "MissingRequiredParameterError1");
  EXPECT_EQ(TypeOf(desk.Modify({{"firstName", Value("A")},
                                {"departmentGroupSchedule", {{{"item", {{"name", "Nowhere"}}}}}}},
                               {{"uri", uri}})),
            "InvalidDepartmentGroupTargetParameterError1");
  for (const json& range : {json{{"startDate", {{"year", 2026}, {"month", 2}, {"day", 31}}}},
                            json{{"startDate", {{"year", 2026}}}},
                            json{{"startDate", {{"year", 2026}, {"month", 2}, {"day", 3}}},
                                 {"endDate", {{"year", 2025}, {"month", 2}, {"day", 3}}}}}) {
    EXPECT_EQ(desk.Modify({{"employmentDateRange", Value(range)}}, {{"uri", uri}}).status, 400);
  }
  EXPECT_EQ(desk.Ask("SecurityService1.svc/DisableLogin", json::object()).status, 400);
  EXPECT_EQ(desk.Ask("UserService1.svc/Fly", json::object()).status, 404);
  EXPECT_EQ(desk.Send("/replicon/other/services/UserAccessControlService1.svc/GetMyIdentity",
                      json::object())
                .status,
            404);
  EXPECT_EQ(desk.twin.State(), before);
}

TEST(RepliconTwin, ASupervisorMustExistBeEnabledAndBeAnother) {
  RepliconDesk desk;
  const std::string uri = desk.CreateUser("ada");
  const std::string boss = desk.CreateUser("boss");
  const auto supervise = [&](const std::string& supervisor) {
    return desk
        .Ask("UserService1.svc/UpdateSupervisorAssignmentScheduleOverDateRange",
             {{"userUri", uri}, {"supervisorUri", supervisor}, {"dateRange", nullptr}})
        .status;
  };
  EXPECT_EQ(supervise(boss), 200);
  EXPECT_EQ(desk.Read(uri)["userDetails"]["supervisor"]["uri"], boss);
  EXPECT_EQ(supervise(uri), 400);
  EXPECT_EQ(supervise("urn:replicon-tenant:acme:user:99"), 400);
  json state = desk.twin.State();
  state["users"][1]["userDetails"]["isEnabled"] = false;
  ASSERT_TRUE(desk.twin.SetState(state).ok());
  EXPECT_EQ(supervise(boss), 400);
  EXPECT_EQ(supervise(""), 200);
  EXPECT_TRUE(desk.Read(uri)["userDetails"]["supervisor"].is_null());
}

TEST(RepliconTwin, TheEmploymentRangeIsReplacedWhole) {
  RepliconDesk desk;
  const json day = {{"year", 2026}, {"month", 3}, {"day", 9}};
  const std::string uri =
      desk.CreateUser("ada", {{"employmentDateRange", Value({{"startDate", day}})}});
  desk.Ask("UserService1.svc/UpdateEmploymentDateRange",
           {{"userUri", uri}, {"dateRange", {{"endDate", day}}}});
  const json range = desk.Read(uri)["userDetails"]["employmentDateRange"];
  EXPECT_TRUE(range["startDate"].is_null());
  EXPECT_EQ(range["endDate"], day);
}

TEST(RepliconTwin, ASearchFindsWhatContainsTheTextPageByPage) {
  RepliconDesk desk;
  for (const char* login : {"a.b", "xa.bx", "c.d"}) desk.CreateUser(login);
  const json found = desk.Search("A.B");
  ASSERT_EQ(found["rows"].size(), 2u);
  EXPECT_EQ(found["rows"][1]["cells"][1]["textValue"], "xa.bx");
  EXPECT_EQ(found["rows"][0]["cells"][0]["uri"], "urn:replicon-tenant:acme:user:2");
  EXPECT_EQ(desk.Search("", 2, "2")["rows"].size(), 1u);
  EXPECT_TRUE(desk.Search("", 3, 2)["rows"].empty());
  EXPECT_EQ(desk.Search("a.b", 1, 100, {.ignore_filter = true})["rows"].size(), 3u);
}

TEST(RepliconTwin, AnAbsentUserIsNoItemOrOneWithoutDetails) {
  RepliconDesk desk;
  EXPECT_TRUE(desk.Read("urn:replicon-tenant:acme:user:99").is_null());
  ASSERT_TRUE(desk.twin.Configure({{"absent_as_item", true}}).ok());
  const json item = desk.Read("urn:replicon-tenant:acme:user:99");
  EXPECT_TRUE(item["userDetails"].is_null());
  EXPECT_EQ(item["parameterCorrelationId"], "c");
}

TEST(RepliconTwin, ValuesCanComeAsStrings) {
  RepliconDesk desk;
  const std::string uri = desk.CreateUser("ada");
  ASSERT_TRUE(desk.twin.Configure({{"values_as_strings", "true"}}).ok());
  EXPECT_EQ(desk.Read(uri)["securityConfiguration"]["isLoginEnabled"], "true");
}

TEST(RepliconTwin, ATokenServesInPlaceOfThePassword) {
  RepliconDesk desk;
  const std::string token =
      BodyOf(desk.Ask("AuthenticationService1.svc/CreateAccessToken2",
                      {{"identity", {{"loginName", "admin"}}}}))["d"]["token"];
  const std::string path = "/replicon/acme/services/UserAccessControlService1.svc/GetMyIdentity";
  const auto authorized = [&](const std::string& given) {
    return desk.twin.Authorized(
        desk.twin.Understand(MakeRequest("POST", path, json::object(), "Bearer " + given)));
  };
  EXPECT_TRUE(authorized(token));
  EXPECT_FALSE(authorized("other"));
}

TEST(RepliconTwin, AFalseSuccessChangesNothing) {
  RepliconDesk desk;
  const std::string uri = desk.CreateUser("ada");
  const json before = desk.twin.State();
  EXPECT_EQ(
      desk.Ask("SecurityService1.svc/DisableLogin", {{"userUri", uri}}, {.commit = false}).status,
      200);
  EXPECT_EQ(desk.twin.State(), before);
}

TEST(RepliconTwin, AStateIsSetBackWholeAndItsUrisStayUsed) {
  RepliconDesk desk;
  desk.CreateUser("ada");
  const json early = desk.twin.State();
  const std::string bob = desk.CreateUser("bob");
  ASSERT_TRUE(desk.twin.SetState(early).ok());
  EXPECT_EQ(desk.twin.State(), early);
  EXPECT_NE(desk.CreateUser("bob"), bob);
  EXPECT_FALSE(desk.twin.SetState({{"users", {{{"userDetails", json::object()}}}}}).ok());
}

TEST(RepliconTwin, ACallIsNamedByTheUserItIsAbout) {
  RepliconDesk desk;
  const std::string uri = desk.CreateUser("ada");
  const Call call =
      desk.twin.Understand(desk.Request("/replicon/acme/services/SecurityService1.svc/DisableLogin",
                                        {{"userUri", uri}, {"unitOfWorkId", "u7"}}));
  EXPECT_EQ(call.operation, "DisableLogin");
  EXPECT_EQ(call.id, uri);
  EXPECT_EQ(call.name, "ada");
  EXPECT_EQ(call.operation_id, "u7");
}

}  // namespace
}  // namespace purser::sandbox
