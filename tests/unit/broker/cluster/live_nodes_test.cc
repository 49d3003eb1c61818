#include "broker/cluster/live_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace purser {
namespace {

using testing::ElementsAre;

class LiveNodesTest : public testing::Test {
 protected:
  void Hear(const std::string& node, const std::string& boot, bool leaving = false) {
    event::v1::Heartbeat beat;
    beat.set_node_id(node);
    beat.set_boot_id(boot);
    beat.set_leaving(leaving);
    nodes_.Hear(beat);
  }
  void HearOwn(int times) {
    for (int n = 0; n < times; ++n) Hear("a", "a1");
  }

  LiveNodes nodes_{"a", "a1"};
};

TEST_F(LiveNodesTest, ANodeIsGoneAfterFourHeartbeatsWithoutOneOfItsOwn) {
  Hear("b", "b1");
  HearOwn(3);
  EXPECT_FALSE(nodes_.IsGone("b", "b1"));
  EXPECT_THAT(nodes_.Live(), ElementsAre("a", "b"));
  HearOwn(1);
  EXPECT_TRUE(nodes_.IsGone("b", "b1"));
  EXPECT_THAT(nodes_.Live(), ElementsAre("a"));
  Hear("b", "b1");
  EXPECT_FALSE(nodes_.IsGone("b", "b1"));
  EXPECT_THAT(nodes_.Live(), ElementsAre("a", "b"));
}

TEST_F(LiveNodesTest, AnEarlierLifeThatIsHeardLastIsTakenForTheLaterOneForAWhileOnly) {
  HearOwn(1);
  Hear("b", "b2");
  Hear("b", "b1");  // sent before the other, and late
  for (int n = 0; n < 3; ++n) {
    HearOwn(1);
    Hear("b", "b2");
  }
  EXPECT_FALSE(nodes_.IsGone("b", "b1"));
  HearOwn(1);
  Hear("b", "b2");
  EXPECT_TRUE(nodes_.IsGone("b", "b1"));
  EXPECT_FALSE(nodes_.IsGone("b", "b2"));
  EXPECT_THAT(nodes_.Live(), ElementsAre("a", "b"));
  Hear("b", "b1");
  HearOwn(3);
  EXPECT_FALSE(nodes_.IsGone("b", "b2")) << "what is late once more says nothing";
}

TEST_F(LiveNodesTest, NobodyIsGoneWhileNoneOfItsOwnComeBack) {
  Hear("b", "b1");
  for (int n = 0; n < 100; ++n) Hear("c", "c1");
  EXPECT_FALSE(nodes_.IsGone("b", "b1"));
  EXPECT_FALSE(nodes_.heard_itself());
  // An earlier life's say nothing of this one.
  for (int n = 0; n < 100; ++n) Hear("a", "a0");
  EXPECT_FALSE(nodes_.IsGone("b", "b1"));
  EXPECT_FALSE(nodes_.heard_itself());
}

TEST_F(LiveNodesTest, OfWhomNothingWasHeardTheFirstQuestionIsASignOfLife) {
  HearOwn(100);
  EXPECT_FALSE(nodes_.IsGone("b", "b1")) << "it may have come just now";
  HearOwn(3);
  EXPECT_FALSE(nodes_.IsGone("b", "b1"));
  HearOwn(1);
  EXPECT_TRUE(nodes_.IsGone("b", "b1"));
}

TEST_F(LiveNodesTest, ALaterLifeEndsAnEarlierOneAndIsNotEndedByIt) {
  Hear("b", "b1");
  Hear("b", "b2");
  EXPECT_TRUE(nodes_.IsGone("b", "b1"));
  EXPECT_FALSE(nodes_.IsGone("b", "b2"));
  Hear("b", "b1");
  EXPECT_FALSE(nodes_.IsGone("b", "b2")) << "what came late is no new life";
}

TEST_F(LiveNodesTest, ItsOwnEarlierLivesAreGoneAndItIsNot) {
  EXPECT_TRUE(nodes_.IsGone("a", "a0"));
  HearOwn(100);
  EXPECT_FALSE(nodes_.IsGone("a", "a1"));
}

TEST_F(LiveNodesTest, WhoLeavesIsLiveNoMoreAndNotYetGone) {
  Hear("b", "b1");
  Hear("b", "b1", /*leaving=*/true);
  EXPECT_THAT(nodes_.Live(), ElementsAre("a"));
  EXPECT_FALSE(nodes_.IsGone("b", "b1")) << "it may be about to release what it has";
  Hear("b", "b2");
  EXPECT_THAT(nodes_.Live(), ElementsAre("a", "b")) << "it came back";
}

TEST_F(LiveNodesTest, LiveOnesTellWhichProgramTheyRun) {
  event::v1::Heartbeat beat;
  beat.set_node_id("b");
  beat.set_boot_id("b1");
  beat.set_version("0.2.0");
  beat.set_reader(7);
  beat.add_parts("connectors");
  nodes_.Hear(beat);
  Hear("c", "c1");  // an older program, which says nothing of it
  Hear("d", "d1", /*leaving=*/true);
  HearOwn(3);
  auto others = nodes_.LiveOthers();
  ASSERT_EQ(others.size(), 2u);
  EXPECT_EQ(others[0].node_id, "b");
  EXPECT_EQ(others[0].version, "0.2.0");
  EXPECT_EQ(others[0].reader, 7u);
  EXPECT_THAT(others[0].parts, ElementsAre("connectors"));
  EXPECT_EQ(others[1].node_id, "c");
  EXPECT_EQ(others[1].reader, 1u);
  HearOwn(1);
  EXPECT_TRUE(nodes_.LiveOthers().empty()) << "they are gone";
}

TEST(RendezvousNode, ALostNodeMovesWhatWasItsOwnAndNothingElse) {
  const std::set<std::string> before = {"n1", "n2", "n3", "n4", "n5"};
  for (const std::string& lost : before) {
    std::set<std::string> after = before;
    after.erase(lost);
    int moved = 0;
    for (int n = 0; n < 1000; ++n) {
      const std::string thing = absl::StrCat("app/", n);
      const std::string was = RendezvousNode(thing, before);
      const std::string is = RendezvousNode(thing, after);
      if (was == lost) {
        ++moved;
      } else {
        EXPECT_EQ(was, is) << thing;
      }
    }
    EXPECT_GT(moved, 120) << "each has about its share";
    EXPECT_LT(moved, 280);
  }
}

TEST(RendezvousNode, IsTheSameOnEveryNodeForEver) {
  EXPECT_EQ(RendezvousNode("app/1", {"n1", "n2", "n3"}),
            RendezvousNode("app/1", {"n3", "n1", "n2"}));
  EXPECT_EQ(RendezvousNode("app/1", {"n1"}), "n1");
  // Computed by hand: printf 'app/1\nn2' | sha256sum, and so on.
  EXPECT_EQ(RendezvousNode("app/1", {"n1", "n2", "n3"}), "n1");
  EXPECT_EQ(RendezvousNode("app/2", {"n1", "n2", "n3"}), "n3");
}

}  // namespace
}  // namespace purser
