#include "broker/config/yaml_reader.h"
#include "broker/config/yaml_writer.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "purser/config/v1/config.pb.h"

namespace purser::config {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using v1::Configuration;

Configuration Read(const std::string& text, Places* places = nullptr) {
  Configuration configuration;
  const absl::Status status = ReadYaml(text, "apps.yaml", &configuration, places);
  EXPECT_TRUE(status.ok()) << status;
  return configuration;
}

std::string Refusal(const std::string& text) {
  Configuration configuration;
  const absl::Status status = ReadYaml(text, "apps.yaml", &configuration, nullptr);
  return status.ok() ? "accepted" : std::string(status.message());
}

const char kEveryKind[] = R"(directories:
  - name: main
    aliases:
      extensionAttribute1: nickName
      mailNickname: nickName
    clear_values:
      - '[clear]'
      - 'null'
apps:
  - name: crm
    connector: scim
    url: ${env:CRM_URL}
    users:
      enabled: on
      rows:
        - target: emails[type eq "work"].value
          source: mail
          match: 1
          required: false
        - target: title
          expression: 'Join(": ", [title], "it''s")'
          default: '42'
          apply: on_create
        - target: note
          constant: "line\nbreak \u00e6"
    limits:
      calls_per_second: 2.5
    timing:
      call_timeout: 30s
      settling_time: 5m
      create_visible_within: 1.5s
    dialect:
      update: put
      member_removal: value_path
      no_delete: false
    mode: read_only
)";

TEST(ReadYaml, FillsEveryKindOfField) {
  const Configuration configuration = Read(kEveryKind);
  ASSERT_EQ(configuration.apps_size(), 1);
  const auto& app = configuration.apps(0);
  EXPECT_EQ(configuration.directories(0).aliases().at("mailNickname"), "nickName");
  EXPECT_EQ(configuration.directories(0).clear_values(1), "null");
  EXPECT_EQ(app.users().enabled(), v1::ON);
  EXPECT_EQ(app.users().rows(0).target(), "emails[type eq \"work\"].value");
  EXPECT_EQ(app.users().rows(0).match(), 1u);
  EXPECT_TRUE(app.users().rows(0).has_required());
  EXPECT_EQ(app.users().rows(1).apply(), v1::ON_CREATE);
  EXPECT_EQ(app.users().rows(1).default_(), "42");
  EXPECT_EQ(app.limits().calls_per_second(), 2.5);
  EXPECT_EQ(app.timing().settling_time().seconds(), 300);
  EXPECT_EQ(app.timing().create_visible_within().nanos(), 500'000'000);
  EXPECT_EQ(app.dialect().update(), v1::Dialect::PUT);
  EXPECT_TRUE(app.dialect().has_no_delete());
  EXPECT_EQ(app.mode(), v1::READ_ONLY);
}

TEST(ToYaml, GivesBackWhatWasPutIn) {
  const Configuration once = Read(kEveryKind);
  const std::string written = ToYaml(once);
  EXPECT_TRUE(MessageDifferencer::Equals(once, Read(written))) << written;
  EXPECT_EQ(ToYaml(Read(written)), written);
  EXPECT_THAT(written, HasSubstr("url: ${env:CRM_URL}"));
  EXPECT_THAT(written, HasSubstr("settling_time: 5m"));
  EXPECT_EQ(ToYaml(once.apps(0)).substr(0, 20), "apps:\n  - name: crm\n");
}

TEST(ToYaml, KeepsTextsThatLookLikeSomethingElse) {
  for (const char* text :
       {"true", "null", "12",   "1e5",      "",   " a",   "a ", "a: b", "a #b", "- a",
        "'",    "\"",   "*x",   "&x",       "!x", "%x",   "@x", "{x}",  "[x]",  "a\tb",
        "\n",   "\\",   "key:", "\xC3\xA6", "on", "0x10", "~",  "?",    "|",    ">"}) {
    Configuration configuration;
    configuration.add_apps()->set_test_hint(text);
    if (*text == 0) configuration.add_directories()->add_clear_values(text);
    EXPECT_TRUE(MessageDifferencer::Equals(configuration, Read(ToYaml(configuration))))
        << ToYaml(configuration);
  }
}

TEST(ReadYaml, AnUnknownKeyIsNamedWithItsPlaceAndTheNearestKey) {
  EXPECT_EQ(Refusal("apps:\n  - name: crm\n    credentails:\n      bearer_token: {}\n"),
            "apps.yaml:3:5: unknown key \"credentails\" in apps[0]; did you mean \"credentials\"?");
  EXPECT_THAT(Refusal("app:\n  - name: crm\n"), HasSubstr("apps.yaml:1:1: unknown key \"app\""));
}

