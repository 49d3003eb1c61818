// Several nodes, one app: who delivers to it, and what becomes of what another had begun.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/delivery/delivery_cluster.h"

namespace purser {
namespace {

using connectors::ResourceType;

FakeAppOptions NamesNeedNotBeUnique() {
  FakeAppOptions options;
  options.unique_names = false;  // a second account would be made, and seen
  return options;
}

class TakeOverTest : public testing::Test {
 protected:
  void StartAll(int nodes) {
    for (int node = 0; node < nodes; ++node) cluster_.Start(node);
    ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Owner() >= 0; }, absl::Seconds(10)));
    cluster_.RunFor(absl::Seconds(10));
    owner_ = cluster_.Owner();
  }
  void CreateUsers(int from, int to) {
    for (int n = from; n < to; ++n) {
      cluster_.CreateUser(absl::StrCat("u", n), absl::StrCat("user", n));
    }
    users_ = std::max(users_, to);
  }
  // Every user has one account, and it was made by one call.
  void ExpectEachOnce() {
    ASSERT_TRUE(cluster_.RunUntilIdle());
    EXPECT_EQ(cluster_.app.users.size(), static_cast<size_t>(users_));
    for (int n = 0; n < users_; ++n) {
      const std::string name = absl::StrCat("user", n);
      EXPECT_EQ(cluster_.app.Count("create", name), 1) << name;
    }
    for (const std::string& digest : cluster_.Digests()) {
      EXPECT_EQ(digest, cluster_.Digests().front());
    }
  }

  DeliveryCluster cluster_{3, NamesNeedNotBeUnique()};
  int owner_ = -1;
  int users_ = 0;
};

TEST_F(TakeOverTest, OfThreeNodesTheOneTheHashSaysDelivers) {
  StartAll(3);
  EXPECT_EQ(owner_, cluster_.OwnerAmong({0, 1, 2}));
  CreateUsers(0, 20);
  ExpectEachOnce();
  const int taken = cluster_.Count(event::v1::TOOK_OVER);
  cluster_.RunFor(absl::Minutes(5));
  EXPECT_EQ(cluster_.Count(event::v1::TOOK_OVER), taken) << "peace";
}

TEST_F(TakeOverTest, ADeadOwnerIsReplacedWithin15SecondsAndNothingIsDoneTwice) {
  StartAll(3);
  CreateUsers(0, 30);
  cluster_.Kill(owner_);
  const absl::Duration died = cluster_.clock.SinceBoot();
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Owner() >= 0 && cluster_.Owner() != owner_; },
                                absl::Seconds(15)));
  CreateUsers(30, 40);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.app.User("user39") != nullptr; },
                                died + absl::Seconds(15) - cluster_.clock.SinceBoot()));
  ExpectEachOnce();
}

TEST_F(TakeOverTest, WhatAnotherNodeHadStartedRestsForItsTimeOutAndTheRestGoesAtOnce) {
  StartAll(3);
  CreateUsers(0, 1);
  ASSERT_TRUE(cluster_.RunUntilIdle());
  // A call leaves, takes effect only when its time is nearly out, and nobody hears of it.
  cluster_.app.fault = [&](const AppCall& call) {
    return call.verb == "create" && call.name == "user1" ? Fault::kLostLate : Fault::kNone;
  };
  CreateUsers(1, 2);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.app.Count("create", "user1") == 1; },
                                absl::Seconds(5)));
  cluster_.Kill(owner_);
  cluster_.app.fault = nullptr;
  CreateUsers(2, 3);
  ASSERT_TRUE(
      cluster_.RunUntil([&] { return cluster_.app.User("user2") != nullptr; }, absl::Seconds(15)));
  ExpectEachOnce();
}

TEST_F(TakeOverTest, AStoppedOwnerIsReplacedAtOnce) {
  StartAll(3);
  CreateUsers(0, 30);
  cluster_.Stop(owner_);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Owner() >= 0; }, absl::Seconds(1)));
  EXPECT_NE(cluster_.Owner(), owner_);
  CreateUsers(30, 40);
  ExpectEachOnce();
}

