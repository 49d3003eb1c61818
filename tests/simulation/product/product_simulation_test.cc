// The whole product from seeds. A failure names its seed; PURSER_SIM_SEED=N runs that one alone,
// PURSER_SIM_SEEDS=N runs so many.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "broker/base/log.h"
#include "tests/simulation/product/product_world.h"

namespace purser::simulation {
namespace {

constexpr int kSteps = 60;
constexpr uint64_t kSeeds = 500;
constexpr int kSlices = 20;
constexpr uint64_t kSeedsOfABug = 60;

uint64_t Number(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

// So that several may run side by side.
class ProductSimulation : public testing::TestWithParam<int> {};

TEST_P(ProductSimulation, WhateverBefallsItWhatMustHoldHolds) {
  SetLogLevel(LogLevel::kError);
  const uint64_t only = Number("PURSER_SIM_SEED", 0);
  const uint64_t last = only != 0 ? only : Number("PURSER_SIM_SEEDS", kSeeds);
  int failed = 0;
  for (uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
    if (seed % kSlices != static_cast<uint64_t>(GetParam())) continue;
    const std::vector<std::string> found = ProductWorld(seed).Run(kSteps);
    EXPECT_TRUE(found.empty()) << "PURSER_SIM_SEED=" << seed << "\n" << absl::StrJoin(found, "\n");
    if (!found.empty() && ++failed >= 5) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Slice, ProductSimulation, testing::Range(0, kSlices));

// The checkers see a bug where there is one, and what they tell of it has `words`.
bool IsCaught(Bug bug, const std::string& words, WorldKind kind = WorldKind::kFull) {
  SetLogLevel(LogLevel::kError);
  for (uint64_t seed = 1; seed <= kSeedsOfABug; ++seed) {
    for (const std::string& found : ProductWorld(seed, bug, kind).Run(kSteps)) {
      if (absl::StrContains(found, words)) return true;
    }
  }
  return false;
}

TEST(PlantedBug, AnAcknowledgementBeforeTheSyncIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kAcknowledgedBeforeSync, "was acknowledged and does not stand"));
}

TEST(PlantedBug, AReaderThatChecksNoChainIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kNoPrevCheck, "does not stand"));
}

TEST(PlantedBug, ARefusalFromAStaleFoldIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kStaleRefusal, "was refused, and never rightly so"));
}

TEST(PlantedBug, ALinkThatIsNotExclusiveIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kLinkNotExclusive, "an account is written for two resources"));
}

TEST(PlantedBug, ALaneOutOfOrderIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kLaneOutOfOrder, "an older call after a newer one"));
}

TEST(PlantedBug, ACallBeforeItsStartedIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kCallBeforeStarted, "a call that was not started"));
}

TEST(PlantedBug, AnUpdateInDoubtThatIsTakenBackIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kDoubtTakenForRefusal, " has the title ", WorldKind::kPlain));
}

TEST(PlantedBug, ACreateWithoutALookUpIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kNoLookUp, "is nobody's"));
}

TEST(PlantedBug, AFrozenOperationThatChangesIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kFrozenBodyChanges, "with another body"));
}

TEST(PlantedBug, ACursorAdvancedEarlyIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kCursorAdvanced, "app"));
}

TEST(PlantedBug, ARunFoldedWithoutItsFirstRecordIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kRunWithoutFirst, "fold"));
}

TEST(PlantedBug, AReplayThatPassesGroupsIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kReplayPassesGroups, "a replay is done and did not read"));
}

TEST(PlantedBug, AManagerSentBeforeTheAccountIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kManagerBeforeAccount, "who never had an account"));
}

TEST(PlantedBug, AManagerWhoStaysIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kManagerNotCleared, "has the manager"));
}

TEST(PlantedBug, ABulkThatTellsARefusalAsDoneIsCaught) {
  EXPECT_TRUE(IsCaught(Bug::kBulkTellsDone, "does not stand"));
}

TEST(ProductWorld, OneSeedMakesOneRun) {
  const auto run = [] {
    ProductWorld world(7);
    world.Run(kSteps);
    return world.Fingerprint();
  };
  EXPECT_EQ(run(), run());
}

// What is simulated happens: else all that is above would hold of an empty world.
TEST(ProductWorld, EnoughHappens) {
  SetLogLevel(LogLevel::kError);
  ProductWorld::Counts all;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    ProductWorld world(seed);
    world.Run(kSteps);
    const ProductWorld::Counts counts = world.counts();
    all.requests.done += counts.requests.done;
    all.requests.refused += counts.requests.refused;
    all.requests.unknown += counts.requests.unknown;
    all.deaths += counts.deaths;
    all.take_overs += counts.take_overs;
    all.calls += counts.calls;
    all.faults += counts.faults;
    all.inert += counts.inert;
    all.requests.in_bulk += counts.requests.in_bulk;
    all.runs += counts.runs;
    all.replays += counts.replays;
  }
  EXPECT_GT(all.requests.done, 500);
  EXPECT_GT(all.requests.refused, 100);
  EXPECT_GT(all.requests.unknown, 20);
  EXPECT_GT(all.deaths, 5);
  EXPECT_GT(all.take_overs, 30);
  EXPECT_GT(all.calls, 500u);
  EXPECT_GT(all.faults, 30u);
  EXPECT_GT(all.inert, 50u) << "records that lost a race";
  EXPECT_GT(all.requests.in_bulk, 50);
  EXPECT_GT(all.runs, 20) << "events of several records";
  EXPECT_GT(all.replays, 3);
}

}  // namespace
}  // namespace purser::simulation
