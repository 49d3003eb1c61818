#include <map>
#include <sstream>
#include <vector>

#include "CLI/CLI.hpp"
#include "broker/cli/operator_commands.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "purser/admin/v1/admin.pb.h"

namespace purser {
namespace {

namespace v1 = admin::v1;
using google::protobuf::Message;
using testing::ElementsAre;
using testing::HasSubstr;

// Answers each method as the test says, and keeps what was asked.
struct Script {
  std::map<std::string, absl::Status> refusals;             // by method
  std::map<std::string, std::vector<std::string>> answers;  // serialised, the last one stays
  std::vector<std::string> methods;
  std::map<std::string, std::string> requests;  // the last of each method, serialised

  void Answer(const std::string& method, const Message& message) {
    answers[method].push_back(message.SerializeAsString());
  }
};

class ScriptedConnection : public AdminConnection {
 public:
  explicit ScriptedConnection(Script* script) : script_(script) {}

  absl::Status Call(absl::string_view method, const Message& request, Message* response) override {
    const std::string name = Note(method, request);
    if (script_->refusals.count(name) > 0) return script_->refusals[name];
    auto& answers = script_->answers[name];
    if (answers.empty()) return absl::OkStatus();
    response->ParseFromString(answers.front());
    if (answers.size() > 1) answers.erase(answers.begin());
    return absl::OkStatus();
  }

  absl::Status Stream(absl::string_view method, const Message& request, Message* message,
                      const std::function<void()>& each) override {
    const std::string name = Note(method, request);
    for (const std::string& answer : script_->answers[name]) {
      message->ParseFromString(answer);
      each();
    }
    return script_->refusals[name];
  }

 private:
  std::string Note(absl::string_view method, const Message& request) {
    std::string name(method.substr(std::string("purser.admin.v1.").size()));
    script_->methods.push_back(name);
    script_->requests[name] = request.SerializeAsString();
    return name;
  }

  Script* script_;
};

class Commands : public testing::Test {
 protected:
  int Run(std::vector<const char*> arguments) {
    CliEnvironment environment;
    environment.out = &out_;
    environment.err = &err_;
    environment.in = &in_;
    environment.in_is_terminal = terminal_;
    environment.clock = &clock_;
    environment.ids = &ids_;
    environment.connect = [this]() -> absl::StatusOr<std::unique_ptr<AdminConnection>> {
      return std::make_unique<ScriptedConnection>(&script_);
    };
    environment.verify_offline = [](const OfflineLog& log) {
      v1::VerifyLogReport report;
      report.add_streams()->set_stream(log.data + log.address + log.kafka_security);
      return absl::StatusOr<v1::VerifyLogReport>(report);
    };
    CLI::App root("purser");
    ChosenCommand chosen;
    AddOperatorCommands(&root, &chosen);
    arguments.insert(arguments.begin(), "purser");
    const auto done =
        ParseCommandLine(&root, static_cast<int>(arguments.size()), arguments.data(), environment);
    return done ? *done : RunChosenCommand(chosen, environment);
  }

  template <typename Request>
  Request Asked(const std::string& method) {
    Request request;
    request.ParseFromString(script_.requests[method]);
    return request;
  }

