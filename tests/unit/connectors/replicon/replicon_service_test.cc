#include "connectors/replicon/replicon_service.h"

#include "connectors/api/verdicts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::connectors::replicon {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

Answer Judged(int status, const std::string& body) {
  Answer answer;
  answer.http = {.status = status, .body = body};
  answer.result.verdict = VerdictOfStatus(status);
  answer.body = json::parse(body, nullptr, false);
  JudgeAnswer(&answer);
  return answer;
}

Verdict VerdictOf(int status, const std::string& body) {
  return Judged(status, body).result.verdict;
}

constexpr char kSender[] = R"({"error":{"code":"Sender","correlationId":"c-1",
  "reason":"ada@x is wrong","type":"InvalidUserTargetParameterError1",
  "details":{"displayText":"No user ada@x"}}})";

TEST(RepliconAnswer, ASendersFaultIsARefusalWhateverTheStatus) {
  for (int status : {200, 400, 404, 500, 503}) {
    EXPECT_EQ(VerdictOf(status, kSender), Verdict::kRefused) << status;
  }
}

TEST(RepliconAnswer, AFaultIsNamedByItsTypeAloneAndNotByItsWords) {
  const Answer answer = Judged(500, kSender);
  EXPECT_THAT(answer.result.exchange.summary, HasSubstr("InvalidUserTargetParameterError1"));
  EXPECT_THAT(answer.result.message + answer.result.exchange.summary, Not(HasSubstr("ada")));
}

TEST(RepliconAnswer, A500IsInDoubtUnlessItIsTheSenders) {
  EXPECT_EQ(VerdictOf(500, "The operation has timed out."), Verdict::kInDoubt);
  EXPECT_EQ(VerdictOf(500, R"({"error":{"code":"Receiver","type":"X"}})"), Verdict::kInDoubt);
  EXPECT_EQ(VerdictOf(500, R"({"error":{"code":"Sender","reason":"Timeout expired"}})"),
            Verdict::kInDoubt);
}

TEST(RepliconAnswer, SuccessIsA200WithD) {
  const Answer answer = Judged(200, R"({"d":{"user":{"uri":"u:7"}}})");
  EXPECT_TRUE(answer.result.ok());
  EXPECT_EQ(answer.body["user"]["uri"], "u:7");
  EXPECT_TRUE(Judged(200, R"({"d":null})").result.ok());
  for (const char* body : {"", "{}", "[]", "<html>", "true", R"({"x":1})"}) {
    EXPECT_EQ(VerdictOf(200, body), Verdict::kNotTheProtocol) << body;
  }
}

TEST(RepliconAnswer, CredentialsAndLimitsAreToldByTheStatus) {
  EXPECT_EQ(VerdictOf(401, kSender), Verdict::kUnauthenticated);
  EXPECT_EQ(VerdictOf(429, kSender), Verdict::kThrottled);
  EXPECT_EQ(VerdictOf(404, "not here"), Verdict::kNotTheProtocol);
  EXPECT_EQ(VerdictOf(302, ""), Verdict::kNotTheProtocol);
}

TEST(RepliconRoot, TheCompanyKeyIsAppendedOnlyWhereItIsAbsent) {
  auto root = [](const char* url) {
    return RootOf(json{{"applicationRootUrl", url}}, "acme", "na1");
  };
  EXPECT_EQ(root("https://na1.replicon.com/"), "https://na1.replicon.com/acme/");
  EXPECT_EQ(root("https://na1.replicon.com/acme/"), "https://na1.replicon.com/acme/");
  EXPECT_EQ(root("https://na1.replicon.com/ACME"), "https://na1.replicon.com/ACME/");
  EXPECT_EQ(root("https://na1.replicon.com/notacme/"), "https://na1.replicon.com/notacme/acme/");
  EXPECT_EQ(root(""), "");
}

TEST(RepliconRoot, TheDomainChoosesAmongSeveral) {
  const json tenant = json::parse(R"({"applicationRootUrl":"https://na1.replicon.com/",
    "applicationRootUrls":[{"rootUrl":"https://na1.replicon.com/"},{"rootUrl":"https://eu1.replicon.com/"}]})");
  EXPECT_EQ(RootOf(tenant, "acme", "eu1"), "https://eu1.replicon.com/acme/");
  EXPECT_EQ(RootOf(tenant, "acme", ""), "https://na1.replicon.com/acme/");
}

TEST(RepliconRoot, CredentialsGoToNoHostOfAnotherOwner) {
  EXPECT_TRUE(MayTrustRoot("https://global.replicon.com", "https://na1.replicon.com/acme/"));
  EXPECT_TRUE(MayTrustRoot("http://127.0.0.1:8090/replicon", "http://localhost:8090/x/"));
  EXPECT_FALSE(MayTrustRoot("https://global.replicon.com", "https://replicon.com.evil.net/"));
  EXPECT_FALSE(MayTrustRoot("https://global.replicon.com", "https://evilreplicon.com/"));
  EXPECT_FALSE(MayTrustRoot("https://10.0.0.1", "https://11.0.0.1"));
  EXPECT_FALSE(MayTrustRoot("https://global.replicon.com", "/relative"));
}

}  // namespace
}  // namespace purser::connectors::replicon
