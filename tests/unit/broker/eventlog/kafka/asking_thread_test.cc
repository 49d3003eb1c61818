#include "broker/eventlog/kafka/asking_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

namespace purser {
namespace {

TEST(AskingThread, OneThingIsDoneAfterTheOther) {
  std::vector<int> done;
  std::promise<void> last;
  AskingThread thread;
  for (int i = 0; i < 3; ++i) thread.Post([&done, i] { done.push_back(i); });
  thread.Post([&last] { last.set_value(); });
  last.get_future().wait();
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2}));
}

TEST(AskingThread, OneThatHangsIsLeftBehindAndMayEndLater) {
  const auto begun = std::make_shared<std::promise<void>>();
  const auto go_on = std::make_shared<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  {
    AskingThread thread;
    thread.Post([begun, go_on, ended] {
      begun->set_value();
      go_on->get_future().wait();
      ended->set_value();
    });
    begun->get_future().wait();
    thread.Abandon();
  }  // does not wait for it
  go_on->set_value();
  ended->get_future().wait();
}

TEST(AskingThread, WhatIsBeingDoneIsWaitedFor) {
  bool done = false;
  {
    std::promise<void> begun;
    AskingThread thread;
    thread.Post([&] {
      begun.set_value();
      done = true;
    });
    begun.get_future().wait();
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace purser
