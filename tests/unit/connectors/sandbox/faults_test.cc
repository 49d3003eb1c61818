#include "connectors/sandbox/faults.h"

#include <gtest/gtest.h>

#include <optional>

#include "connectors/sandbox/twin_server.h"
#include "tests/unit/connectors/sandbox/twin_testing.h"

namespace purser::sandbox {
namespace {

// A twin server on a scheduler that the test drives.
class FaultDesk {
 public:
  FaultDesk()
      : server("preciate", std::make_unique<ScimTwin>(PreciateProfile(), "secret", clock, ids),
               clock, scheduler) {}

  // What became of a call so far: nothing, an answer, or a closed connection.
  struct Outcome {
    std::optional<http::Response> answer;
    std::weak_ptr<int> connection;
    bool closed() const { return !answer && connection.expired(); }
    bool open() const { return !answer && !connection.expired(); }
    int status() const { return answer ? answer->status : 0; }
  };
  std::shared_ptr<Outcome> Send(http::Request request) {
    auto outcome = std::make_shared<Outcome>();
    auto connection = std::make_shared<int>(0);
    outcome->connection = connection;
    server.Serve(std::move(request), [outcome, connection](http::Response response) {
      outcome->answer = std::move(response);
    });
    return outcome;
  }
  std::shared_ptr<Outcome> Create(const std::string& name) {
    return Send(MakeRequest("POST", "/preciate/api/v1/scim/Users", {{"userName", name}}));
  }
  void SetFault(json fault, json match = json::object(), json more = json::object()) {
    json rule = {{"match", match}, {"fault", fault}};
    rule.update(more);
    const absl::Status set = server.SetFaults({{"rules", {rule}}});
    ASSERT_TRUE(set.ok()) << set;
  }
  size_t users() { return Ask("state")["users"].size(); }
  json Ask(const std::string& what) {
    return BodyOf(server.Control(what, MakeRequest("GET", "/_sandbox/preciate/" + what)));
  }

