#include "broker/feed/feed_reader.h"

#include <gtest/gtest.h>

#include "feed_events.h"

namespace purser::feed {
namespace {

class FeedReaderTest : public testing::Test {
 protected:
  std::vector<std::string> Next(size_t max = 100) {
    const auto batch = reader_.Next(max);
    EXPECT_TRUE(batch.ok()) << batch.status();
    std::vector<std::string> jtis;
    for (const SecurityEvent& event : batch->events) jtis.push_back(event.jti);
    more_ = batch->more;
    return jtis;
  }
  bool Acknowledge(const std::string& jti) { return reader_.Acknowledge(jti).value(); }
  std::string AppendUser(int n) {
    return source_.Append(Created("u" + std::to_string(n), R"({"userName":"u"})"));
  }
  using Jtis = std::vector<std::string>;

  FakeSource source_;
  FeedReader reader_{PlainFeed(), &source_, 0};
  bool more_ = false;
};

TEST_F(FeedReaderTest, GivesWhatIsNotAcknowledgedAgain) {
  const std::string first = AppendUser(1), second = AppendUser(2);
  EXPECT_EQ(Next(), Jtis({first, second}));
  EXPECT_EQ(Next(), Jtis({first, second}));
  EXPECT_TRUE(Acknowledge(first));
  EXPECT_EQ(Next(), Jtis({second}));
  EXPECT_EQ(reader_.place(), 1u);
  EXPECT_TRUE(Acknowledge(second));
  EXPECT_EQ(Next(), Jtis());
  EXPECT_EQ(reader_.place(), 2u);
}

TEST_F(FeedReaderTest, ThePlaceStaysBeforeWhatWasLeftOut) {
  const std::string first = AppendUser(1), second = AppendUser(2), third = AppendUser(3);
  EXPECT_TRUE(Acknowledge(second));
  EXPECT_EQ(reader_.place(), 0u);
  EXPECT_EQ(Next(), Jtis({first, third}));
  EXPECT_TRUE(Acknowledge(first));
  EXPECT_EQ(Next(), Jtis({third}));
  EXPECT_EQ(reader_.place(), 2u);
}

TEST_F(FeedReaderTest, GivesAsManyAsAskedAndSaysThatThereAreMore) {
  const std::string first = AppendUser(1);
  AppendUser(2);
  EXPECT_EQ(Next(1), Jtis({first}));
  EXPECT_TRUE(more_);
  EXPECT_EQ(Next(0), Jtis());
  EXPECT_TRUE(more_);
  EXPECT_EQ(Next(2).size(), 2u);
  EXPECT_FALSE(more_);
}

TEST_F(FeedReaderTest, PassesOverWhatTheReceiverDoesNotWant) {
  FeedSettings settings = PlainFeed();
  settings.events = {"delete"};
  reader_.set_settings(settings);
  for (int n = 1; n <= 1000; ++n) AppendUser(n);
  const std::string deleted = source_.Append(Deleted("u7"));
  AppendUser(1001);
  EXPECT_EQ(Next(), Jtis({deleted}));
  EXPECT_EQ(reader_.place(), 1000u);
  EXPECT_TRUE(Acknowledge(deleted));
  EXPECT_EQ(Next(), Jtis());
  EXPECT_EQ(reader_.place(), 1002u);
}

TEST_F(FeedReaderTest, WhatIsNoneOfItsEventsAcknowledgesNothing) {
  const std::string first = AppendUser(1);
  for (const char* other : {"", "1", "1.another", "2.event-2", "x"}) {
    EXPECT_FALSE(Acknowledge(other)) << other;
  }
  EXPECT_TRUE(Acknowledge(first));
  EXPECT_FALSE(Acknowledge(first)) << "it is known";
}

TEST_F(FeedReaderTest, BeginsAgainWhereItIsTold) {
  const std::string first = AppendUser(1), second = AppendUser(2);
  Acknowledge(first);
  Acknowledge(second);
  EXPECT_EQ(Next(), Jtis());
  reader_.MoveTo(0);
  EXPECT_EQ(Next(), Jtis({first, second}));
  reader_.Advance(1);
  EXPECT_EQ(Next(), Jtis({second}));
  reader_.Advance(0);
  EXPECT_EQ(reader_.place(), 1u);
}

}  // namespace
}  // namespace purser::feed
