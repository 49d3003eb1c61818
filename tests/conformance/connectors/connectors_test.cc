// What every connector promises, asked of each against the twin of its application on loopback.
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "connectors/catalog/make_connector.h"
#include "connectors/http/curl_http_client.h"
#include "connectors/sandbox/sandbox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::connectors {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kEnterprise[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:";

struct App {
  std::string name;
  std::string path;
  std::string connector;
  std::string match;         // the attribute users are found by
  std::string changing;      // one that is changed,
  std::string clearing;      // and one that is cleared
  std::string write_method;  // what a create is known by
  std::string write_path;
  Attributes wanted;
};

void PrintTo(const App& app, std::ostream* out) { *out << app.name; }

Attributes ScimUser(const std::vector<std::string>& more) {
  Attributes user = {
      {"userName", "ada"},          {"active", true},
      {"title", "Analyst"},         {"name.givenName", "Ada"},
      {"name.familyName", "Byron"}, {absl::StrCat(kEnterprise, "department"), "Sales"}};
  for (const std::string& target : more) user[target] = "x";
  return user;
}

App Recnice() {
  Attributes user = ScimUser({"displayName", "preferredLanguage", "name.formatted", "externalId"});
  user["emails[type eq \"work\"].value"] = "ada@example.com";
  for (const char* sub :
       {"formatted", "streetAddress", "locality", "region", "postalCode", "country"}) {
    user[absl::StrCat("addresses[type eq \"work\"].", sub)] = "x";
  }
  user["roles"] = json::parse(R"([{"value":"Recognition User","primary":true}])");
  return {"recnice", "/recnice/scim/", "scim",   "userName", "title",
          "title",   "POST",           "/Users", user};
}

App Preciate() {
  return {"preciate", "/preciate/api/v1/scim",  "scim", "userName", "title", "title", "POST",
          "/Users",   ScimUser({"displayName"})};
}

App AlexisHr() {
  Attributes user = ScimUser({});
  user["emails[type eq \"work\"].value"] = "ada@example.com";
  user["phoneNumbers[type eq \"work\"].value"] = "+16175551212";
  return {"alexishr", "/alexishr/scim", "scim",   "userName", "title",
          "title",    "POST",           "/Users", user};
}

App Replicon() {
  return {"replicon",
          "/replicon",
          "replicon",
          "loginName",
          "lastName",
          "emailAddress",
          "POST",
          "CreateUserOrApplyModifications",
          {{"loginName", "ada"},
           {"ssoName", "ada"},
           {"firstName", "Ada"},
           {"lastName", "Byron"},
           {"emailAddress", "ada@example.com"},
           {"employeeId", "42"},
           {"active", true},
           {"department", "Sales"}}};
}

class ConnectorConformance : public ::testing::TestWithParam<App> {
 protected:
  ConnectorConformance() {
    sandbox::SandboxOptions options;
    options.listen = "127.0.0.1:0";
    auto sandbox = sandbox::StartSandbox(options);
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    sandbox_ = *std::move(sandbox);
    auto http = CurlHttpClient::Create({});
    EXPECT_TRUE(http.ok()) << http.status();
    http_ = *std::move(http);
    connector_ = Connect(Secret());
  }

  std::string Secret() const {
    return GetParam().connector == "scim" ? GetParam().name + "-token" : "sandbox";
  }
  std::string Address(const std::string& path) const {
    return absl::StrCat("http://127.0.0.1:", sandbox_->port(), path);
  }