  FakeClock clock;
  SequentialIdSource ids;
  ManualScheduler scheduler;
  TwinServer server;
};

TEST(Faults, AStatusHasNoEffectAndTheApplicationsForm) {
  FaultDesk desk;
  desk.SetFault({{"kind", "status"}, {"status", 503}, {"retry_after", "2"}});
  const auto outcome = desk.Create("ada");
  EXPECT_EQ(outcome->status(), 503);
  EXPECT_EQ(BodyOf(*outcome->answer)["status"], "503");
  EXPECT_EQ(outcome->answer->headers[0].first, "Retry-After");
  EXPECT_EQ(desk.users(), 0u);
}

TEST(Faults, ThrottlingCanHaveARetryAfterInBothFormsOrNone) {
  FaultDesk desk;
  desk.SetFault({{"kind", "throttle"}});
  EXPECT_EQ(desk.Create("ada")->status(), 429);
  EXPECT_TRUE(desk.Create("ada")->answer->headers.empty());
  desk.SetFault({{"kind", "throttle"}, {"retry_after", 3}});
  EXPECT_EQ(desk.Create("ada")->answer->headers[0].second, "3");
  desk.SetFault({{"kind", "throttle"}, {"retry_after_date_in", 60}});
  EXPECT_EQ(desk.Create("ada")->answer->headers[0].second, "Fri, 15 Jan 2027 08:01:00 GMT");
}

TEST(Faults, CommitThenDropTakesEffectAndClosesTheConnection) {
  FaultDesk desk;
  desk.SetFault({{"kind", "commit_then_drop"}}, {{"method", "POST"}});
  EXPECT_TRUE(desk.Create("ada")->closed());
  EXPECT_EQ(desk.users(), 1u);
}

TEST(Faults, DropBeforeHasNoEffect) {
  FaultDesk desk;
  desk.SetFault({{"kind", "drop_before"}});
  EXPECT_TRUE(desk.Create("ada")->closed());
  EXPECT_EQ(desk.users(), 0u);
}

TEST(Faults, CommitThenStatusTakesEffect) {
  FaultDesk desk;
  desk.SetFault({{"kind", "commit_then_status"}});
  EXPECT_EQ(desk.Create("ada")->status(), 500);
  EXPECT_EQ(desk.users(), 1u);
}

TEST(Faults, ALateEffectComesAfterTheCallerHasGivenUp) {
  FaultDesk desk;
  desk.SetFault({{"kind", "late_effect"}, {"delay_ms", 5000}, {"hold_ms", 1000}});
  const auto outcome = desk.Create("ada");
  EXPECT_TRUE(outcome->open());
  desk.scheduler.Advance(absl::Seconds(1));
  EXPECT_TRUE(outcome->closed());
  EXPECT_EQ(desk.users(), 0u);
  desk.scheduler.Advance(absl::Seconds(4));
  EXPECT_EQ(desk.users(), 1u);
}

TEST(Faults, AStallEndsWithoutEffectInAStatusOrAClosedConnection) {
  FaultDesk desk;
  desk.SetFault({{"kind", "stall"}});
  const auto dropped = desk.Create("ada");
  desk.scheduler.Advance(absl::Seconds(34));
  EXPECT_TRUE(dropped->open());
  desk.scheduler.Advance(absl::Seconds(1));
  EXPECT_TRUE(dropped->closed());
  desk.SetFault({{"kind", "stall"}, {"status", 504}, {"delay_ms", 10}});
  const auto answered = desk.Create("ada");
  desk.scheduler.Advance(absl::Milliseconds(10));
  EXPECT_EQ(answered->status(), 504);
  EXPECT_EQ(desk.users(), 0u);
}

TEST(Faults, ASlowCallIsDoneInTheEnd) {
  FaultDesk desk;
  desk.SetFault({{"kind", "slow"}, {"delay_ms", 700}});
  const auto outcome = desk.Create("ada");
  EXPECT_EQ(desk.users(), 0u);
  desk.scheduler.Advance(absl::Milliseconds(700));
  EXPECT_EQ(outcome->status(), 201);
}

TEST(Faults, AFalseSuccessTellsOfWhatIsNotDone) {
  FaultDesk desk;
  desk.SetFault({{"kind", "false_success"}});
  EXPECT_EQ(desk.Create("ada")->status(), 201);
  EXPECT_EQ(desk.users(), 0u);
}

TEST(Faults, BadJsonHtmlAndRedirectsAreNoScim) {
  FaultDesk desk;
  desk.SetFault({{"kind", "bad_json"}});
  EXPECT_TRUE(BodyOf(*desk.Create("ada")->answer).is_discarded());
  EXPECT_EQ(desk.users(), 1u);
  desk.SetFault({{"kind", "html"}});
  EXPECT_EQ(desk.Create("bob")->answer->content_type, "text/html; charset=utf-8");
  desk.SetFault({{"kind", "redirect"}});
  EXPECT_EQ(desk.Create("bob")->status(), 302);
  EXPECT_EQ(desk.users(), 1u);
}

TEST(Faults, AnIgnoredFilterAnswersWithEveryone) {
  FaultDesk desk;
  desk.Create("ada");
  desk.Create("bob");
  desk.SetFault({{"kind", "ignore_filter"}}, {{"operation", "FindUsers"}});
  const auto outcome =
      desk.Send(MakeRequest("GET", "/preciate/api/v1/scim/Users?filter=userName eq \"ada\""));
  EXPECT_EQ(BodyOf(*outcome->answer)["totalResults"], 2);
}

TEST(Faults, AnExpiredCredentialIsRefusedUntilTheFaultIsLifted) {
  FaultDesk desk;
  desk.SetFault({{"kind", "expire_credential"}});
  EXPECT_EQ(desk.Create("ada")->status(), 401);
  desk.server.Control("faults", MakeRequest("DELETE", "/_sandbox/preciate/faults"));
  EXPECT_EQ(desk.Create("ada")->status(), 201);
}

TEST(Faults, AWrongOrRotatedTokenIsRefused) {
  FaultDesk desk;
  EXPECT_EQ(desk.Send(MakeRequest("GET", "/preciate/api/v1/scim/Users", {}, "Bearer no"))->status(),
            401);
  EXPECT_EQ(
      desk.Send(MakeRequest("GET", "/preciate/api/v1/scim/Users", {}, "BEARER secret"))->status(),
      200);
  ASSERT_TRUE(desk.server.Configure({{"token", "next"}}).ok());
  EXPECT_EQ(desk.Create("ada")->status(), 401);
}

TEST(Faults, RulesCountTheirTimesAndHeedTheirMatch) {
  FaultDesk desk;
  desk.SetFault({{"kind", "status"}, {"status", 500}}, {{"subject", "ADA"}},
                {{"times", 2}, {"after", 1}});
  EXPECT_EQ(desk.Create("bob")->status(), 201);
  EXPECT_EQ(desk.Create("ada")->status(), 201);
  EXPECT_EQ(desk.Create("ada")->status(), 500);
  EXPECT_EQ(desk.Create("ada")->status(), 500);
  EXPECT_EQ(desk.Create("ada")->status(), 409);
  EXPECT_EQ(desk.Ask("faults")["rules"][0]["met"], 2);
}

TEST(Faults, ARuleOfAnotherApplicationIsNotHeeded) {
  FaultDesk desk;
  desk.SetFault({{"kind", "status"}, {"status", 500}}, {{"app", "recnice"}});
  EXPECT_EQ(desk.Create("ada")->status(), 201);
}

TEST(Faults, TheSameSeedThrowsTheSameDice) {
  std::vector<std::vector<int>> runs;
  for (int run = 0; run < 2; ++run) {
    FaultDesk desk;
    desk.SetFault({{"kind", "status"}, {"status", 500}}, json::object(),
                  {{"probability", 0.5}, {"seed", 7}});
    std::vector<int> statuses;
    for (int i = 0; i < 40; ++i) statuses.push_back(desk.Create("u" + std::to_string(i))->status());
    EXPECT_GT(std::count(statuses.begin(), statuses.end(), 500), 8);
    EXPECT_GT(std::count(statuses.begin(), statuses.end(), 201), 8);
    runs.push_back(statuses);
  }
  EXPECT_EQ(runs[0], runs[1]);
}

TEST(Faults, ARuleThatIsMisspeltIsRefusedAndTheOldOnesStand) {
  FaultDesk desk;
  desk.SetFault({{"kind", "status"}, {"status", 500}});
  for (const json& rules :
       {json::parse(R"([{"fault":{"kind":"explode"}}])"),
        json::parse(R"([{"fault":{"kind":"status","stats":3}}])"),
        json::parse(R"([{"match":{"user":"ada"},"fault":{"kind":"html"}}])"),
        json::parse(R"([{"match":{"operation":["A"]},"fault":{"kind":"html"}}])"),
        json::parse(R"([{"fault":{"kind":"html"},"times":"3"}])"), json::parse(R"([{"match":{}}])"),
        json::parse(R"([7])"), json::parse(R"([{"fault":{"kind":"status","status":7}}])")}) {
    EXPECT_FALSE(desk.server.SetFaults({{"rules", rules}}).ok()) << rules;
  }
  EXPECT_EQ(desk.Create("ada")->status(), 500);
}

TEST(Faults, ARollingLimitFreesItselfAsTimePasses) {
  FaultDesk desk;
  const json limit = {{"calls", 2}, {"per_seconds", 10}, {"retry_after", true}};
  ASSERT_TRUE(desk.server.Configure({{"limits", {limit}}}).ok());
  EXPECT_EQ(desk.Create("a")->status(), 201);
  desk.clock.Advance(absl::Seconds(4));
  EXPECT_EQ(desk.Create("b")->status(), 201);
  const auto refused = desk.Create("c");
  EXPECT_EQ(refused->status(), 429);
  EXPECT_EQ(refused->answer->headers[0].second, "6");
  desk.clock.Advance(absl::Seconds(6));
  EXPECT_EQ(desk.Create("c")->status(), 201);
}

TEST(CallLog, ToldWhatWasAskedAndWhatBecameOfIt) {
  FaultDesk desk;
  desk.Create("ada");
  desk.SetFault({{"kind", "commit_then_drop"}});
  desk.Create("bob");
  const json calls = desk.Ask("calls");
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0]["operation"], "CreateUser");
  EXPECT_EQ(calls[0]["name"], "ada");
  EXPECT_EQ(calls[0]["status"], 201);
  EXPECT_EQ(calls[1]["status"], 0);
  EXPECT_EQ(calls[1]["fault"], "commit_then_drop");
  EXPECT_EQ(calls.dump().find("secret"), std::string::npos);
  desk.server.Control("calls", MakeRequest("DELETE", "/_sandbox/preciate/calls"));
  EXPECT_TRUE(desk.Ask("calls").empty());
}

TEST(CallLog, TwoChangesOfOneAccountAtOnceAreSeen) {
  FaultDesk desk;
  ASSERT_TRUE(desk.server.Configure({{"latency_ms", 100}}).ok());
  desk.Create("ada");
  desk.Create("bob");
  EXPECT_EQ(desk.Ask("stats")["overlaps"], 0);
  desk.Create("ada");
  EXPECT_EQ(desk.Ask("stats")["overlaps"], 1);
  EXPECT_EQ(desk.Ask("stats")["most_in_flight"], 3);
  desk.scheduler.Advance(absl::Seconds(1));
  EXPECT_EQ(desk.Ask("stats")["in_flight"], 0);
}

}  // namespace
}  // namespace purser::sandbox
