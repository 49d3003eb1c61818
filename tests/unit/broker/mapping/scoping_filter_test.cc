#include "broker/mapping/scoping_filter.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace purser::mapping {
namespace {

using config::v1::App;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

App AppOf(const std::string& text) {
  App app;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &app));
  return app;
}

Resource SampleUser() {
  Resource user;
  user.id = "u-1";
  user.created = absl::FromUnixSeconds(1'600'000'000);
  user.attributes = {{"userName", "ada@example.com"},
                     {"active", true},
                     {"title", "Senior Engineer"},
                     {"emails", {{{"value", "a@example.com"}}, {{"value", "b@example.org"}}}},
                     {kEnterpriseUrn, {{"employeeNumber", "42"}, {"manager", {{"value", "u-9"}}}}}};
  return user;
}

// Does the sample user, a member of Sales, pass this one clause?
bool Passes(const std::string& attribute, const std::string& op,
            const std::vector<std::string>& values = {}) {
  App app = AppOf("scope { all: true }");
  auto* clause = app.mutable_scope()->add_filters()->add_clauses();
  clause->set_attribute(attribute);
  clause->set_op(op);
  for (const std::string& value : values) clause->add_values(value);
  const auto scope = CompileScope(app);
  EXPECT_TRUE(scope.ok()) << scope.status();
  const Resource user = SampleUser();
  const std::vector<GroupName> groups = {{"g-1", "Sales"}};
  return DecideScope(*scope, {&user, &groups}).in_scope;
}

std::string Refusal(const std::string& clause) {
  const auto scope = CompileScope(AppOf("scope { filters { clauses { " + clause + " } } }"));
  return scope.ok() ? "accepted" : std::string(scope.status().message());
}

TEST(ScopingFilter, OperatorsMeanWhatTheIncumbentsMean) {
  EXPECT_TRUE(Passes("title", "EQUALS", {"Senior Engineer"}));
  EXPECT_FALSE(Passes("title", "EQUALS", {"senior engineer"}));
  EXPECT_TRUE(Passes("title", "NOT EQUALS", {"x"}));
  EXPECT_TRUE(Passes("active", "IS TRUE"));
  EXPECT_FALSE(Passes("active", "is false"));
  EXPECT_TRUE(Passes("department", "IS NULL"));
  EXPECT_TRUE(Passes("title", "IS NOT NULL"));
  EXPECT_TRUE(Passes("title", "REGEX MATCH", {"Senior .*"}));
  EXPECT_FALSE(Passes("title", "REGEX MATCH", {"Senior"}));
  EXPECT_TRUE(Passes("title", "NOT REGEX MATCH", {"Senior"}));
  EXPECT_TRUE(Passes("title", "Includes", {"Eng"}));
  EXPECT_TRUE(Passes("userName", "ENDS_WITH", {"@example.com"}));
  EXPECT_TRUE(Passes("employeeId", "Greater_Than", {"9"}));
  EXPECT_FALSE(Passes("employeeId", "Greater_Than", {"42"}));
  EXPECT_TRUE(Passes("employeeId", "Greater_Than_OR_EQUALS", {"42"}));
  EXPECT_TRUE(Passes("title", "&", {"x", "Senior Engineer"}));
  EXPECT_FALSE(Passes("title", "!&", {"x", "Senior Engineer"}));
}

TEST(ScopingFilter, AClauseOnAnAbsentAttributeIsFalseUnlessItAsksForNull) {
  EXPECT_FALSE(Passes("department", "NOT EQUALS", {"x"}));
  EXPECT_FALSE(Passes("department", "!&", {"x"}));
  EXPECT_FALSE(Passes("department", "NOT REGEX MATCH", {"x"}));
  EXPECT_FALSE(Passes("department", "IS FALSE"));
}

TEST(ScopingFilter, ListsGroupsManagersAndDatesWork) {
  EXPECT_TRUE(Passes("emails", "ENDS_WITH", {"@example.org"}) ||
              Passes("emails.value", "ENDS_WITH", {"@example.org"}));
  EXPECT_FALSE(Passes("emails.value", "NOT EQUALS", {"a@example.com"}));
  EXPECT_TRUE(Passes("groups", "EQUALS", {"Sales"}));
  EXPECT_TRUE(Passes("groups", "EQUALS", {"g-1"}));
  EXPECT_TRUE(Passes("groups", "NOT EQUALS", {"Finance"}));
  EXPECT_TRUE(Passes("manager", "EQUALS", {"u-9"}));
  EXPECT_TRUE(Passes("meta.created", "Greater_Than", {"2020-01-01"}));
  EXPECT_FALSE(Passes("meta.created", "Greater_Than", {"2021-01-01"}));
}

TEST(ScopingFilter, WhatIsWrongIsNamed) {
  EXPECT_THAT(Refusal("attribute: 'titel' op: 'IS NULL'"), HasSubstr("did you mean \"title\"?"));
  EXPECT_THAT(Refusal("attribute: 'title' op: 'EQUAL' values: 'x'"),
              HasSubstr("scope.filters[0].clauses[0]: unknown operator \"EQUAL\"; did you mean "
                        "\"EQUALS\"?"));
  EXPECT_THAT(Refusal("attribute: 'title' op: 'EQUALS'"), HasSubstr("needs a value"));
  EXPECT_THAT(Refusal("attribute: 'title' op: 'IS NULL' values: 'x'"), HasSubstr("no values"));
  EXPECT_THAT(Refusal("attribute: 'title' op: 'EQUALS' values: ['x', 'y']"),
              HasSubstr("one value"));
  EXPECT_THAT(Refusal("attribute: 'title' op: 'REGEX MATCH' values: '(?=x)'"),
              HasSubstr("look-around"));
  EXPECT_THAT(Refusal("attribute: 'IsSoftDeleted' op: 'IS TRUE'"), HasSubstr("scope"));
}

TEST(DecideScope, FiltersOrAndClausesAnd) {
  const auto scope =
      CompileScope(AppOf("scope { all: true filters { clauses { attribute: 'title' op: 'IS NULL' } "
                         "} filters { clauses "
                         "{ attribute: 'active' op: 'IS TRUE' } clauses { attribute: 'title' op: "
                         "'IS NOT NULL' } } }"));
  Resource user = SampleUser();
  EXPECT_TRUE(DecideScope(*scope, {&user}).in_scope);
  user.attributes["active"] = false;
  const ScopeDecision out = DecideScope(*scope, {&user});
  EXPECT_FALSE(out.in_scope);
  EXPECT_THAT(out.reason, HasSubstr("clause on active"));
  user.attributes.erase("title");
  EXPECT_TRUE(DecideScope(*scope, {&user}).in_scope);
}

TEST(DecideScope, AssignmentsBringTheirRoles) {
  const auto scope = CompileScope(AppOf(
      "assign { group: 'sales' role: 'user' } assign { user: 'ADA@example.com' role: 'admin' } "
      "assign { group: 'g-2' role: 'none' }"));
  const Resource user = SampleUser();
  const std::vector<GroupName> groups = {{"g-1", "Sales"}};
  const ScopeDecision assigned = DecideScope(*scope, {&user, &groups});
  EXPECT_TRUE(assigned.in_scope);
  EXPECT_FALSE(assigned.by_all);
  EXPECT_THAT(assigned.roles, ElementsAre("user", "admin"));
  Resource other = SampleUser();
  other.id = "u-2";
  other.attributes["userName"] = "bob";
  const ScopeDecision unassigned = DecideScope(*scope, {&other});
  EXPECT_FALSE(unassigned.in_scope);
  EXPECT_EQ(unassigned.reason, "not assigned");
}

}  // namespace
}  // namespace purser::mapping
