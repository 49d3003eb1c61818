#include "broker/scim/json_walk.h"

#include <gtest/gtest.h>

namespace purser {
namespace {

using nlohmann::json;

TEST(JsonWalk, AValueIsWhatAParserMakesOfIt) {
  for (const char* text :
       {R"({"active":true,"emails":[{"primary":true,"type":"work","value":"a@b.c"}],"title":"x"})",
        R"({"z":1,"a":{"c":null,"b":[]},"m":{}})", R"("")", R"("a \"b\" \\ \u00e9 \ud83d\ude00")",
        R"("\\")", R"([1,-2.5e3,0,18446744073709551615,true,false,null,[[]],{"a":[{}]}])",
        " { \"a\" : [ 1 , 2 ] , \"b\" : \"\xC3\xA9\" } ", "7", "null"}) {
    JsonWalk walk(text);
    json value;
    EXPECT_TRUE(walk.Value(&value)) << text;
    EXPECT_TRUE(walk.at_end()) << text;
    EXPECT_EQ(value, json::parse(text));
  }
}

TEST(JsonWalk, WhatIsNoValueIsNotTaken) {
  for (const char* text : {"", "{", R"({"a")", R"({"a":})", R"({"a":1,})", "[1", "[1,]", R"("a)",
                           R"("\")", "]", ",", "tru", "-", R"({"a\n":1})", R"({a:1})"}) {
    JsonWalk walk(text);
    json value;
    EXPECT_FALSE(walk.Value(&value)) << text;
  }
}

TEST(JsonWalk, WhatIsSkippedEndsWhereItsValueDoes) {
  for (const char* text :
       {R"({"a":"}]","b":[{"c":"\"}"}]})", R"([[],[{}],"]"])", R"("\\\"")", "-1.5e3", "true"}) {
    const std::string followed = std::string(text) + ",7";
    JsonWalk walk(followed);
    absl::string_view raw;
    EXPECT_TRUE(walk.Raw(&raw));
    EXPECT_EQ(raw, text);
  }
}

}  // namespace
}  // namespace purser
