// Requests put together at random, from one seed: what must hold whatever a client sends.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/scim/filter.h"
#include "broker/scim/patch.h"
#include "broker/scim/render.h"
#include "broker/scim/resource_input.h"

namespace purser::scim {
namespace {

using nlohmann::json;

constexpr int kRounds = 3000;
constexpr char kEnterpriseManager[] =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

class Dice {
 public:
  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(engine_);
  }
  template <typename T>
  const T& Of(const std::vector<T>& choices) {
    return choices[Below(choices.size())];
  }

 private:
  std::mt19937_64 engine_{20261121};
};

json AnyValue(Dice& dice) {
  static const std::vector<json> kValues = {
      nullptr,
      true,
      "True",
      "x",
      "",
      5,
      -1.5,
      json::array(),
      json::object(),
      {{"value", "a"}},
      {{"value", "a"}, {"primary", true}, {"type", "work"}},
      {{{"value", "a"}, {"primary", "True"}}, {{"value", "b"}, {"type", "home"}}},
      {{"givenName", "G"}, {"familyName", nullptr}},
      json::array({nullptr, json::object()}),
      {{"manager", "m"}, {"department", nullptr}},
      "{\"value\":\"25\",\"displayName\":\"R\"}",
      {{"value", nullptr}},
      {{"displayName", "D"}},
      {{"type", nullptr}, {"value", ""}}};
  return dice.Of(kValues);
}

std::string AnyPath(Dice& dice) {
  static const std::vector<std::string> kPaths = {
      "userName",
      "title",
      "name",
      "name.givenName",
      "NAME.familyname",
      "emails",
      "emails.value",
      "emails[type eq \"work\"]",
      "emails[type eq \"work\"].value",
      "emails[value pr].primary",
      "emails[not (type eq \"x\")].type",
      "roles",
      "roles[primary eq \"True\"].value",
      "roles[primary eq true]",
      "active",
      "password",
      "externalId",
      "addresses[type eq \"work\"].country",
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
      kEnterpriseManager,
      absl::StrCat(kEnterpriseManager, ".value"),
      "groups",
      "id",
      "meta",
      "schemas",
      "nope",
      "",
      "photos",
      "x509Certificates.value",
      "manager[value pr]",
      "manager[value eq \"a\"].value"};
  return dice.Of(kPaths);
}

json AnyOperation(Dice& dice) {
  static const std::vector<std::string> kOps = {"add", "Replace", "remove", "REMOVE", "add"};
  json operation = {{"op", dice.Of(kOps)}};
  if (dice.Below(8) > 0) operation["path"] = AnyPath(dice);
  if (dice.Below(8) > 0) operation["value"] = AnyValue(dice);
  if (!operation.contains("path") && dice.Below(2) == 0) {
    operation["value"] = {{AnyPath(dice), AnyValue(dice)}};
  }
  return operation;
}

// Nothing unassigned is held at any depth, and at most one value is primary.
void ExpectCanonical(const json& value) {
  if (!value.is_structured()) return;
  int primaries = 0;
  for (const json& item : value) {
    EXPECT_FALSE(item.is_null() || (item.is_structured() && item.empty())) << value;
    if (item.is_object() && item.value("primary", json()) == true) ++primaries;
    ExpectCanonical(item);
  }
  EXPECT_LE(primaries, 1) << value;
}

TEST(RandomPatches, WhatTheyLeaveIsCanonicalFoldsAndRenders) {
  Dice dice;
  Resource user;
  user.id = "u1";
  user.attributes = {{"userName", "a"}};
  int applied = 0;
  for (int round = 0; round < kRounds; ++round) {
    json operations = json::array();
    for (size_t i = dice.Below(4); i < 4; ++i) operations.push_back(AnyOperation(dice));
    const json body = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}},
                       {"Operations", operations}};
    const auto request = ParsePatch(UserSchema(), body.dump());
    if (!request.ok()) continue;
    json after = user.attributes;
    if (!ApplyPatch(*request, user.id, &after).ok()) continue;
    ++applied;
    ExpectCanonical(after);
    json folded = user.attributes;
    for (const auto& change : DiffAttributes(user.attributes, after)) {
      ASSERT_TRUE(ApplyChange(change, &folded).ok());
    }
    ASSERT_TRUE(DiffAttributes(folded, after).empty()) << operations;
    user.attributes = std::move(after);
    const auto text = RenderResource(UserSchema(), {&user}, user.attributes.dump(), "https://x");
    ASSERT_TRUE(text.ok()) << text.status();
    ASSERT_FALSE(json::parse(*text, nullptr, false).is_discarded());
    if (HasFailure()) FAIL() << operations;
  }
  EXPECT_GT(applied, kRounds / 20);
}

TEST(RandomFilters, AreRefusedOrAnswered) {
  Dice dice;
  static const std::vector<std::string> kParts = {
      "userName", "emails", "emails[",      "]",  "(",     ")",    "not",  "and", "or",
      "eq",       "pr",     "co",           "gt", "\"a\"", "true", "null", "5",   "type",
      "value",    "active", "meta.created", "\"", "\\",    "é"};
  Resource user;
  user.attributes = {{"userName", "a"}, {"emails", {{{"value", "a"}, {"type", "work"}}}}};
  int parsed = 0;
  for (int round = 0; round < 20 * kRounds; ++round) {
    std::string text;
    for (size_t i = dice.Below(8); i < 10; ++i) absl::StrAppend(&text, dice.Of(kParts), " ");
    const auto filter = ParseFilter(UserSchema(), text);
    if (!filter.ok()) continue;
    ++parsed;
    EXPECT_TRUE(Evaluate(*filter, {&user}).ok()) << text;
    FindIndexedEquality(*filter);
    ImpliedElement(*filter);
  }
  EXPECT_GT(parsed, 0);
}

TEST(RandomBodies, ACutOrChangedBodyIsRefusedOrTaken) {
  Dice dice;
  const std::string whole = R"({"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName":"b\u00e5","active":"True","emails":[{"value":"a@b.c","primary":true}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":[{"value":"m"}]}})";
  for (int round = 0; round < kRounds; ++round) {
    std::string body =
        whole.substr(0, dice.Below(4) == 0 ? dice.Below(whole.size()) : whole.size());
    for (size_t i = dice.Below(4); i < 4 && !body.empty(); ++i) {
      body[dice.Below(body.size())] = static_cast<char>(dice.Below(256));
    }
    const auto input = ParseResource(UserSchema(), body);
    if (input.ok()) ExpectCanonical(input->attributes);
  }
}

}  // namespace
}  // namespace purser::scim
