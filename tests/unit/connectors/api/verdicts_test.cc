#include "connectors/api/verdicts.h"

#include "gtest/gtest.h"

namespace purser::connectors {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

HttpResponse With(const std::string& name, const std::string& value) {
  return {.status = 429, .headers = {{name, value}}};
}

TEST(Verdicts, TheStatusDecidesWhereTheBodySaysNoMore) {
  EXPECT_EQ(VerdictOfStatus(200), Verdict::kDone);
  EXPECT_EQ(VerdictOfStatus(204), Verdict::kDone);
  EXPECT_EQ(VerdictOfStatus(302), Verdict::kNotTheProtocol);
  EXPECT_EQ(VerdictOfStatus(400), Verdict::kRefused);
  EXPECT_EQ(VerdictOfStatus(401), Verdict::kUnauthenticated);
  EXPECT_EQ(VerdictOfStatus(404), Verdict::kNotFound);
  EXPECT_EQ(VerdictOfStatus(405), Verdict::kUnsupported);
  EXPECT_EQ(VerdictOfStatus(409), Verdict::kConflict);
  EXPECT_EQ(VerdictOfStatus(412), Verdict::kPrecondition);
  EXPECT_EQ(VerdictOfStatus(413), Verdict::kRefused);
  EXPECT_EQ(VerdictOfStatus(429), Verdict::kThrottled);
  EXPECT_EQ(VerdictOfStatus(501), Verdict::kUnsupported);
  EXPECT_EQ(VerdictOfStatus(503), Verdict::kUnavailable);
}

TEST(Verdicts, AServerErrorLeavesAnEffectPossible) {
  for (int status : {500, 502, 504, 408, 599}) {
    EXPECT_EQ(VerdictOfStatus(status), Verdict::kInDoubt) << status;
  }
}

TEST(Verdicts, ARequestThatNeverLeftHadNoEffect) {
  EXPECT_EQ(VerdictOfTransport(absl::FailedPreconditionError("")), Verdict::kUnavailable);
  EXPECT_EQ(VerdictOfTransport(absl::DeadlineExceededError("")), Verdict::kInDoubt);
  EXPECT_EQ(VerdictOfTransport(absl::UnavailableError("")), Verdict::kInDoubt);
}

TEST(Verdicts, RetryAfterIsReadInAllItsForms) {
  EXPECT_EQ(RetryAfter(With("retry-after", " 7 "), kNow), absl::Seconds(7));
  EXPECT_EQ(RetryAfter(With("Retry-After", "Fri, 15 Jan 2027 08:01:00 GMT"), kNow),
            absl::Seconds(60));
  EXPECT_EQ(RetryAfter(With("X-RateLimit-Reset", "1800000030"), kNow), absl::Seconds(30));
  EXPECT_EQ(RetryAfter(With("X-Rate-Limit-Reset", "1800000030000"), kNow), absl::Seconds(30));
  EXPECT_EQ(RetryAfter(With("RateLimit-Reset", "12"), kNow), absl::Seconds(12));
  EXPECT_EQ(RetryAfter(With("Retry-After-Ms", "250"), kNow), absl::Milliseconds(250));
}

TEST(Verdicts, AnAbsurdRetryAfterIsBoundedAndNonsenseIgnored) {
  EXPECT_EQ(RetryAfter(With("Retry-After", "999999999"), kNow), absl::Hours(24));
  EXPECT_EQ(RetryAfter(With("Retry-After", "Fri, 15 Jan 2021 08:01:00 GMT"), kNow),
            absl::ZeroDuration());
  EXPECT_EQ(RetryAfter(With("Retry-After", "soon"), kNow), std::nullopt);
  EXPECT_EQ(RetryAfter(With("Retry-After", "-5"), kNow), std::nullopt);
  EXPECT_EQ(RetryAfter(With("Retry-After", "nan"), kNow), std::nullopt);
  EXPECT_EQ(RetryAfter({}, kNow), std::nullopt);
}

TEST(Verdicts, OfAnAppsWordsOnlyTheHarmlessRemain) {
  EXPECT_EQ(SafeWords("User ada@example.com already exists.", {}), "User .. already exists");
  EXPECT_EQ(SafeWords("Attribute 'nickName' of Ada is required", {"nickName"}),
            "Attribute nickName .. required");
  EXPECT_EQ(SafeWords("hunter2", {}), "");
}

}  // namespace
}  // namespace purser::connectors