TEST(ReadYaml, EveryErrorOfAFileIsTold) {
  const std::string refusal = Refusal("apps:\n  - nme: a\n    mode: 7\n    limits: x\n");
  EXPECT_THAT(refusal, AllOf(HasSubstr("apps.yaml:2:5"), HasSubstr("apps.yaml:3:11"),
                             HasSubstr("apps.yaml:4:13")));
}

TEST(ReadYaml, WrongTypesAreRefused) {
  EXPECT_THAT(Refusal("apps: crm\n"), HasSubstr("apps.yaml:1:7: apps must be a list"));
  EXPECT_THAT(Refusal("apps: [crm]\n"), HasSubstr("must hold keys"));
  EXPECT_THAT(Refusal("- a\n"), HasSubstr("the document must hold keys"));
  EXPECT_THAT(Refusal("apps: [{name: [a]}]\n"), HasSubstr("\"name\" takes one value"));
  EXPECT_THAT(Refusal("apps: [{scope: {all: yes}}]\n"), HasSubstr("must be true or false"));
  EXPECT_THAT(Refusal("apps: [{limits: {concurrent_calls: -1}}]\n"), HasSubstr("whole number"));
  EXPECT_THAT(Refusal("apps: [{limits: {calls_per_second: nan}}]\n"),
              HasSubstr("must be a number"));
  EXPECT_THAT(Refusal("apps: [{timing: {call_timeout: 30}}]\n"), HasSubstr("such as 30s"));
  EXPECT_THAT(Refusal("apps: [{timing: {call_timeout: inf}}]\n"), HasSubstr("such as 30s"));
  EXPECT_THAT(
      Refusal("apps: [{mode: automatc}]\n"),
      HasSubstr("must be one of read_only, manual, automatic; did you mean \"automatic\"?"));
  EXPECT_THAT(Refusal("apps: [{mode: mode_unspecified}]\n"), HasSubstr("must be one of"));
  EXPECT_THAT(Refusal("apps:\n  - name:\n"), HasSubstr("\"name\" has no value"));
  EXPECT_THAT(Refusal("apps: [{name: a, name: b}]\n"), HasSubstr("\"name\" stands twice"));
  EXPECT_THAT(Refusal("apps: [\n"), HasSubstr("not YAML"));
  EXPECT_THAT(Refusal("apps: [{name: \"\xFF\"}]\n"), HasSubstr("not UTF-8"));
}

TEST(ReadYaml, NoErrorRepeatsAValueThatMayBeASecret) {
  for (const char* text : {"apps: [{credentials: {bearer_token: hunter2}}]\n",
                           "apps: [{credentials: {bearer_token: {secret: [hunter2]}}}]\n",
                           "apps: [{credentials: {bearer_token: {secert: hunter2}}}]\n",
                           "apps: [{credentials: hunter2}]\n"}) {
    EXPECT_THAT(Refusal(text), AllOf(Not("accepted"), Not(HasSubstr("hunter2"))));
  }
}

TEST(ReadYaml, AliasesCannotBlowItUp) {
  std::string bomb = "a0: &a0 [x]\n";
  std::string nested = "[]";
  for (int i = 0; i < 40; ++i) nested = "[" + nested + "]";
  EXPECT_THAT(Refusal("apps: " + nested), Not("accepted"));
  std::string text = "apps:\n  - users:\n      rows: &r0 [{target: a}]\n";
  EXPECT_EQ(Refusal(text + "  - users: {rows: *r0}\n"), "accepted");
  std::string rows = "x0: &x0 {clauses: [{attribute: a}]}\n";
  text =
      "apps:\n  - scope:\n      filters:\n        - &f\n          clauses:\n            - &c "
      "{attribute: a, op: b, values: &v [";
  for (int i = 0; i < 2'000; ++i) text += "v,";
  text += "v]}\n";
  for (int i = 0; i < 2'000; ++i) text += "            - *c\n";
  EXPECT_THAT(Refusal(text), HasSubstr("too large, its aliases followed"));
}

TEST(ReadYaml, SeveralDocumentsAndFieldsHavePlaces) {
  Places places;
  const Configuration configuration =
      Read("apps:\n  - name: a\n---\napps:\n  - name: b\n    url: https://x\n", &places);
  EXPECT_EQ(configuration.apps_size(), 2);
  EXPECT_EQ(places["apps[1].url"], "apps.yaml:6:5");
  EXPECT_EQ(places["apps[0]"], "apps.yaml:2:5");
  EXPECT_EQ(Read("").apps_size(), 0);
}

}  // namespace
}  // namespace purser::config
