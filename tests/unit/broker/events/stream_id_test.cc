#include "broker/events/stream_id.h"

#include <gtest/gtest.h>

#include "broker/events/sealing.h"

namespace purser {
namespace {

TEST(StreamId, ComesBackFromItsText) {
  for (const StreamId& stream :
       {StreamId::Control(), StreamId::Directory("0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f"),
        StreamId::App("a1"), StreamId::Exchanges("a1"), StreamId::Feeds("d1"),
        StreamId::Heartbeats()}) {
    auto parsed = StreamId::Parse(stream.ToString());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, stream);
  }
  EXPECT_EQ(StreamId::Directory("d1").ToString(), "directory/d1");
}

TEST(StreamId, IsNotMadeOfOtherText) {
  for (const std::string& text :
       {std::string(), std::string("app"), std::string("app/"), std::string("app/a/b"),
        std::string("app/a b"), std::string("control/"), std::string("other/a"),
        std::string("app/a\0b", 7), "app/" + std::string(101, 'a')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(StreamId::Parse(text).status())) << text;
  }
}

TEST(StreamId, OnlyExchangesAndHeartbeatsAreUnchained) {
  EXPECT_TRUE(StreamId::Control().chained());
  EXPECT_TRUE(StreamId::Directory("d").chained());
  EXPECT_TRUE(StreamId::App("a").chained());
  EXPECT_TRUE(StreamId::Feeds("d").chained());
  EXPECT_FALSE(StreamId::Exchanges("a").chained());
  EXPECT_FALSE(StreamId::Heartbeats().chained());
}

TEST(Sealing, WhatWasSealedOpens) {
  const SealedPayload sealed = Seal("user-1", "payload");
  EXPECT_EQ(*Open(sealed.key_id, sealed.bytes), "payload");
}

TEST(Sealing, APayloadOfAnUnknownKeyDoesNotOpen) {
  EXPECT_TRUE(absl::IsNotFound(Open("key-7", "payload").status()));
}

}  // namespace
}  // namespace purser
