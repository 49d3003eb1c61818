#include "broker/base/nearest.h"

#include "gtest/gtest.h"

namespace purser {
namespace {

TEST(NearestName, FindsTheNameThatWasMeant) {
  EXPECT_EQ(NearestName("credentails", {"connector", "credentials", "url"}), "credentials");
  EXPECT_EQ(NearestName("USERNAME", {"userName", "displayName"}), "userName");
}

TEST(NearestName, SuggestsNothingThatIsFarFromIt) {
  EXPECT_EQ(NearestName("zzzzzz", {"connector", "credentials"}), "");
  EXPECT_EQ(NearestName("ab", {"xy"}), "");
  EXPECT_EQ(NearestName("x", {}), "");
  EXPECT_EQ(DidYouMean("zzzzzz", {"url"}), "");
}

}  // namespace
}  // namespace purser
