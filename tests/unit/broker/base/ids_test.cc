#include "broker/base/ids.h"

#include <gtest/gtest.h>

namespace purser {
namespace {

TEST(Ids, NewIdIsAUuidOfVersion7AndItsVariant) {
  const std::string id = RandomIdSource().NewId(absl::FromUnixMillis(0x0192f0c17d4a));
  EXPECT_TRUE(IsUuid(id)) << id;
  EXPECT_EQ(id.substr(0, 15), "0192f0c1-7d4a-7");
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
}

TEST(Ids, IdsOfLaterTimesSortLater) {
  IdSource& source = RandomIdSource();
  EXPECT_LT(source.NewId(absl::FromUnixMillis(1'000)), source.NewId(absl::FromUnixMillis(1'001)));
}

TEST(Ids, TwoIdsOfOneMomentDiffer) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_NE(RandomIdSource().NewId(now), RandomIdSource().NewId(now));
}

TEST(Ids, TextOfAnotherShapeIsNoUuid) {
  EXPECT_FALSE(IsUuid("0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0"));
  EXPECT_FALSE(IsUuid("0192f0c1x7d4a-7b3e-8f00-5a6b7c8d9e0f"));
  EXPECT_FALSE(IsUuid("../../../../etc/passwd/aaaaaaaaaaaaa"));
}

}  // namespace
}  // namespace purser
