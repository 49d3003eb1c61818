#include "connectors/api/app_client.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_http_client.h"

namespace purser::connectors {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AppClientTest : public ::testing::Test {
 protected:
  static absl::StatusOr<std::string> Resolve(const std::string& reference) {
    if (reference == "${env:ONE}") return std::string("first-secret");
    if (reference == "${env:TWO}") return std::string("second-secret");
    if (reference == "${env:BAD}") return std::string("a\r\nX-Evil: 1");
    return absl::NotFoundError(absl::StrCat(reference, " is not set"));
  }

  AppClient Client(std::vector<std::string> secrets) {
    return AppClient(&http_, Resolve,
                     {.secrets = std::move(secrets),
                      .authorization =
                          [](const std::string& secret) {
                            return absl::StatusOr<std::string>("Bearer " + secret);
                          }},
                     "application/scim+json", clock_);
  }

  Answer Send(AppClient& client, Request request = {.what = "read a user", .url = "https://x/U"}) {
    Answer out;
    client.Send(client.Begin({.request_id = "r-1", .trace_parent = "00-t"}), std::move(request),
                [&](Answer answer) { out = std::move(answer); });
    http_.RunAll();
    return out;
  }

  FakeClock clock_;
  FakeHttpClient http_;
};

TEST_F(AppClientTest, EveryCallSaysWhoSendsItAndForWhichRequest) {
  AppClient client = Client({"${env:ONE}"});
  http_.Push(200, "{}");
  EXPECT_TRUE(Send(client).result.ok());
  const HttpRequest& request = http_.requests.at(0);
  EXPECT_EQ(HeaderOf(request, "Authorization"), "Bearer first-secret");
  EXPECT_THAT(HeaderOf(request, "User-Agent"), HasSubstr("Purser/"));
  EXPECT_EQ(HeaderOf(request, "X-Request-Id"), "r-1");
  EXPECT_EQ(HeaderOf(request, "traceparent"), "00-t");
  EXPECT_EQ(HeaderOf(request, "Content-Type"), "");
}

TEST_F(AppClientTest, TheSecondSecretIsTriedOnceAndThenRemembered) {
  AppClient client = Client({"${env:ONE}", "${env:TWO}"});
  http_.Push(401, "");
  http_.Push(200, "{}");
  EXPECT_TRUE(Send(client).result.ok());
  http_.Push(200, "{}");
  EXPECT_TRUE(Send(client).result.ok());
  ASSERT_EQ(http_.requests.size(), 3u);
  EXPECT_EQ(HeaderOf(http_.requests[1], "Authorization"), "Bearer second-secret");
  EXPECT_EQ(HeaderOf(http_.requests[2], "Authorization"), "Bearer second-secret");
}

TEST_F(AppClientTest, WithBothSecretsRefusedTheCredentialsAre) {
  AppClient client = Client({"${env:ONE}", "${env:TWO}"});
  http_.Push(401, "");
  http_.Push(401, "");
  EXPECT_EQ(Send(client).result.verdict, Verdict::kUnauthenticated);
  EXPECT_EQ(http_.requests.size(), 2u);
}

TEST_F(AppClientTest, AMissingSecretIsNamedAndNothingIsSent) {
  AppClient client = Client({"${env:NONE}"});
  const Answer answer = Send(client);
  EXPECT_EQ(answer.result.verdict, Verdict::kUnauthenticated);
  EXPECT_THAT(answer.result.message, HasSubstr("${env:NONE}"));
  EXPECT_TRUE(http_.requests.empty());
}

TEST_F(AppClientTest, ASecretThatWouldBreakTheHeaderIsNotSent) {
  AppClient client = Client({"${env:BAD}"});
  const Answer answer = Send(client);
  EXPECT_EQ(answer.result.verdict, Verdict::kUnauthenticated);
  EXPECT_THAT(answer.result.message, HasSubstr("${env:BAD}"));
  EXPECT_THAT(answer.result.message, Not(HasSubstr("Evil")));
  EXPECT_TRUE(http_.requests.empty());
}

TEST_F(AppClientTest, TheRequestsOfACallShareItsTimeout) {
  AppClient client = Client({"${env:ONE}"});
  const Attempt attempt = client.Begin({.timeout = absl::Seconds(10)});
  clock_.Advance(absl::Seconds(7));
  client.Send(attempt, {.what = "x", .url = "https://x"}, [](Answer) {});
  EXPECT_EQ(http_.requests.at(0).timeout, absl::Seconds(3));
  clock_.Advance(absl::Seconds(3));
  Verdict verdict = Verdict::kDone;
  client.Send(attempt, {.what = "x", .url = "https://x"},
              [&](Answer answer) { verdict = answer.result.verdict; });
  EXPECT_EQ(verdict, Verdict::kUnavailable);
  EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(AppClientTest, WhatIsKeptOfAnExchangeHoldsNoValue) {
  AppClient client = Client({"${env:ONE}"});
  http_.Push(400, R"({"detail":"ada@example.com is bad, first-secret"})");
  const Answer answer = Send(client, {.what = "create a user",
                                      .method = "POST",
                                      .url = "https://x/Users?filter=ada%40example.com",
                                      .body = nlohmann::json{{"userName", "ada@example.com"}},
                                      .fields = {"userName"}});
  const Result& result = answer.result;
  EXPECT_EQ(result.exchange.url, "https://x/Users?filter");
  EXPECT_EQ(result.exchange.summary, "sent userName");
  for (const std::string& text : {result.message, result.exchange.summary, result.exchange.url}) {
    EXPECT_THAT(text, Not(HasSubstr("ada")));
    EXPECT_THAT(text, Not(HasSubstr("secret")));
  }
}

TEST_F(AppClientTest, TextThatIsNotUtf8IsSentAllTheSame) {
  AppClient client = Client({"${env:ONE}"});
  http_.Push(200, "{}");
  Send(client, {.what = "x", .method = "POST", .url = "https://x", .body = nlohmann::json("\xff")});
  EXPECT_EQ(http_.requests.at(0).body, "\"\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace purser::connectors