TEST_F(TakeOverTest, ANodeThatComesGetsItsShareFromWhoReleasesIt) {
  const int rightful = cluster_.OwnerAmong({0, 1, 2});
  const int other = (rightful + 1) % 3;
  cluster_.Start(other);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Owner() == other; }, absl::Seconds(1)));
  CreateUsers(0, 30);
  cluster_.Start(rightful);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Owner() == rightful; }, absl::Seconds(5)));
  EXPECT_EQ(cluster_.Count(event::v1::RELEASED), 1);
  CreateUsers(30, 40);
  ExpectEachOnce();
}

TEST_F(TakeOverTest, AnOwnerThatStartsAgainTakesItsAppBackAtOnce) {
  StartAll(3);
  CreateUsers(0, 30);
  cluster_.Kill(owner_);
  cluster_.RunFor(absl::Seconds(2));
  cluster_.Start(owner_);
  const int taken = cluster_.Count(event::v1::TOOK_OVER);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Count(event::v1::TOOK_OVER) > taken; },
                                absl::Seconds(1)));
  EXPECT_EQ(cluster_.Owner(), owner_);
  ExpectEachOnce();
}

TEST_F(TakeOverTest, WhileNobodyReachesTheLogNobodyIsGone) {
  StartAll(3);
  CreateUsers(0, 10);
  ASSERT_TRUE(cluster_.RunUntilIdle());
  const int taken = cluster_.Count(event::v1::TOOK_OVER);
  for (int node = 0; node < 3; ++node) cluster_.SetReachable(node, false);
  cluster_.RunFor(absl::Minutes(2));
  for (int node = 0; node < 3; ++node) cluster_.SetReachable(node, true);
  cluster_.RunFor(absl::Seconds(30));
  CreateUsers(10, 20);
  ExpectEachOnce();
  EXPECT_EQ(cluster_.Owner(), owner_);
  EXPECT_EQ(cluster_.Count(event::v1::TOOK_OVER), taken);
}

TEST_F(TakeOverTest, AnOwnerThatSleptCallsNobodyAndWhatItHeardIsReadAgain) {
  StartAll(3);
  CreateUsers(0, 1);
  ASSERT_TRUE(cluster_.RunUntilIdle());
  // Its answer waits for it while it sleeps.
  cluster_.SetTitle("u0", "cook");
  ASSERT_TRUE(
      cluster_.RunUntil([&] { return cluster_.app.Count("update") == 1; }, absl::Seconds(5)));
  cluster_.Pause(owner_);
  CreateUsers(1, 10);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Owner() >= 0 && cluster_.Owner() != owner_; },
                                absl::Seconds(15)));
  cluster_.SetTitle("u0", "chef");
  const int reads = cluster_.app.Count("read");
  cluster_.RunFor(absl::Minutes(2));
  EXPECT_EQ(cluster_.app.User("user0")->values["title"], "chef");
  const int writes = cluster_.app.Writes();
  const int outcomes = cluster_.Count(event::v1::OUTCOMES);
  EXPECT_GT(cluster_.app.Count("read"), reads) << "what was in doubt is read";
  const int read = cluster_.app.Count("read");
  cluster_.Pause(owner_, false);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Count(event::v1::OUTCOMES) > outcomes; },
                                absl::Seconds(5)));
  ASSERT_TRUE(
      cluster_.RunUntil([&] { return cluster_.app.Count("read") > read; }, absl::Seconds(5)));
  cluster_.RunFor(absl::Minutes(1));
  EXPECT_EQ(cluster_.app.User("user0")->values["title"], "chef");
  EXPECT_EQ(cluster_.app.Writes(), writes) << "nothing differed, nothing was sent";
  ExpectEachOnce();
}

TEST_F(TakeOverTest, NoCallLeavesAnOwnerThatSleptThroughItsTurn) {
  StartAll(3);
  // The first node to own it sleeps at every moment in turn, while calls are recorded and made.
  for (int ms = 0; ms < 200; ms += 20) {
    const int asleep = cluster_.Owner();
    ASSERT_GE(asleep, 0);
    CreateUsers(users_, users_ + 8);
    cluster_.RunFor(absl::Milliseconds(ms));
    cluster_.Pause(asleep);
    ASSERT_TRUE(cluster_.RunUntil(
        [&] { return cluster_.Owner() >= 0 && cluster_.Owner() != asleep; }, absl::Seconds(20)));
    cluster_.Pause(asleep, false);
    cluster_.RunFor(absl::Seconds(20));
  }
  ExpectEachOnce();
}

}  // namespace
}  // namespace purser
