// Nodes that share a log in memory, and what each of them may take.
#include "broker/cluster/membership.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/memory/memory_event_log.h"
#include "broker/events/record.h"
#include "tests/support/temp_dir.h"

namespace purser {
namespace {

class MembershipTest : public testing::Test {
 protected:
  struct Node {
    MemoryNode log;
    std::unique_ptr<Membership> nodes;
    bool driven = true;
  };

  Node& Start(const std::string& id, Membership::Role role = Membership::Role::kMember) {
    Node& node = nodes_[id];
    node.nodes.reset();
    node.log.log.reset();
    node.log = *OpenMemoryEventLog(&cluster_, dir_ / (id + ".db"), clock_, ids_, ++boots_);
    Membership::Options options;
    options.role = role;
    options.node_id = id;
    options.boot_id = absl::StrCat("boot-", boots_);
    options.log = node.log.log.get();
    options.clock = &clock_;
    node.nodes = std::make_unique<Membership>(std::move(options));
    node.log.log->SetListener([&node](const StreamId&) { node.nodes->NewRecords(); });
    node.nodes->Join();
    return node;
  }
  void Pass(absl::Duration time) {
    for (const absl::Duration end = clock_.SinceBoot() + time; clock_.SinceBoot() < end;
         clock_.Advance(absl::Milliseconds(50))) {
      for (int turn = 0; turn < 10; ++turn) {
        for (auto& [id, node] : nodes_) {
          if (!node.driven) continue;
          node.log.log->RunOnce(absl::ZeroDuration());
          node.nodes->RunOnce();
        }
      }
    }
  }
  Membership& Of(const std::string& id) { return *nodes_[id].nodes; }
  // A thing that is `id`'s to do while all of these live.
  static std::string ThingOf(const std::string& id, const std::set<std::string>& nodes) {
    for (int n = 0;; ++n) {
      const std::string thing = absl::StrCat("app/", n);
      if (RendezvousNode(thing, nodes) == id) return thing;
    }
  }
  Holder HeldBy(const std::string& id) { return {id, Of(id).boot_id(), false}; }

  TempDir dir_;
  FakeClock clock_;
  SequentialIdSource ids_;
  MemoryCluster cluster_;
  uint64_t boots_ = 0;
  std::map<std::string, Node> nodes_;
};

TEST_F(MembershipTest, WhoIsAloneHasAllAndABystanderNothing) {
  Start("a", Membership::Role::kAlone);
  EXPECT_TRUE(Of("a").IsMine("app/1"));
  EXPECT_TRUE(Of("a").MayTake("app/1", {"b", "b1", false}));
  Start("b", Membership::Role::kBystander);
  Pass(absl::Seconds(20));
  EXPECT_FALSE(Of("b").IsMine("app/1"));
  EXPECT_FALSE(Of("b").MayTake("app/1", {}));
  EXPECT_FALSE(cluster_.Exists(StreamId::Heartbeats()));
}

TEST_F(MembershipTest, AMemberTakesNothingBeforeItHasHeardItself) {
  Start("a");
  EXPECT_FALSE(Of("a").IsMine("app/1"));
  Pass(absl::Seconds(1));
  EXPECT_TRUE(Of("a").IsMine("app/1"));
  EXPECT_TRUE(Of("a").MayTake("app/1", {}));
}

TEST_F(MembershipTest, ThingsAreSharedAndEachIsOneNodes) {
  for (const char* id : {"a", "b", "c"}) Start(id);
  Pass(absl::Seconds(3));
  for (int n = 0; n < 100; ++n) {
    const std::string thing = absl::StrCat("app/", n);
    EXPECT_EQ(Of("a").IsMine(thing) + Of("b").IsMine(thing) + Of("c").IsMine(thing), 1) << thing;
  }
}

TEST_F(MembershipTest, WhatADeadNodeHadIsFreeWithin12Seconds) {
  for (const char* id : {"a", "b"}) Start(id);
  Pass(absl::Seconds(3));
  const std::string thing = ThingOf("b", {"a", "b"});
  nodes_["b"].driven = false;
  Pass(absl::Seconds(5));
  EXPECT_FALSE(Of("a").MayTake(thing, HeldBy("b")));
  Pass(absl::Seconds(7));
  EXPECT_TRUE(Of("a").IsMine(thing));
  EXPECT_TRUE(Of("a").MayTake(thing, HeldBy("b")));
}

TEST_F(MembershipTest, WhoLeavesLeavesItsShareAtOnceAndIsWaitedForWhereItHasNotReleased) {
  for (const char* id : {"a", "b"}) Start(id);
  Pass(absl::Seconds(3));
  const std::string thing = ThingOf("b", {"a", "b"});
  EXPECT_FALSE(Of("a").IsMine(thing));
  Of("b").Leave();
  EXPECT_FALSE(Of("b").IsMine(thing));
  Pass(absl::Milliseconds(100));
  EXPECT_TRUE(Of("a").IsMine(thing));
  EXPECT_FALSE(Of("a").MayTake(thing, HeldBy("b")));
  Holder released = HeldBy("b");
  released.released = true;
  EXPECT_TRUE(Of("a").MayTake(thing, released));
}

TEST_F(MembershipTest, NobodyIsGoneWhileTheLogIsOutOfReach) {
  for (const char* id : {"a", "b"}) Start(id);
  Pass(absl::Seconds(3));
  const std::string thing = ThingOf("b", {"a", "b"});
  for (auto& [id, node] : nodes_) node.log.transport->SetReachable(false);
  Pass(absl::Minutes(2));
  EXPECT_FALSE(Of("a").MayTake(thing, HeldBy("b")));
  EXPECT_TRUE(Of("b").IsMine(thing));
  for (auto& [id, node] : nodes_) node.log.transport->SetReachable(true);
  Pass(absl::Seconds(30));
  EXPECT_FALSE(Of("a").MayTake(thing, HeldBy("b")));
}

TEST_F(MembershipTest, ARestartedNodeTakesWhatItsEarlierLifeHadAtOnce) {
  Start("a");
  Pass(absl::Seconds(3));
  const Holder before = HeldBy("a");
  Start("a");
  Pass(absl::Seconds(1));
  EXPECT_TRUE(Of("a").MayTake("app/1", before));
}

TEST_F(MembershipTest, EachKnowsWhichProgramsTheOthersRun) {
  Start("a");
  Start("b");
  Start("c", Membership::Role::kBystander);
  Pass(absl::Seconds(5));
  const auto nodes = Of("b").Nodes();
  ASSERT_TRUE(nodes.ok()) << nodes.status();
  ASSERT_EQ(nodes->size(), 2u);
  EXPECT_EQ(nodes->front().node_id, "b");
  EXPECT_EQ(nodes->back().node_id, "a");
  EXPECT_EQ(nodes->back().reader, kReaderRevision);
  EXPECT_TRUE(absl::IsFailedPrecondition(Of("c").Nodes().status()));
}

}  // namespace
}  // namespace purser
