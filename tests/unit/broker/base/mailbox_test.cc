#include "broker/base/mailbox.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace purser {
namespace {

TEST(Mailbox, WorkRunsInTheOrderPosted) {
  Mailbox mailbox;
  std::vector<int> ran;
  for (int i = 0; i < 3; ++i) mailbox.Post([&ran, i] { ran.push_back(i); });
  EXPECT_TRUE(mailbox.RunOnce(absl::ZeroDuration()));
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));
  EXPECT_FALSE(mailbox.RunOnce(absl::ZeroDuration()));
}

TEST(Mailbox, WorkThatPostsIsRunByTheNextCall) {
  Mailbox mailbox;
  int ran = 0;
  mailbox.Post([&] { mailbox.Post([&] { ++ran; }); });
  mailbox.RunOnce(absl::ZeroDuration());
  EXPECT_EQ(ran, 0);
  mailbox.RunOnce(absl::ZeroDuration());
  EXPECT_EQ(ran, 1);
}

TEST(Mailbox, APostFromAnotherThreadEndsTheWait) {
  Mailbox mailbox;
  bool ran = false;
  std::thread poster([&] { mailbox.Post([&] { ran = true; }); });
  while (!ran) mailbox.RunOnce(absl::Minutes(1));
  poster.join();
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace purser
