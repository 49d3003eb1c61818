#include "broker/app/work_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace purser {
namespace {

// Keeps a thread busy until the test lets it go.
class Gate {
 public:
  std::function<void()> Work() {
    return [this] {
      entered_.set_value();
      open_.get_future().wait();
    };
  }
  void WaitUntilEntered() { entered_.get_future().wait(); }
  void Open() { open_.set_value(); }

 private:
  std::promise<void> entered_;
  std::promise<void> open_;
};

TEST(WorkThreads, WhatIsPostedRunsOnAnotherThreadInTheOrderOfItsArrival) {
  std::vector<int> order;
  std::promise<std::thread::id> ran_on;
  WorkThreads threads(1, 10);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(threads.Post([&, i] { order.push_back(i); }));
  ASSERT_TRUE(threads.Post([&] { ran_on.set_value(std::this_thread::get_id()); }));
  EXPECT_NE(ran_on.get_future().get(), std::this_thread::get_id());
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(WorkThreads, WhatRunsLongHoldsUpNobodyWhileAThreadIsFree) {
  Gate gate;
  WorkThreads threads(2, 10);
  ASSERT_TRUE(threads.Post(gate.Work()));
  gate.WaitUntilEntered();
  std::promise<void> done;
  ASSERT_TRUE(threads.Post([&] { done.set_value(); }));
  done.get_future().wait();
  gate.Open();
}

TEST(WorkThreads, MoreThanMayWaitIsRefusedAndDroppedAndAFreedPlaceIsUsed) {
  Gate gate;
  auto held = std::make_shared<int>(0);
  std::atomic<int> ran = 0;
  std::promise<void> last;
  WorkThreads threads(1, 2);
  ASSERT_TRUE(threads.Post(gate.Work()));
  gate.WaitUntilEntered();
  ASSERT_TRUE(threads.Post([&] { ++ran; })) << "what runs takes no place of those that wait";
  ASSERT_TRUE(threads.Post([&] {
    ++ran;
    last.set_value();
  }));
  EXPECT_FALSE(threads.Post([&ran, held] { ++ran; }));
  EXPECT_EQ(held.use_count(), 1) << "what was refused is kept by nobody";
  gate.Open();
  last.get_future().wait();
  EXPECT_EQ(ran, 2);
  std::promise<void> next;
  ASSERT_TRUE(threads.Post([&] { next.set_value(); }));
  next.get_future().wait();
}

TEST(WorkThreads, TheEndWaitsForWhatHasBegunAndDropsWhatHasNot) {
  Gate gate;
  bool ended = false;
  std::atomic<bool> dropped_ran = false;
  auto held = std::make_shared<int>(0);
  auto* threads = new WorkThreads(1, SIZE_MAX);
  ASSERT_TRUE(threads->Post([&, work = gate.Work()] {
    work();
    ended = true;
  }));
  gate.WaitUntilEntered();
  ASSERT_TRUE(threads->Post([&dropped_ran, held] { dropped_ran = true; }));
  std::thread destroyer([threads] { delete threads; });
  // It takes nothing more once its end has begun, and lives until the gate is opened.
  while (threads->Post([&dropped_ran] { dropped_ran = true; })) std::this_thread::yield();
  gate.Open();
  destroyer.join();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(dropped_ran);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(WorkThreads, ManyMayPostAtOnceAndEachIsRunOnce) {
  constexpr int kPosters = 8;
  constexpr int kEach = 1000;
  std::atomic<int> ran = 0;
  std::atomic<int> taken = 0;
  std::promise<void> all;
  WorkThreads threads(3, kPosters * kEach);
  std::vector<std::thread> posters;
  for (int i = 0; i < kPosters; ++i) {
    posters.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        taken += threads.Post([&] {
          if (++ran == kPosters * kEach) all.set_value();
        });
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  ASSERT_EQ(taken, kPosters * kEach);
  all.get_future().wait();
  EXPECT_EQ(ran, kPosters * kEach);
}

}  // namespace
}  // namespace purser
