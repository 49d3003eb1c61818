#include "broker/scim/json_text.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"
#include "tests/support/scim_status.h"

namespace purser::scim {
namespace {

using nlohmann::json;

std::string Refused(absl::string_view text, const JsonLimits& limits = {}) {
  return Refusal(ParseJson(text, limits).status());
}

TEST(ParseJson, TakesWhatIsJson) {
  const auto parsed = ParseJson(R"({"a":[1,-2,3.5,true,null,"å\u0041"],"b":{}})");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, json::parse(R"({"a":[1,-2,3.5,true,null,"åA"],"b":{}})"));
}

TEST(ScimPromise30, MalformedJsonIsInvalidSyntax) {
  for (const char* text : {"", "{", "{\"a\":}", "{} {}", "nul", "{'a':1}", "[1,]", "{\"a\" 1}",
                           "1e999", "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"a\nb\""}) {
    EXPECT_EQ(Refused(text), "400 invalidSyntax") << text;
  }
}

TEST(ScimPromise16, OneNameTwiceIsRefusedInAnyCase) {
  EXPECT_EQ(Refused(R"({"a":1,"a":2})"), "400 invalidSyntax");
  EXPECT_EQ(Refused(R"({"userName":"x","USERNAME":"y"})"), "400 invalidSyntax");
  EXPECT_EQ(Refused(R"({"a":{"x":{"b":1,"B":2}}})"), "400 invalidSyntax");
  EXPECT_EQ(Refused(R"({"a":{"x":1},"b":{"X":1}})"), "OK");
}

TEST(ScimPromise16, OneNameTwiceAmongManyIsRefused) {
  std::string body = "{";
  for (int i = 0; i < 100; ++i) body += "\"name" + std::to_string(i) + "\":1,";
  EXPECT_EQ(Refused(body + "\"other\":1}"), "OK");
  EXPECT_EQ(Refused(body + "\"NAME7\":1}"), "400 invalidSyntax");
  EXPECT_EQ(Refused(body + "\"Name99\":1}"), "400 invalidSyntax");
}

TEST(ParseJson, DepthIsCappedWithoutACrash) {
  EXPECT_EQ(Refused(std::string(1'000'000, '[')), "400 invalidSyntax");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(Refused(objects), "400 invalidSyntax");
  EXPECT_EQ(Refused("[[[]]]", {.max_depth = 3}), "OK");
  EXPECT_EQ(Refused("[[[]]]", {.max_depth = 2}), "400 invalidSyntax");
}

TEST(ParseJson, SizeIsCapped) {
  EXPECT_EQ(Refused("[1,2,3]", {.max_bytes = 6}), "413 ");
  EXPECT_EQ(Refused("[1,2,3]", {.max_bytes = 7}), "OK");
}

TEST(AppendJson, WritesWhatReadsBackEqual) {
  const json value = {{"text", "q\" b\\ n\n t\t c\x01 å €"},
                      {"numbers", {0, -1, 1.5, 18446744073709551615u}},
                      {"flags", {true, false, nullptr}},
                      {"empty", {{"array", json::array()}, {"object", json::object()}}}};
  std::string text;
  AppendJson(value, &text);
  EXPECT_EQ(json::parse(text), value);
}

}  // namespace
}  // namespace purser::scim
