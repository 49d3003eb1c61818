#include "broker/feed/push.h"

#include <gtest/gtest.h>

namespace purser::feed {
namespace {

PushAnswer Answered(int status, const std::string& body = "") {
  PushAnswer answer;
  answer.status = status;
  answer.body = body;
  return answer;
}

TEST(JudgePush, OnlyWhatIsWrongWithTheEventItselfIsARefusal) {
  EXPECT_EQ(JudgePush(Answered(202)), PushVerdict::kAccepted);
  EXPECT_EQ(JudgePush(Answered(200)), PushVerdict::kAccepted);
  EXPECT_EQ(JudgePush(Answered(400, R"({"err":"invalid_request"})")), PushVerdict::kRefused);
  EXPECT_EQ(JudgePush(Answered(413)), PushVerdict::kRefused);
  // These would befall every event: none may be skipped for them.
  for (const char* error : {"invalid_key", "invalid_issuer", "invalid_audience",
                            "authentication_failed", "access_denied"}) {
    EXPECT_EQ(JudgePush(Answered(400, std::string(R"({"err":")") + error + "\"}")),
              PushVerdict::kLater)
        << error;
  }
  for (const int status : {0, 301, 307, 400, 401, 403, 404, 429, 500, 503}) {
    EXPECT_EQ(JudgePush(Answered(status)), PushVerdict::kLater) << status;
  }
}

TEST(RefusalIn, SaysWhatTheReceiverSaidOrElseTheStatus) {
  const auto said =
      RefusalIn("1.a", Answered(400, R"({"err":"invalid_request","description":"no"})"));
  EXPECT_EQ(said.jti + " " + said.error + " " + said.description, "1.a invalid_request no");
  EXPECT_EQ(RefusalIn("1.a", Answered(503, "<html>")).error, "HTTP 503");
}

TEST(PushPause, DoublesUpToItsBoundAndKeepsToWhatIsAskedFor) {
  EXPECT_EQ(PushPause(1, 0.0, ""), absl::Milliseconds(500));
  EXPECT_EQ(PushPause(3, 0.0, ""), absl::Seconds(2));
  EXPECT_LT(PushPause(3, 0.99, ""), absl::Seconds(4));
  EXPECT_EQ(PushPause(1000, 0.0, ""), absl::Seconds(150));
  EXPECT_EQ(PushPause(1, 0.0, "7"), absl::Seconds(7));
  EXPECT_EQ(PushPause(1, 0.0, "99999999"), absl::Hours(1));
  EXPECT_EQ(PushPause(1, 0.0, "Thu, 01 Jan 2026 00:00:00 GMT"), absl::Milliseconds(500));
}

}  // namespace
}  // namespace purser::feed
