#include "broker/admin/user_service.h"

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

using admin::v1::ExplainResponse;
using admin::v1::TimelineResponse;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Users : public AdminFixture {
 protected:
  void SetUp() override { PutWiki(); }

  TimelineResponse TimelineOf(const std::string& user, const Caller& caller) {
    admin::v1::TimelineRequest request;
    request.set_user(user);
    const auto response = Timeline(context(), caller, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(TimelineResponse());
  }

  ExplainResponse ExplanationOf(const std::string& user) {
    admin::v1::ExplainRequest request;
    request.set_user(user);
    request.set_app("wiki");
    const auto response = Explain(context(), admin(), request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(ExplainResponse());
  }

  static std::string VerdictOf(const ExplainResponse& response, const std::string& step) {
    for (const auto& one : response.steps()) {
      if (one.step() == step) return one.verdict();
    }
    return "absent";
  }

  static std::vector<std::string> Kinds(const TimelineResponse& response) {
    std::vector<std::string> kinds;
    for (const auto& entry : response.entries()) kinds.push_back(entry.kind());
    return kinds;
  }
};

TEST_F(Users, ATimelineHasTheDirectorysEventsAndTheAppsCallsInTheOrderOfTime) {
  const auto created = CreateUser("u-bob", R"({"userName":"bob","title":"Cook"})");
  Start("u-bob", "op-1", event::v1::CREATE, R"({"set":{"userName":"bob"},"clear":["title"]})");
  Link("u-bob", "7", created);
  ChangeUser("u-bob", "title", "\"Chef\"");
  const TimelineResponse response = TimelineOf("bob", admin());
  EXPECT_EQ(response.subject().id(), "u-bob");
  EXPECT_THAT(Kinds(response), ElementsAre("created", "started", "outcome", "changed"));
  EXPECT_EQ(response.entries(0).actor(), "token-idp");
  EXPECT_EQ(response.entries(1).source(), "wiki");
  EXPECT_EQ(response.entries(1).operation(), "create");
  EXPECT_EQ(response.entries(2).remote_id(), "7");
  ASSERT_EQ(response.entries(3).attributes_size(), 1);
  EXPECT_EQ(response.entries(3).attributes(0).name(), "title");
  EXPECT_EQ(response.entries(3).attributes(0).value(), "\"Chef\"");
}

TEST_F(Users, AViewerSeesWhichAttributesChangedAndNotTheirValues) {
  CreateUser("u-bob", R"({"userName":"bob","title":"Cook"})");
  Start("u-bob", "op-1", event::v1::CREATE, R"({"set":{"title":"Cook"}})");
  const TimelineResponse response = TimelineOf("u-bob", viewer());
  EXPECT_THAT(response.ShortDebugString(), HasSubstr("title"));
  EXPECT_THAT(response.ShortDebugString(), Not(HasSubstr("Cook")));
}

TEST_F(Users, ADeletedUserIsFoundByTheNameTheyHad) {
  CreateUser("u-bob", R"({"userName":"bob"})");
  DeleteUser("u-bob");
  const TimelineResponse response = TimelineOf("bob", admin());
  EXPECT_TRUE(response.subject().deleted());
  EXPECT_EQ(response.subject().name(), "bob");
  EXPECT_THAT(Kinds(response), ElementsAre("created", "deleted"));
}

TEST_F(Users, AParkedLaneIsInTheTimelineWithCodeStatusAndTries) {
  Park("u-bob", CreateUser("u-bob", R"({"userName":"bob"})"));
  const auto response = TimelineOf("bob", viewer());
  const auto& entry = response.entries(1);
  EXPECT_EQ(entry.lane_state(), "parked");
  EXPECT_EQ(entry.result(), "no_effect");
  EXPECT_EQ(entry.code(), "refused");
  EXPECT_EQ(entry.http_status(), 400u);
  EXPECT_EQ(entry.tries(), 3u);
}

TEST_F(Users, AnUnknownUserIsNotFound) {
  admin::v1::TimelineRequest request;
  request.set_user("mallory");
  EXPECT_EQ(Timeline(context(), admin(), request).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(Users, ALinkedUserIsExplainedAsPresent) {
  TakeOver();
  const auto position = CreateUser("u-bob", R"({"userName":"bob"})");
  Link("u-bob", "7", position);
  Plan(position);
  const ExplainResponse response = ExplanationOf("bob");
  EXPECT_TRUE(response.present());
  for (const auto& step : response.steps()) EXPECT_EQ(step.verdict(), "pass") << step.step();
  EXPECT_THAT(response.conclusion(), HasSubstr("as account 7"));
  EXPECT_EQ(response.what_would_change_it_size(), 0);
}

TEST_F(Users, AParkedUserIsExplainedByTheRefusalAndToldOfRetry) {
  TakeOver();
  Park("u-bob", CreateUser("u-bob", R"({"userName":"bob"})"));
  const ExplainResponse response = ExplanationOf("bob");
  EXPECT_FALSE(response.present());
  EXPECT_EQ(VerdictOf(response, "delivery"), "stop");
  EXPECT_THAT(response.conclusion(), HasSubstr("the title is too long"));
  const auto& delivery = response.steps(response.steps_size() - 1);
  EXPECT_THAT(delivery.details(),
              Contains(HasSubstr("POST https://wiki.example.com/scim/v2/Users answered 400")));
  EXPECT_THAT(absl::StrJoin(response.what_would_change_it(), "\n"),
              HasSubstr("purser parked retry u-bob --app wiki"));
}

TEST_F(Users, ARetryWithoutATimeWaitsForTheAppAndOneWithATimeNamesIt) {
  TakeOver();
  event::v1::Outcome outcome;
  outcome.set_resource_type(event::v1::USER);
  outcome.set_resource_id("u-bob");
  outcome.set_result(event::v1::NO_EFFECT);
  outcome.set_lane_state(event::v1::RETRYING);
  outcome.set_code("unavailable");
  outcome.set_http_status(503);
  outcome.set_wanted_position(CreateUser("u-bob", R"({"userName":"bob"})"));
  Settle(outcome);
  const auto remedies = [this] {
    return absl::StrJoin(ExplanationOf("bob").what_would_change_it(), "\n");
  };
  EXPECT_THAT(remedies(), HasSubstr("waits for the app to be well again"));
  EXPECT_THAT(remedies(), testing::Not(HasSubstr("1970")));
  outcome.mutable_next_try()->set_seconds(1'800'000'000);
  Settle(outcome);
  EXPECT_THAT(remedies(), HasSubstr("the next try is at 2027-01-15T08:00:00Z"));
}

TEST_F(Users, AnInactiveUserWithoutAnAccountIsExplainedByThat) {
  TakeOver();
  Plan(CreateUser("u-bob", R"({"userName":"bob","active":false})"));
  const ExplainResponse response = ExplanationOf("bob");
  EXPECT_EQ(VerdictOf(response, "event"), "stop");
  EXPECT_THAT(response.conclusion(), HasSubstr("inactive"));
}

TEST_F(Users, WhatTheConfigurationLeavesUndoneIsExplainedAndTold) {
  const StreamPosition position = CreateUser("u-bob", R"({"userName": "bob"})");
  event::v1::Outcome outcome;
  outcome.set_resource_type(event::v1::USER);
  outcome.set_resource_id("u-bob");
  outcome.set_lane_state(event::v1::IDLE);
  outcome.set_code("skipped-by-configuration");
  outcome.set_message("the app's configuration creates no accounts");
  outcome.set_wanted_position(position);
  TakeOver();
  Settle(outcome);
  const ExplainResponse response = ExplanationOf("bob");
  EXPECT_EQ(VerdictOf(response, "delivery"), "stop");
  EXPECT_THAT(response.conclusion(), HasSubstr("the app's configuration creates no accounts"));
  EXPECT_THAT(response.what_would_change_it(), Contains(HasSubstr("users.actions")));
}

TEST_F(Users, ADeletedUserIsExplainedByTheDeletion) {
  CreateUser("u-bob", R"({"userName":"bob"})");
  DeleteUser("u-bob");
  const ExplainResponse response = ExplanationOf("bob");
  EXPECT_EQ(VerdictOf(response, "event"), "stop");
  EXPECT_THAT(response.conclusion(), HasSubstr("deleted"));
}

TEST_F(Users, AnEventThatWasNotLookedAtYetIsAWait) {
  TakeOver();
  CreateUser("u-bob", R"({"userName":"bob"})");
  EXPECT_EQ(VerdictOf(ExplanationOf("bob"), "delivery"), "wait");
}

TEST_F(Users, WhatIsMissingForTheMappingIsNamed) {
  TakeOver();
  CreateUser("u-bob", R"({"title":"Cook"})");
  const ExplainResponse response = ExplanationOf("u-bob");
  EXPECT_EQ(VerdictOf(response, "mapping"), "stop");
  EXPECT_THAT(response.conclusion(), HasSubstr("userName"));
}

}  // namespace
}  // namespace purser
