#include "broker/eventlog/kafka/kafka_address.h"

#include <gtest/gtest.h>

namespace purser {
namespace {

TEST(KafkaAddress, ThePrefixIsPurserUnlessNamed) {
  auto address = KafkaAddress::Parse("kafka://127.0.0.1:9092");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->bootstrap, "127.0.0.1:9092");
  EXPECT_EQ(address->prefix, "purser");
  EXPECT_EQ(address->ToString(), "kafka://127.0.0.1:9092/purser");
}

TEST(KafkaAddress, SeveralServersAndAPrefixAreTaken) {
  auto address = KafkaAddress::Parse("kafka://a.example:9092,b.example:9093,[::1]:9094/team.one");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->bootstrap, "a.example:9092,b.example:9093,[::1]:9094");
  EXPECT_EQ(address->prefix, "team.one");
}

TEST(KafkaAddress, TopicsAreNamedByTheirStreams) {
  const KafkaAddress address{.bootstrap = "a:1", .prefix = "p"};
  EXPECT_EQ(address.Topic(StreamId::Control()), "p.control");
  EXPECT_EQ(address.Topic(StreamId::Directory("d1")), "p.directory.d1");
  EXPECT_EQ(address.Topic(StreamId::App("a1")), "p.app.a1");
  EXPECT_EQ(address.Topic(StreamId::Exchanges("a1")), "p.exchanges.a1");
  EXPECT_EQ(address.Topic(StreamId::Heartbeats()), "p.heartbeats");
}

TEST(KafkaAddress, WhatIsNoAddressIsRefusedWithTheFormExpected) {
  for (const char* text :
       {"", "kafka:", "kafka://", "kafka:///p", "http://a:1", "kafka://a", "kafka://a:0",
        "kafka://a:70000", "kafka://a:1,", "kafka://:9092", "kafka://a:1/", "kafka://a:1/a/b",
        "kafka://a:1/ä", "kafka://a:1/.p", "kafka://user@a:1", "kafka://a:1?x"}) {
    auto address = KafkaAddress::Parse(text);
    EXPECT_TRUE(absl::IsInvalidArgument(address.status())) << text;
    EXPECT_NE(address.status().message().find("kafka://HOST:PORT"), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace purser