  std::unique_ptr<Connector> Connect(const std::string& secret) {
    config::v1::App app;
    app.set_name(GetParam().name);
    app.set_connector(GetParam().connector);
    app.set_url(Address(GetParam().path));
    app.mutable_credentials()->mutable_bearer_token()->set_secret("${env:SECRET}");
    config::v1::Password* password = app.mutable_credentials()->mutable_password();
    password->set_username("admin");
    password->set_password("${env:SECRET}");
    password->set_company_id("acme");
    for (const auto& [target, value] : GetParam().wanted) {
      app.mutable_users()->add_rows()->set_target(target);
    }
    auto made = MakeConnector(app, http_.get(), [secret](const std::string&) { return secret; });
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  void WaitFor(const bool& done) {
    const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(30);
    while (!done && SystemClock().SinceBoot() < end) http_->RunOnce(absl::Milliseconds(100));
    ASSERT_TRUE(done) << "no completion ran";
  }
  // A call of its own operation, as the runtime makes them.
  Call MakeCall() {
    return {.request_id = "r-1",
            .operation_id = absl::StrCat("operation-", ++operations_),
            .timeout = absl::Seconds(10)};
  }

  Result Check(Connector& connector) {
    bool done = false;
    connector.Check(MakeCall(), [&](Result result) {
      result_ = std::move(result);
      done = true;
    });
    WaitFor(done);
    return result_;
  }
  WriteDone Keep(bool* done) {
    return [this, done](Result result, RemoteResource resource) {
      result_ = std::move(result);
      resource_ = std::move(resource);
      *done = true;
    };
  }
  ResourcesDone KeepAll(bool* done) {
    return [this, done](Result result, std::vector<RemoteResource> resources) {
      result_ = std::move(result);
      resources_ = std::move(resources);
      *done = true;
    };
  }
  Verdict Create(const Attributes& wanted) {
    bool done = false;
    connector_->Create(ResourceType::kUser, wanted, MakeCall(), Keep(&done));
    WaitFor(done);
    return result_.verdict;
  }
  Verdict Create() { return Create(GetParam().wanted); }
  Verdict Update(const std::string& id, const Changes& changes) {
    bool done = false;
    connector_->Update(ResourceType::kUser, id, changes, MakeCall(), Keep(&done));
    WaitFor(done);
    return result_.verdict;
  }
  Verdict SetActive(const std::string& id, bool active) {
    bool done = false;
    connector_->SetActive(id, active, MakeCall(), Keep(&done));
    WaitFor(done);
    return result_.verdict;
  }
  Verdict Delete(const std::string& id) {
    bool done = false;
    connector_->Delete(ResourceType::kUser, id, MakeCall(), Keep(&done));
    WaitFor(done);
    return result_.verdict;
  }
  Verdict Find(const std::string& value) {
    bool done = false;
    connector_->Find(ResourceType::kUser, GetParam().match, value, MakeCall(), KeepAll(&done));
    WaitFor(done);
    return result_.verdict;
  }
  Verdict Read(const std::string& id) {
    bool done = false;
    connector_->Read(ResourceType::kUser, id, false, MakeCall(), KeepAll(&done));
    WaitFor(done);
    return result_.verdict;
  }

  // The next creates meet this fault.
  void BreakCreates(json fault) { Break({{"path_contains", GetParam().write_path}}, fault); }
  void Break(json match, const json& fault) {
    match["app"] = GetParam().name;
    if (!match.contains("method")) match["method"] = GetParam().write_method;
    const json rules = {{"rules", json::array({{{"match", match}, {"fault", fault}}})}};
    bool done = false;
    http_->Send({.method = "PUT",
                 .url = Address("/_sandbox/" + GetParam().name + "/faults"),
                 .headers = {{"Content-Type", "application/json"}},
                 .body = rules.dump()},
                [&](absl::StatusOr<HttpResponse> response) {
                  ASSERT_TRUE(response.ok()) << response.status();
                  ASSERT_LT(response->status, 300) << response->body;
                  done = true;
                });
    WaitFor(done);
  }

  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<CurlHttpClient> http_;
  std::unique_ptr<Connector> connector_;
  int operations_ = 0;
  Result result_;
  RemoteResource resource_;
  std::vector<RemoteResource> resources_;
};

TEST_P(ConnectorConformance, TheCheckTellsGoodCredentialsFromBad) {
  EXPECT_TRUE(Check(*connector_).ok()) << result_.message;
  EXPECT_EQ(Check(*Connect("wrong-secret")).verdict, Verdict::kUnauthenticated);
}

TEST_P(ConnectorConformance, WhatIsCreatedIsFoundAndReadAsWanted) {
  ASSERT_EQ(Create(), Verdict::kDone) << result_.message << result_.exchange.summary;
  EXPECT_TRUE(result_.left_out.empty());
  const std::string id = resource_.id;
  ASSERT_EQ(Find("ada"), Verdict::kDone) << result_.message;
  ASSERT_EQ(resources_.size(), 1u);
  EXPECT_EQ(resources_[0].id, id);
  ASSERT_EQ(Read(id), Verdict::kDone) << result_.message;
  EXPECT_EQ(resources_[0].attributes, GetParam().wanted);
  EXPECT_EQ(resources_[0].active, true);
  ASSERT_EQ(Find("nobody"), Verdict::kDone);
  EXPECT_TRUE(resources_.empty());
}

TEST_P(ConnectorConformance, ASecondCreateOfANameIsAConflict) {
  ASSERT_EQ(Create(), Verdict::kDone) << result_.message;
  EXPECT_EQ(Create(), Verdict::kConflict) << result_.message;
}

TEST_P(ConnectorConformance, AnUpdateChangesWhatItSaysAndNoMore) {
  ASSERT_EQ(Create(), Verdict::kDone) << result_.message;
  const std::string id = resource_.id;
  Attributes wanted = GetParam().wanted;
  wanted[GetParam().changing] = "Changed";
  ASSERT_EQ(Update(id, {.set = {{GetParam().changing, "Changed"}}, .wanted = wanted}),
            Verdict::kDone)
      << result_.message;
  ASSERT_EQ(Read(id), Verdict::kDone);
  EXPECT_EQ(resources_[0].attributes, wanted);
}

TEST_P(ConnectorConformance, AClearedValueIsGone) {
  if (GetParam().name == "recnice") GTEST_SKIP() << "every attribute is required there";
  ASSERT_EQ(Create(), Verdict::kDone) << result_.message;
  const std::string id = resource_.id;
  ASSERT_EQ(Update(id, {.clear = {GetParam().clearing}}), Verdict::kDone) << result_.message;
  ASSERT_EQ(Read(id), Verdict::kDone);
  EXPECT_FALSE(resources_[0].attributes.contains(GetParam().clearing));
}

TEST_P(ConnectorConformance, AccessIsTakenAndGivenBack) {
  ASSERT_EQ(Create(), Verdict::kDone) << result_.message;
  const std::string id = resource_.id;
  for (bool active : {false, true}) {
    ASSERT_EQ(SetActive(id, active), Verdict::kDone) << result_.message;
    ASSERT_EQ(Read(id), Verdict::kDone);
    EXPECT_EQ(resources_[0].active, active);
  }
}

TEST_P(ConnectorConformance, ADeleteEndsTheAccessAndWhereItCanTheAccount) {
  ASSERT_EQ(Create(), Verdict::kDone) << result_.message;
  const std::string id = resource_.id;
  ASSERT_EQ(Delete(id), Verdict::kDone) << result_.message;
  if (connector_->capabilities().delete_keeps_account) {
    ASSERT_EQ(Read(id), Verdict::kDone);
    EXPECT_EQ(resources_[0].active, false);
    ASSERT_EQ(SetActive(id, true), Verdict::kDone) << result_.message;
  } else {
    EXPECT_EQ(Read(id), Verdict::kNotFound);
    EXPECT_EQ(Delete(id), Verdict::kNotFound);
    EXPECT_EQ(SetActive(id, false), Verdict::kNotFound);
  }
}

TEST_P(ConnectorConformance, AThrottledCallSaysForHowLong) {
  BreakCreates({{"kind", "throttle"}, {"retry_after", "2"}});
  EXPECT_EQ(Create(), Verdict::kThrottled);
  EXPECT_EQ(result_.retry_after, absl::Seconds(2));
}

TEST_P(ConnectorConformance, ALostReplyIsInDoubtAndTheAccountIsThere) {
  BreakCreates({{"kind", "commit_then_drop"}});
  EXPECT_EQ(Create(), Verdict::kInDoubt);
  ASSERT_EQ(Find("ada"), Verdict::kDone) << result_.message;
  EXPECT_EQ(resources_.size(), 1u);
}

TEST_P(ConnectorConformance, WhatIsNotTheProtocolIsNeverSuccess) {
  for (const char* kind : {"html", "redirect", "bad_json"}) {
    BreakCreates({{"kind", kind}});
    EXPECT_EQ(Create(), Verdict::kNotTheProtocol) << kind;
  }
}

TEST_P(ConnectorConformance, AnIgnoredFilterHidesNobody) {
  Attributes other = GetParam().wanted;
  other[GetParam().match] = "bob";
  if (other.contains("ssoName")) other["ssoName"] = "bob";
  if (other.contains("employeeId")) other["employeeId"] = "43";
  ASSERT_EQ(Create(other), Verdict::kDone) << result_.message;
  ASSERT_EQ(Create(), Verdict::kDone) << result_.message;
  Break({{"method", "GET"}}, {{"kind", "ignore_filter"}});
  ASSERT_EQ(Find("ada"), Verdict::kDone) << result_.message;
  std::vector<json> names;
  for (const RemoteResource& user : resources_)
    names.push_back(user.attributes.at(GetParam().match));
  EXPECT_THAT(names, ::testing::Contains(json("ada")));
}

TEST_P(ConnectorConformance, WhatIsKeptOfACallHoldsNoSecretAndNoValue) {
  for (const char* kind : {"status", "html", "expire_credential", "drop_before"}) {
    BreakCreates({{"kind", kind}, {"status", 400}});
    EXPECT_NE(Create(), Verdict::kDone) << kind;
    const std::string kept =
        absl::StrCat(result_.message, " ", result_.exchange.summary, " ", result_.exchange.url);
    for (const std::string& value : {Secret(), std::string("Byron"), std::string("ada@")}) {
      if (value == "sandbox") continue;  // a word that may stand anywhere
      EXPECT_THAT(kept, Not(HasSubstr(value))) << kind;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Apps, ConnectorConformance,
                         ::testing::Values(Recnice(), Preciate(), AlexisHr(), Replicon()),
                         [](const auto& app) { return app.param.name; });

}  // namespace
}  // namespace purser::connectors
