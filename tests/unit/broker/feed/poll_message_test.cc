#include "broker/feed/poll_message.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace purser::feed {
namespace {

using nlohmann::json;

TEST(PollMessage, IsReadAsRfc8936HasIt) {
  const auto poll = ParsePoll(R"({"maxEvents": 5, "returnImmediately": true, "ack": ["1.a", "2.b"],
      "setErrs": {"3.c": {"err": "invalid_request", "description": "no\nuser"}}, "other": 1})");
  ASSERT_TRUE(poll.ok()) << poll.status();
  EXPECT_EQ(poll->max_events, 5u);
  EXPECT_TRUE(poll->return_immediately);
  EXPECT_EQ(poll->acknowledged, std::vector<std::string>({"1.a", "2.b"}));
  ASSERT_EQ(poll->refused.size(), 1u);
  EXPECT_EQ(poll->refused[0].jti, "3.c");
  EXPECT_EQ(poll->refused[0].error, "invalid_request");
  EXPECT_EQ(poll->refused[0].description, "no?user");
}

TEST(PollMessage, AnErrorInTheReceiversOwnWordsIsNoCode) {
  for (const std::string& error :
       {std::string("Ada Lovelace"), std::string("ada@example.com"), std::string(65, 'a')}) {
    EXPECT_EQ(RefusedOf("1.a", error, "").error, "other") << error;
  }
}

TEST(PollMessage, ThatSaysNothingWaitsForSomeEvents) {
  for (const char* body : {"", "{}"}) {
    const auto poll = ParsePoll(body);
    ASSERT_TRUE(poll.ok()) << poll.status();
    EXPECT_EQ(poll->max_events, kDefaultEventsInPoll);
    EXPECT_FALSE(poll->return_immediately);
  }
  EXPECT_EQ(ParsePoll(R"({"maxEvents": 1000000})")->max_events, kMaxEventsInPoll);
}

TEST(PollMessage, ThatIsNoneIsRefused) {
  for (const char* body : {"[]", "{", R"({"maxEvents": -1})", R"({"maxEvents": "5"})",
                           R"({"ack": "1.a"})", R"({"ack": [1]})", R"({"setErrs": ["1.a"]})",
                           R"({"setErrs": {"1.a": "no"}})", R"({"returnImmediately": 1})"}) {
    EXPECT_EQ(ParsePoll(body).status().code(), absl::StatusCode::kInvalidArgument) << body;
  }
}

TEST(PollAnswer, HoldsEachEventSignedUnderItsJti) {
  auto key = std::make_shared<const SigningKey>(*SigningKey::FromPem(SigningKey::MakePem()));
  const http::Response answer =
      PollAnswer({{1, "1.a", R"({"jti":"1.a"})"}}, /*more=*/true, key).render();
  const json body = json::parse(answer.body);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(body["moreAvailable"], true);
  ASSERT_TRUE(body["sets"].contains("1.a"));
  EXPECT_EQ(PollAnswer({}, false, key).render().body, R"({"sets":{}})");
}

}  // namespace
}  // namespace purser::feed
