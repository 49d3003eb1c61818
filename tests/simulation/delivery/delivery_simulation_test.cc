#include "tests/simulation/delivery/delivery_simulation.h"

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace purser {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

// PURSER_SIM_SEEDS=1000 for many; PURSER_SIM_SEED=17 for one alone.
TEST(DeliverySimulation, WhateverHappensTheAppEndsAsTheDirectoryWants) {
  const uint64_t only = FromEnvironment("PURSER_SIM_SEED", 0);
  const uint64_t seeds = FromEnvironment("PURSER_SIM_SEEDS", 100);
  int failed = 0;
  for (uint64_t seed = only == 0 ? 1 : only; seed <= (only == 0 ? seeds : only); ++seed) {
    const std::vector<std::string> found = DeliverySimulation(seed).Run(40);
    EXPECT_TRUE(found.empty()) << "seed " << seed << ": " << absl::StrJoin(found, "; ");
    if (!found.empty() && ++failed >= 10) break;
  }
}

// Each of these found a fault once.
TEST(DeliverySimulation, NothingIsFoundAnyMoreBySeedsThatFoundSomething) {
  for (const uint64_t seed : {390, 402, 900, 922, 2765, 2830, 3402, 3630, 6359, 6705}) {
    const std::vector<std::string> found = DeliverySimulation(seed).Run(40);
    EXPECT_TRUE(found.empty()) << "seed " << seed << ": " << absl::StrJoin(found, "; ");
  }
}

bool IsFound(Planted planted) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    if (!DeliverySimulation(seed, planted).Run(40).empty()) return true;
  }
  return false;
}

TEST(DeliverySimulation, ACallThatWasNotStartedIsFound) {
  EXPECT_TRUE(IsFound(Planted::kCallWithoutStart));
}

TEST(DeliverySimulation, ACreateWithoutALookUpIsFound) {
  EXPECT_TRUE(IsFound(Planted::kCreateWithoutLookUp));
}

TEST(DeliverySimulation, ALostReplyTakenForARefusalIsFound) {
  EXPECT_TRUE(DeliverySimulation(1).RunRevert().empty());
  EXPECT_FALSE(DeliverySimulation(1, Planted::kDoubtTakenForRefusal).RunRevert().empty());
}

TEST(DeliverySimulation, AFrozenOperationThatChangesIsFound) {
  EXPECT_TRUE(IsFound(Planted::kSecondBodyDiffers));
}

}  // namespace
}  // namespace purser
