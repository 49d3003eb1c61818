#include "broker/config/check_events.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The paths of what is wrong in a directory with this under `security_events`.
std::vector<std::string> Wrong(const std::string& events) {
  config::v1::Configuration configuration;
  const absl::Status read = ReadYaml("directories:\n- name: main\n  security_events:\n" + events,
                                     "f.yaml", &configuration, nullptr);
  EXPECT_TRUE(read.ok()) << read;
  std::vector<std::string> paths;
  for (const Problem& problem : CheckSecurityEvents(configuration.directories(0))) {
    paths.push_back(problem.path);
  }
  return paths;
}

TEST(CheckSecurityEvents, AFeedNeedsANameAnIssuerAndAnAudience) {
  EXPECT_THAT(Wrong("    issuer: https://id\n    feeds: [{name: a, audience: [b]}]\n"), IsEmpty());
  EXPECT_THAT(Wrong("    feeds: [{name: \"a b\"}]\n"),
              ElementsAre("security_events.issuer", "security_events.feeds[0].name",
                          "security_events.feeds[0].audience"));
}

TEST(CheckSecurityEvents, TwoFeedsHaveTwoNames) {
  EXPECT_THAT(
      Wrong("    issuer: i\n    feeds: [{name: a, audience: [b]}, {name: a, audience: [b]}]\n"),
      ElementsAre("security_events.feeds[1].name"));
}

TEST(CheckSecurityEvents, KeysAndTokensStandByReference) {
  EXPECT_THAT(Wrong("    issuer: i\n    signing_key: abc\n    second_signing_key: ${env:KEY}\n"
                    "    feeds: [{name: a, audience: [b],"
                    " push: {url: https://b.example.com/, token: abc}}]\n"),
              ElementsAre("security_events.signing_key", "security_events.feeds[0].push.token"));
}

TEST(CheckSecurityEvents, WhatIsPushedGoesByTlsOrToLoopback) {
  const auto with_url = [](const std::string& url) {
    return Wrong("    issuer: i\n    feeds: [{name: a, audience: [b], push: {url: \"" + url +
                 "\"}}]\n");
  };
  EXPECT_THAT(with_url("https://b.example.com/e"), IsEmpty());
  EXPECT_THAT(with_url("http://127.0.0.1:1/e"), IsEmpty());
  EXPECT_THAT(with_url("${env:RECEIVER}"), IsEmpty());
  for (const char* url : {"", "http://b.example.com/", "https://user:word@b.example.com/"}) {
    EXPECT_THAT(with_url(url), ElementsAre("security_events.feeds[0].push.url")) << url;
  }
}

TEST(CheckSecurityEvents, EventsAndTheBeginningAreKnownWords) {
  EXPECT_THAT(Wrong("    issuer: i\n    feeds: [{name: a, audience: [b], from: \"12\","
                    " events: [create, deactivate]}]\n"),
              IsEmpty());
  EXPECT_THAT(Wrong("    issuer: i\n    feeds: [{name: a, audience: [b], from: soon,"
                    " events: [create, crate]}]\n"),
              ElementsAre("security_events.feeds[0].events[1]", "security_events.feeds[0].from"));
}

}  // namespace
}  // namespace purser::config
