#include "broker/eventlog/arbitrated/recent_selves.h"

#include <gtest/gtest.h>

namespace purser {
namespace {

TEST(RecentSelves, WhatWasSentAndNotReadIsMineAlone) {
  RecentSelves selves;
  selves.AddMine(Sha256("a"));
  EXPECT_TRUE(selves.IsMine(Sha256("a")));
  EXPECT_FALSE(selves.WasRead(Sha256("a")));
  selves.AddRead(Sha256("a"));
  EXPECT_TRUE(selves.IsMine(Sha256("a")));
  EXPECT_TRUE(selves.WasRead(Sha256("a")));
  EXPECT_FALSE(selves.IsMine(Sha256("b")));
}

TEST(RecentSelves, TheOldestIsForgottenFirst) {
  RecentSelves selves(2);
  selves.AddRead(Sha256("a"));
  selves.AddRead(Sha256("b"));
  selves.AddRead(Sha256("b"));
  EXPECT_TRUE(selves.WasRead(Sha256("a")));
  selves.AddRead(Sha256("c"));
  EXPECT_FALSE(selves.WasRead(Sha256("a")));
  EXPECT_TRUE(selves.WasRead(Sha256("b")));
  EXPECT_TRUE(selves.WasRead(Sha256("c")));
}

}  // namespace
}  // namespace purser
