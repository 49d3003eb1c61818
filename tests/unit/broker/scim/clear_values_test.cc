// A directory's clear_values: what a client sends that cannot send null.
#include "broker/scim/clear_values.h"

#include <gtest/gtest.h>

#include "broker/scim/patch.h"
#include "broker/scim/resource_input.h"

namespace purser::scim {
namespace {

using nlohmann::json;

const ClearValues kClear = {"#CLEAR#", "(none)"};
constexpr char kEnterprise[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

json Before() {
  return json::parse(R"({"userName": "ada", "title": "Countess",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [{"value": "a@example.com", "type": "work"}, {"value": "b@example.com", "type": "home"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Engines"}})");
}

// What a PATCH of these operations leaves; the error's text where it is refused.
json After(const json& operations) {
  const json body = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}},
                     {"Operations", operations}};
  const auto request = ParsePatch(UserSchema(), body.dump(), {}, kClear);
  if (!request.ok()) return std::string(request.status().message());
  json attributes = Before();
  const absl::Status applied = ApplyPatch(*request, "u1", &attributes);
  return applied.ok() ? attributes : json(std::string(applied.message()));
}

json Without(const char* pointer) {
  json wanted = Before();
  const json::json_pointer at(pointer);
  json& holder = wanted[at.parent_pointer()];
  if (holder.is_array()) {
    holder.erase(std::stoul(at.back()));
  } else {
    holder.erase(at.back());
  }
  return wanted;
}

TEST(ClearValues, AreAbsentInAResource) {
  const json body = {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:User"}},
                     {"userName", "ada"},
                     {"title", "#CLEAR#"},
                     {"nickName", "a #CLEAR# b"},
                     {"name", {{"givenName", "(none)"}, {"familyName", "Byron"}}},
                     {"emails", {{{"value", "#CLEAR#"}, {"type", "work"}}}},
                     {"addresses", {{{"type", "work"}, {"country", "#CLEAR#"}}}},
                     {kEnterprise, {{"department", "#CLEAR#"}}}};
  const auto input = ParseResource(UserSchema(), body.dump(), {}, kClear);
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->attributes, (json{{"userName", "ada"},
                                     {"nickName", "a #CLEAR# b"},
                                     {"name", {{"familyName", "Byron"}}},
                                     {"addresses", {{{"type", "work"}}}}}));
}

TEST(ClearValues, ARequiredAttributeThatIsClearedIsMissing) {
  const json body = {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:User"}},
                     {"userName", "#CLEAR#"}};
  EXPECT_FALSE(ParseResource(UserSchema(), body.dump(), {}, kClear).ok());
  EXPECT_TRUE(ParseResource(UserSchema(), body.dump()).ok());
}

TEST(ClearValues, OfAPatchWithAPathRemoveWhatItNames) {
  for (const char* op : {"add", "Add", "replace", "Replace"}) {
    const auto clear = [&](const std::string& path) {
      return After({{{"op", op}, {"path", path}, {"value", "#CLEAR#"}}});
    };
    EXPECT_EQ(clear("title"), Without("/title")) << op;
    EXPECT_EQ(clear("name.givenName"), Without("/name/givenName")) << op;
    EXPECT_EQ(clear("emails"), Without("/emails")) << op;
    EXPECT_EQ(clear("emails[type eq \"work\"]"), Without("/emails/0")) << op;
    EXPECT_EQ(clear("emails[type eq \"work\"].value"), Without("/emails/0/value")) << op;
    EXPECT_EQ(clear("emails[type eq \"other\"].value"), Before()) << op;
    EXPECT_EQ(clear(std::string(kEnterprise) + ":department"),
              Without("/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"))
        << op;
    EXPECT_EQ(clear("userName"), After({{{"op", "remove"}, {"path", "userName"}}})) << op;
  }
}

TEST(ClearValues, OfAPatchWithoutAPathClearWhatTheyStandFor) {
  for (const char* op : {"add", "replace"}) {
    const json both = {
        {"title", "#CLEAR#"}, {"emails", "(none)"}, {"nickName", "Al"}, {"nope", "#CLEAR#"}};
    json wanted = Before();
    wanted.erase("title");
    wanted.erase("emails");
    wanted["nickName"] = "Al";
    EXPECT_EQ(After({{{"op", op}, {"value", both}}}), wanted) << op;
    EXPECT_EQ(After({{{"op", op}, {"value", {{"name", {{"givenName", "#CLEAR#"}}}}}}}),
              Without("/name/givenName"))
        << op;
  }
}

TEST(ClearValues, OperationsStayInTheirOrder) {
  const json clear = {{"op", "replace"}, {"value", {{"title", "#CLEAR#"}, {"nickName", "Al"}}}};
  const json set = {{"op", "replace"}, {"path", "title"}, {"value", "Dr"}};
  EXPECT_EQ(After({clear, set})["title"], "Dr");
  EXPECT_FALSE(After({set, clear}).contains("title"));
}

TEST(ClearValues, WhereNoneAreConfiguredTheyAreValuesLikeAnyOther) {
  const json body = {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:User"}},
                     {"userName", "ada"},
                     {"title", "#CLEAR#"}};
  const auto input = ParseResource(UserSchema(), body.dump());
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->attributes["title"], "#CLEAR#");
}

}  // namespace
}  // namespace purser::scim
