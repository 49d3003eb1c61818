#include "connectors/delivery/values.h"

#include <gtest/gtest.h>

namespace purser::delivery {
namespace {

using nlohmann::json;

TEST(Values, ABooleanAsTextIsTheSame) {
  EXPECT_TRUE(SameValue(true, "True"));
  EXPECT_TRUE(SameValue("false", false));
  EXPECT_FALSE(SameValue(true, "False"));
}

TEST(Values, AnElementWithMoreThanWeSentIsTheSame) {
  const json wanted = json::array({{{"value", "a@x"}}});
  const json held = json::array({{{"value", "a@x"}, {"primary", true}}});
  EXPECT_TRUE(SameValue(wanted, held));
  EXPECT_FALSE(SameValue(held, wanted));
}

TEST(Values, OrderDoesNotCountAndNumberDoes) {
  EXPECT_TRUE(SameValue(json::array({"a", "b"}), json::array({"b", "a"})));
  EXPECT_FALSE(SameValue(json::array({"a"}), json::array({"b", "a"})));
}

TEST(Values, ChangesAreShownOnlyWhereTheyAreAllThere) {
  ValueChanges changes;
  changes.set["title"] = "Cook";
  changes.clear.push_back("nickName");
  EXPECT_TRUE(Shows(json{{"title", "Cook"}}, changes));
  EXPECT_FALSE(Shows(json{{"title", "Cook"}, {"nickName", "A"}}, changes));
  EXPECT_FALSE(Shows(json::object(), changes));
}

TEST(Values, ChangesComeBackFromTheSealAsTheyWere) {
  ValueChanges changes;
  changes.set["title"] = "Cook";
  changes.clear.push_back("nickName");
  const SealedPayload sealed = SealChanges("u1", changes);
  const auto opened = OpenChanges(sealed.key_id, sealed.bytes);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->set, changes.set);
  EXPECT_EQ(opened->clear, changes.clear);
}

TEST(Values, ChangesOfAnotherShapeAreAnErrorAndNoCrash) {
  EXPECT_FALSE(OpenChanges("", "[1]").ok());
  EXPECT_FALSE(OpenChanges("", R"({"set": 1})").ok());
  EXPECT_FALSE(OpenChanges("", R"({"clear": [1]})").ok());
  EXPECT_FALSE(OpenChanges("", "{").ok());
}

}  // namespace
}  // namespace purser::delivery
