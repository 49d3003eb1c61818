#include "broker/config/configuration.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const char kTemplate[] = R"(
connector: scim
url: https://crm.example.com/scim
users:
  rows:
    - {target: userName, source: userName, match: 1, required: true}
    - {target: title, source: title}
roles: [{value: user}, {value: admin}]
)";

TemplateSource Templates() {
  return {{"crm"}, [](absl::string_view) { return absl::string_view(kTemplate); }};
}

// What the check of this file says, "fine" where it says nothing.
std::string Check(const std::string& text) {
  LoadedConfiguration loaded;
  const absl::Status read = ReadYaml(text, "f.yaml", &loaded.configuration, &loaded.places);
  if (!read.ok()) return std::string(read.message());
  const absl::Status status = CheckConfiguration(loaded, Templates());
  return status.ok() ? "fine" : std::string(status.message());
}

std::string App(const std::string& rest) {
  return "apps:\n  - name: crm\n    template: crm\n    credentials:\n      bearer_token:\n"
         "        secret: ${env:CRM_TOKEN}\n" +
         rest;
}

TEST(CheckConfiguration, ACompleteAppIsFine) { EXPECT_EQ(Check(App("")), "fine"); }

TEST(CheckConfiguration, AMissingSecretIsNamedWithItsRemedy) {
  EXPECT_THAT(Check("apps:\n  - name: crm\n    template: crm\n"),
              AllOf(HasSubstr("f.yaml:2:5: app crm: credentials.bearer_token.secret"),
                    HasSubstr("${env:NAME}")));
}

TEST(CheckConfiguration, ALiteralSecretIsRefusedAndNotRepeated) {
  const std::string message = Check(
      "apps:\n  - name: crm\n    template: crm\n    credentials:\n      bearer_token:\n"
      "        secret: hunter2\n        second_secret: ${env:OLD}\n");
  EXPECT_THAT(message, AllOf(HasSubstr("f.yaml:6:9"), HasSubstr("by reference alone"),
                             Not(HasSubstr("hunter2"))));
}

TEST(CheckConfiguration, AnUnknownAttributeInAMappingIsNamedAtItsPlace) {
  EXPECT_THAT(
      Check(App("    users:\n      rows:\n        - target: title\n"
                "          source: jobTitel\n")),
      AllOf(HasSubstr("f.yaml:10:11: app crm: users.rows[0].source: attribute title: unknown "
                      "attribute \"jobTitel\""),
            HasSubstr("\"jobTitle\"?")));
  EXPECT_THAT(Check(App("    users:\n      rows:\n        - target: title\n"
                        "          expression: ToUper([title])\n")),
              AllOf(HasSubstr("f.yaml:10:11"), HasSubstr("did you mean \"ToUpper\"?")));
}

TEST(CheckConfiguration, TwoAppsOfOneNameAreBothPlaced) {
  EXPECT_THAT(Check(App("") + "  - name: crm\n    template: crm\n    credentials: {bearer_token: "
                              "{secret: '${env:A}'}}\n"),
              AllOf(HasSubstr("f.yaml:7:5: app crm: name"), HasSubstr("f.yaml:2:5")));
}

TEST(CheckConfiguration, UnknownTemplatesConnectorsAndRolesAreNamed) {
  EXPECT_THAT(Check("apps: [{name: a, template: crn}]"), HasSubstr("did you mean \"crm\"?"));
  EXPECT_THAT(Check("apps: [{name: a, connector: skim, url: 'https://x'}]"),
              HasSubstr("did you mean \"scim\"?"));
  EXPECT_THAT(Check("apps: [{name: a}]"), HasSubstr("say a template (crm) or a connector"));
  EXPECT_THAT(Check(App("    assign:\n      - group: Sales\n        role: boss\n")),
              HasSubstr("f.yaml:9:9: app crm: assign[0].role: unknown role \"boss\"; known: user"));
  EXPECT_THAT(Check(App("    default_role: boss\n")), HasSubstr("default_role: unknown role"));
  EXPECT_THAT(Check(App("    assign: [{role: user}]\n")), HasSubstr("either a group or a user"));
}

TEST(CheckConfiguration, MatchingByAnotherAttributeMustBeForced) {
  const std::string row = "    users:\n      rows:\n        - {target: title, match: 2";
  EXPECT_THAT(Check(App(row + "}\n")),
              AllOf(HasSubstr("users.rows[0].match"), HasSubstr("matches by userName alone"),
                    HasSubstr("force_match")));
  EXPECT_EQ(Check(App(row + ", force_match: true}\n")), "fine");
}