  Script script_;
  FakeClock clock_;
  SequentialIdSource ids_;
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
  bool terminal_ = false;
};

TEST_F(Commands, TheServersRefusalsBecomeTheirExitStatus) {
  const std::map<absl::Status, int, bool (*)(const absl::Status&, const absl::Status&)> expected(
      {{absl::NotFoundError("no"), 3},
       {absl::FailedPreconditionError("no"), 4},
       {absl::InvalidArgumentError("no"), 2},
       {absl::UnavailableError("no"), 1},
       {absl::PermissionDeniedError("no"), 1}},
      [](const absl::Status& a, const absl::Status& b) { return a.code() < b.code(); });
  for (const auto& [status, exit] : expected) {
    script_.refusals["AppService/GetStatus"] = status;
    EXPECT_EQ(Run({"app", "status", "wiki"}), exit) << status;
  }
  EXPECT_THAT(err_.str(), HasSubstr("purser: no\n"));
}

TEST_F(Commands, ALineThatIsNotOneOfOursIsUsageAndHelpIsNot) {
  EXPECT_EQ(Run({"app", "dance"}), 2);
  EXPECT_EQ(Run({"app"}), 2);
  EXPECT_EQ(Run({"app", "list", "-o", "xml"}), 2);
  EXPECT_EQ(Run({"user", "explain"}), 2);
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"app", "--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("start"));
}

TEST_F(Commands, ExplainWithoutAnAppTellsOfEachAppOfTheUsersDirectory) {
  v1::TimelineResponse known;
  known.mutable_subject()->set_directory("main");
  script_.Answer("UserService/Timeline", known);
  v1::ListAppsResponse apps;
  for (const char* name : {"wiki", "chat", "far"}) {
    v1::AppStatus* app = apps.add_apps();
    app->set_name(name);
    app->set_directory(std::string(name) == "far" ? "elsewhere" : "main");
  }
  script_.Answer("AppService/List", apps);
  for (const char* name : {"wiki", "chat"}) {
    v1::ExplainResponse one;
    one.set_app(name);
    script_.Answer("UserService/Explain", one);
  }
  EXPECT_EQ(Run({"user", "explain", "bob", "-o", "json"}), 0);
  const auto printed = nlohmann::json::parse(out_.str());
  ASSERT_EQ(printed["explanations"].size(), 2);
  EXPECT_EQ(printed["explanations"][1]["app"], "chat");
  script_.refusals["UserService/Timeline"] = absl::NotFoundError("no bob");
  EXPECT_EQ(Run({"user", "explain", "bob"}), 3);
}

TEST_F(Commands, AnUnreadableTimeIsUsageAndAsksNothing) {
  EXPECT_EQ(Run({"replay", "start", "wiki", "--from", "teatime", "--reason", "x"}), 2);
  EXPECT_TRUE(script_.methods.empty());
}

TEST_F(Commands, AReplayTakesARelativeTimeAndGivesItsJobAtOnce) {
  v1::Job job;
  job.set_id("job-1");
  job.set_state("queued");
  script_.Answer("ReplayService/Start", job);
  EXPECT_EQ(Run({"replay", "start", "wiki", "--from", "-30m", "--reason", "x", "-o", "json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["id"], "job-1");
  const auto request = Asked<v1::StartReplayRequest>("ReplayService/Start");
  EXPECT_EQ(request.from_time().seconds(), absl::ToUnixSeconds(clock_.Now()) - 1800);
  EXPECT_EQ(request.reason(), "x");
  EXPECT_NE(request.request_id(), "");
  EXPECT_THAT(script_.methods, ElementsAre("ReplayService/Start"));
}

TEST_F(Commands, AReplayTakesAnEndAndARate) {
  EXPECT_EQ(Run({"replay", "start", "wiki", "--from", "-2h", "--to", "-1h", "--rate", "0.5",
                 "--reason", "x"}),
            0);
  auto request = Asked<v1::StartReplayRequest>("ReplayService/Start");
  EXPECT_EQ(request.to_time().seconds(), absl::ToUnixSeconds(clock_.Now()) - 3600);
  EXPECT_EQ(request.resources_per_second(), 0.5);
  EXPECT_FALSE(request.dry_run());
  EXPECT_EQ(Run({"replay", "start", "wiki", "--from-position", "3", "--to-position", "9",
                 "--reason", "x"}),
            0);
  request = Asked<v1::StartReplayRequest>("ReplayService/Start");
  EXPECT_EQ(request.to_position(), 9u);
}

TEST_F(Commands, AnEndThatIsNoTimeOrTwoEndsOrNoRateIsUsage) {
  for (const auto& bad : std::vector<std::vector<const char*>>{
           {"--to", "teatime"}, {"--to", "now", "--to-position", "9"}, {"--rate", "0"}}) {
    std::vector<const char*> arguments = {"replay", "start",    "wiki", "--from",
                                          "-2h",    "--reason", "x"};
    arguments.insert(arguments.end(), bad.begin(), bad.end());
    EXPECT_EQ(Run(arguments), 2) << bad[0];
  }
  EXPECT_TRUE(script_.methods.empty());
}

TEST_F(Commands, APlanWaitsAndShowsByUserWhatWouldBeSent) {
  v1::Job job;
  job.set_id("job-1");
  script_.Answer("ReplayService/Start", job);
  job.set_state("done");
  job.set_dry_run(true);
  job.set_total(5);
  job.set_done(5);
  job.set_sent(1);
  script_.Answer("JobService/Watch", job);
  v1::ListPlannedResponse planned;
  *planned.mutable_job() = job;
  v1::PlannedChange* change = planned.add_changes();
  change->mutable_subject()->set_name("bob");
  change->set_operation("update");
  change->add_targets("title");
  script_.Answer("ReplayService/ListPlanned", planned);
  EXPECT_EQ(Run({"replay", "plan", "wiki", "--from", "-2h"}), 0);
  EXPECT_TRUE(Asked<v1::StartReplayRequest>("ReplayService/Start").dry_run());
  EXPECT_EQ(Asked<v1::ListPlannedRequest>("ReplayService/ListPlanned").job_id(), "job-1");
  EXPECT_THAT(out_.str(), HasSubstr("bob"));
  EXPECT_THAT(out_.str(), HasSubstr("update"));
  EXPECT_THAT(out_.str(), HasSubstr("5 of 5 looked at, 1 would be sent something"));
}

TEST_F(Commands, AReplayNeedsAReason) {
  EXPECT_EQ(Run({"replay", "start", "wiki", "--from", "-30m"}), 2);
}

TEST_F(Commands, AReplayThatIsWaitedForEndsAsItsJobDoes) {
  v1::Job job;
  job.set_id("job-1");
  script_.Answer("ReplayService/Start", job);
  job.set_state("running");
  script_.Answer("JobService/Watch", job);
  job.set_state("failed");
  script_.Answer("JobService/Watch", job);
  EXPECT_EQ(Run({"replay", "start", "wiki", "--from", "now", "--reason", "x", "--wait"}), 1);
}

TEST_F(Commands, AReplayWhoseCallsTheGuardHoldsExitsWithFive) {
  v1::Job job;
  job.set_id("job-1");
  script_.Answer("ReplayService/Start", job);
  job.set_state("done");
  script_.Answer("JobService/Watch", job);
  v1::AppStatus status;
  script_.Answer("AppService/GetStatus", status);
  status.mutable_counts()->set_held(3);
  script_.Answer("AppService/GetStatus", status);
  EXPECT_EQ(Run({"replay", "start", "wiki", "--from", "now", "--reason", "x", "--wait"}), 5);
}

TEST_F(Commands, AListIsAskedForPageByPage) {
  v1::ListParkedResponse page;
  page.add_parked()->set_resource_id("u-1");
  page.set_next_page_token("more");
  script_.Answer("ParkedService/List", page);
  page.mutable_parked(0)->set_resource_id("u-2");
  page.clear_next_page_token();
  script_.Answer("ParkedService/List", page);
  EXPECT_EQ(Run({"parked", "list", "-o", "json"}), 0);
  const auto json = nlohmann::json::parse(out_.str());
  ASSERT_EQ(json["parked"].size(), 2u);
  EXPECT_EQ(json["parked"][1]["resourceId"], "u-2");
  EXPECT_EQ(Asked<v1::ListParkedRequest>("ParkedService/List").page_token(), "more");
}

TEST_F(Commands, RefusedRequestsAreShownWithWhy) {
  v1::ListRequestsResponse page;
  v1::RefusedRequest* refused = page.add_requests();
  refused->set_method("POST");
  refused->set_path("/Users");
  refused->set_user_name("bob@example.com");
  refused->set_http_status(409);
  refused->set_reason("uniqueness");
  refused->set_message("the userName is taken by another user");
  script_.Answer("RequestService/List", page);
  EXPECT_EQ(Run({"request", "list", "--user", "bob@example.com", "--client", "sync", "--reason",
                 "409", "--directory", "staff", "--limit", "7"}),
            0);
  EXPECT_THAT(out_.str(), HasSubstr("POST /Users"));
  EXPECT_THAT(out_.str(), HasSubstr("bob@example.com"));
  EXPECT_THAT(out_.str(), HasSubstr("the userName is taken by another user"));
  const auto request = Asked<v1::ListRequestsRequest>("RequestService/List");
  EXPECT_EQ(request.user(), "bob@example.com");
  EXPECT_EQ(request.client(), "sync");
  EXPECT_EQ(request.reason(), "409");
  EXPECT_EQ(request.directory(), "staff");
  EXPECT_EQ(request.page_size(), 7u);
}

TEST_F(Commands, DeliveriesAreAskedForOnceAndShownWithTheirAnswer) {
  v1::ListDeliveriesResponse page;
  v1::Exchange* exchange = page.add_exchanges();
  exchange->set_resource_id("u-1");
  exchange->set_verb("create");
  exchange->set_method("POST");
  exchange->set_url("https://x/Users");
  exchange->set_http_status(409);
  exchange->set_summary("sent userName; scimType uniqueness");
  page.set_next_page_token("more");
  script_.Answer("DeliveryService/List", page);
  EXPECT_EQ(Run({"delivery", "list", "--app", "wiki", "--user", "bob", "--limit", "7"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("409"));
  EXPECT_THAT(out_.str(), HasSubstr("POST https://x/Users: sent userName; scimType uniqueness"));
  EXPECT_THAT(script_.methods, ElementsAre("DeliveryService/List"));
  const auto request = Asked<v1::ListDeliveriesRequest>("DeliveryService/List");
  EXPECT_EQ(request.app(), "wiki");
  EXPECT_EQ(request.user(), "bob");
  EXPECT_EQ(request.page_size(), 7u);
}

TEST_F(Commands, SkippingAllAsksAtATerminalAndDoesNothingOnNo) {
  terminal_ = true;
  in_.str("n\n");
  v1::ReleaseParkedResponse counted;
  counted.set_count(12);
  script_.Answer("ParkedService/Skip", counted);
  EXPECT_EQ(Run({"parked", "skip", "--all", "--reason", "x"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("12 parked lanes?"));
  EXPECT_TRUE(Asked<v1::ReleaseParkedRequest>("ParkedService/Skip").dry_run());
  EXPECT_EQ(script_.methods.size(), 1u);
}

TEST_F(Commands, SkippingAllDoesNotAskWithYesOrWithoutATerminal) {
  EXPECT_EQ(Run({"parked", "skip", "--all", "--reason", "x"}), 0);
  terminal_ = true;
  EXPECT_EQ(Run({"parked", "skip", "--all", "--yes", "--reason", "x"}), 0);
  EXPECT_EQ(script_.methods.size(), 2u);
  EXPECT_FALSE(Asked<v1::ReleaseParkedRequest>("ParkedService/Skip").dry_run());
}

TEST_F(Commands, SkippingNeedsAReasonAndEitherNamesOrAll) {
  EXPECT_EQ(Run({"parked", "skip", "u-1"}), 2);
  EXPECT_EQ(Run({"parked", "skip", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"parked", "skip", "u-1", "--all", "--reason", "x"}), 2);
  EXPECT_TRUE(script_.methods.empty());
}

TEST_F(Commands, AFileThatSaysSomethingWrongIsAFailureAndAMissingOneIsUsage) {
  EXPECT_EQ(Run({"apply", "-f", "/nowhere/apps.yaml"}), 2);
  EXPECT_TRUE(script_.methods.empty());
  in_.str("apps: []\n");
  script_.refusals["ConfigService/Apply"] = absl::InvalidArgumentError("line 1: no");
  EXPECT_EQ(Run({"apply", "-f", "-"}), 1);
  EXPECT_EQ(Asked<v1::ApplyRequest>("ConfigService/Apply").files(0).text(), "apps: []\n");
}

TEST_F(Commands, AnAppIsPrintedAsTheServersYaml) {
  v1::GetConfigResponse response;
  response.set_yaml("apps:\n- name: wiki\n");
  script_.Answer("ConfigService/Get", response);
  EXPECT_EQ(Run({"get", "app", "wiki", "-o", "yaml"}), 0);
  EXPECT_EQ(out_.str(), "apps:\n- name: wiki\n");
}

TEST_F(Commands, VerifyFailsWhereOneStreamIsBad) {
  v1::VerifyLogUpdate update;
  update.set_stream("control");
  update.mutable_report()->set_ok(true);
  script_.Answer("LogService/Verify", update);
  EXPECT_EQ(Run({"log", "verify"}), 0);
  update.mutable_report()->set_ok(false);
  update.mutable_report()->set_first_bad(17);
  script_.Answer("LogService/Verify", update);
  EXPECT_EQ(Run({"log", "verify"}), 1);
  EXPECT_THAT(out_.str(), HasSubstr("BAD at 17"));
}

TEST_F(Commands, VerifyOfAFolderAsksNoServer) {
  EXPECT_EQ(Run({"log", "verify", "--data", "/var/lib/purser", "-o", "json"}), 1);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["streams"][0]["stream"], "/var/lib/purser");
  EXPECT_TRUE(script_.methods.empty());
  EXPECT_EQ(Run({"log", "verify", "--data", "d", "--log", "kafka://h:1"}), 2);
}

TEST_F(Commands, VerifyOfALogOnKafkaIsToldHowToSpeakToItsBrokers) {
  EXPECT_EQ(
      Run({"log", "verify", "--log", "kafka://h:1", "--kafka-security", "/k.yaml", "-o", "json"}),
      1);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["streams"][0]["stream"], "kafka://h:1/k.yaml");
  EXPECT_EQ(Run({"log", "verify", "--data", "d", "--kafka-security", "/k.yaml"}), 2);
}

TEST_F(Commands, AnAppIsTestedToTheEndOfItsJob) {
  v1::Job job;
  job.set_id("job-1");
  script_.Answer("AppService/Test", job);
  job.set_state("done");
  job.set_message("connected");
  script_.Answer("JobService/Watch", job);
  EXPECT_EQ(Run({"app", "test", "wiki"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("connected"));
}

TEST_F(Commands, AMintedSecretStandsAloneOnTheOutputAndWhatItIsBesideIt) {
  v1::MintTokenResponse minted;
  minted.set_secret("the-secret");
  minted.set_directory("main");
  minted.mutable_token()->set_id("t-1");
  script_.Answer("TokenService/Mint", minted);
  EXPECT_EQ(Run({"token", "mint", "main", "--expires", "90d", "--reason", "new IdP"}), 0);
  EXPECT_EQ(out_.str(), "the-secret\n");
  EXPECT_THAT(err_.str(), HasSubstr("token t-1 of directory main"));
  EXPECT_THAT(err_.str(), testing::Not(HasSubstr("the-secret")));
  const auto request = Asked<v1::MintTokenRequest>("TokenService/Mint");
  EXPECT_EQ(request.directory(), "main");
  EXPECT_EQ(request.role(), "");
  EXPECT_EQ(request.expires().seconds(), absl::ToUnixSeconds(clock_.Now()) + 90 * 86400);
  EXPECT_EQ(request.reason(), "new IdP");
  EXPECT_NE(request.request_id(), "");
}

TEST_F(Commands, AnUpgradeIsFinalizedForAReason) {
  v1::UpgradeStatus status;
  status.set_finalized(2);
  status.set_reader(2);
  auto* node = status.add_nodes();
  node->set_id("n1");
  node->set_version("0.2.0");
  node->set_reader(2);
  script_.Answer("UpgradeService/Finalize", status);
  EXPECT_EQ(Run({"upgrade", "finalize"}), 2) << "a reason is needed";
  EXPECT_EQ(Run({"upgrade", "finalize", "--reason", "all on 0.2"}), 0);
  EXPECT_EQ(Asked<v1::FinalizeUpgradeRequest>("UpgradeService/Finalize").reason(), "all on 0.2");
  EXPECT_THAT(out_.str(), HasSubstr("finalized: records may need reader 2"));
  EXPECT_THAT(out_.str(), HasSubstr("n1"));
}

TEST_F(Commands, AnUpgradeThatIsNotFinalizedSaysWhatIsLeftToDo) {
  v1::UpgradeStatus status;
  status.set_finalized(1);
  status.set_reader(2);
  status.add_nodes()->set_reader(2);
  script_.Answer("UpgradeService/GetStatus", status);
  status.add_nodes()->set_reader(1);
  script_.Answer("UpgradeService/GetStatus", status);
  EXPECT_EQ(Run({"upgrade", "status"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("purser upgrade finalize"));
  EXPECT_EQ(Run({"upgrade", "status"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("older programs still run"));
}

TEST_F(Commands, ATokenMayStandForAUser) {
  EXPECT_EQ(Run({"token", "mint", "main", "--user", "ada", "--reason", "x"}), 0);
  EXPECT_EQ(Asked<v1::MintTokenRequest>("TokenService/Mint").user(), "ada");
}

TEST_F(Commands, AnAdminsTokenThatIsGivenNoRoleIsAViewers) {
  EXPECT_EQ(Run({"token", "mint", "--admin", "--reason", "x"}), 0);
  const auto request = Asked<v1::MintTokenRequest>("TokenService/Mint");
  EXPECT_EQ(request.directory(), "");
  EXPECT_EQ(request.role(), "viewer");
  EXPECT_FALSE(request.has_expires());
}

TEST_F(Commands, ATokenIsOfADirectoryOrOfTheAdminApiAndHasAReason) {
  EXPECT_EQ(Run({"token", "mint", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"token", "mint", "", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"token", "mint", "main", "--admin", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"token", "mint", "main"}), 2);
  EXPECT_EQ(Run({"token", "mint", "main", "--role", "admin", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"token", "mint", "--admin", "--role", "scim", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"token", "mint", "main", "--expires", "soon", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"token", "list"}), 2);
  EXPECT_EQ(Run({"token", "revoke", "t-1", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"token", "revoke", "main", "t-1", "--admin", "--reason", "x"}), 2);
  EXPECT_EQ(Run({"token", "revoke", "main", "t-1"}), 2);
  EXPECT_TRUE(script_.methods.empty());
}

TEST_F(Commands, TokensAreListedWithTheirExpiry) {
  v1::ListTokensResponse listed;
  v1::Token* token = listed.add_tokens();
  token->set_id("t-1");
  token->set_role("scim");
  token = listed.add_tokens();
  token->set_id("t-2");
  token->set_role("scim");
  token->mutable_expires()->set_seconds(1'800'000'000);
  token->set_expired(true);
  token->set_user_id("u-1");
  script_.Answer("TokenService/List", listed);
  EXPECT_EQ(Run({"token", "list", "main"}), 0);
  EXPECT_EQ(out_.str(),
            "TOKEN  ROLE  EXPIRES               STATE    USER\n"
            "t-1    scim  never                 live     -\n"
            "t-2    scim  2027-01-15T08:00:00Z  expired  u-1\n");
}

TEST_F(Commands, ATokenIsRevokedOfTheDoorThatIsNamed) {
  EXPECT_EQ(Run({"token", "revoke", "main", "t-1", "--reason", "rotated"}), 0);
  auto request = Asked<v1::RevokeTokenRequest>("TokenService/Revoke");
  EXPECT_EQ(request.directory(), "main");
  EXPECT_EQ(request.token_id(), "t-1");
  EXPECT_EQ(request.reason(), "rotated");
  EXPECT_EQ(Run({"token", "revoke", "--admin", "t-2", "--reason", "left"}), 0);
  request = Asked<v1::RevokeTokenRequest>("TokenService/Revoke");
  EXPECT_EQ(request.directory(), "");
  EXPECT_EQ(request.token_id(), "t-2");
}

}  // namespace
}  // namespace purser
