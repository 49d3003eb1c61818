// The log under contention and doubt, from seeds. A failure names its seed; PURSER_SIM_SEED=N runs
// that one alone, PURSER_SIM_SEEDS=N runs so many.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "broker/base/log.h"
#include "tests/simulation/eventlog/contention_world.h"

namespace purser::simulation {
namespace {

constexpr int kSteps = 4000;
constexpr uint64_t kSeeds = 12;

uint64_t Number(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

std::vector<std::string> RunSeed(uint64_t seed, Planted planted, int steps = kSteps) {
  SetLogLevel(LogLevel::kError);
  ContentionWorld world(seed, planted);
  world.Run(steps);
  return world.Check();
}

TEST(Contention, WhatWasToldIsWhatStandsOnTheLog) {
  const uint64_t only = Number("PURSER_SIM_SEED", 0);
  const uint64_t last = only != 0 ? only : Number("PURSER_SIM_SEEDS", kSeeds);
  for (uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
    const std::vector<std::string> wrong = RunSeed(seed, Planted::kNothing);
    EXPECT_TRUE(wrong.empty()) << "PURSER_SIM_SEED=" << seed << "\n" << absl::StrJoin(wrong, "\n");
  }
}

// The checker would see a bug if there were one.
bool IsCaught(Planted planted) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    if (!RunSeed(seed, planted).empty()) return true;
  }
  return false;
}

TEST(Contention, AnAcknowledgementBeforeTheReportIsCaught) {
  EXPECT_TRUE(IsCaught(Planted::kAcknowledgedBeforeReport));
}

TEST(Contention, AFoldThatTakesInertRecordsIsCaught) {
  EXPECT_TRUE(IsCaught(Planted::kNoPrevCheck));
}

TEST(Contention, ARefusalFromAStaleFoldIsCaught) { EXPECT_TRUE(IsCaught(Planted::kStaleRefusal)); }

TEST(Contention, OneSeedMakesOneRun) {
  EXPECT_EQ(RunSeed(7, Planted::kStaleRefusal, 1000), RunSeed(7, Planted::kStaleRefusal, 1000));
}

}  // namespace
}  // namespace purser::simulation