TEST(CheckConfiguration, AddressesAreHttpsOrLoopback) {
  EXPECT_THAT(Check(App("    url: http://crm.example.com\n")),
              HasSubstr("f.yaml:7:5: app crm: url: http is for loopback"));
  EXPECT_EQ(Check(App("    url: http://127.0.0.1:8090/scim\n")), "fine");
  EXPECT_EQ(Check(App("    url: ${env:CRM_URL}\n")), "fine");
  EXPECT_THAT(Check(App("    url: ${enw:CRM_URL}\n")), HasSubstr("unknown kind of reference"));
  EXPECT_THAT(Check("apps: [{name: a, connector: scim}]"), HasSubstr("url: the app's address"));
}

TEST(CheckConfiguration, ScopesLimitsAndNoticesAreChecked) {
  EXPECT_THAT(Check(App("    scope: {filters: [{clauses: [{attribute: titel, op: IS NULL}]}]}\n")),
              HasSubstr("scope.filters[0].clauses[0]: unknown attribute"));
  EXPECT_THAT(Check(App("    limits: {concurrent_calls: 9, max_concurrent_calls: 3}\n")),
              HasSubstr("more than max_concurrent_calls"));
  EXPECT_THAT(Check(App("    notify: {enabled: on}\n")), HasSubstr("an address is needed"));
  EXPECT_THAT(Check(App("    notify: {email: nobody}\n")), HasSubstr("not an e-mail address"));
  EXPECT_THAT(Check(App("    time_zone: Mars/Base\n")),
              HasSubstr("f.yaml:7:5: app crm: time_zone"));
  EXPECT_THAT(Check(App("    timing: {call_timeout: 0s}\n")), HasSubstr("more than 0s"));
  EXPECT_THAT(Check("apps: [{name: 'a/b', template: crm}]"),
              HasSubstr("a name is made of letters"));
}

TEST(CheckConfiguration, AnAppOfAnUnknownDirectoryIsNamedWithItsPlaceAndThoseThereAre) {
  const std::string app = App("    directory: elsewhere\n");
  EXPECT_EQ(Check(app),
            "f.yaml:7:5: app crm: directory: there is no directory \"elsewhere\"; known: none");
  EXPECT_THAT(Check(app + "directories: [{name: main}, {name: lab}]\n"),
              HasSubstr("there is no directory \"elsewhere\"; known: main, lab"));
  EXPECT_EQ(Check(app + "directories: [{name: elsewhere}]\n"), "fine");
}

TEST(CheckConfiguration, ActionsAreOnUnlessSaidAndNotAllOff) {
  EXPECT_EQ(Check(App("    users: {actions: {create: off, delete: off}}\n")), "fine");
  EXPECT_THAT(Check(App("    users: {actions: {create: off, update: off, delete: off}}\n")),
              AllOf(HasSubstr("f.yaml:7:13: app crm: users.actions: create, update and delete are"),
                    HasSubstr("`mode: read_only`")));
  EXPECT_THAT(Check(App("    users: {actions: {disable: off}}\n")),
              HasSubstr("unknown key \"disable\""));
  EXPECT_THAT(Check(App("    users: {actions: {update: never}}\n")),
              HasSubstr("must be one of on, off"));
}

TEST(CheckConfiguration, DirectoriesAreCheckedAndTheirAliasesCount) {
  EXPECT_THAT(Check("directories: [{name: main, aliases: {x: titel}}]"),
              HasSubstr("directory main: aliases.x: unknown attribute \"titel\""));
  EXPECT_THAT(Check("directories: [{name: main}, {name: main}]"), HasSubstr("the name is taken"));
  EXPECT_THAT(Check("directories: [{name: main, public_url: 'http://x'}]"),
              HasSubstr("public_url"));
  const std::string row = App("    users: {rows: [{target: title, source: mailNickname}]}\n");
  EXPECT_THAT(Check(row), HasSubstr("unknown attribute \"mailNickname\""));
  EXPECT_EQ(Check(row + "directories: [{name: main, aliases: {mailNickname: nickName}}]\n"),
            "fine");
}

}  // namespace
}  // namespace purser::config
