// What somebody else does to the topic, or the disk to its records, is found and named.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/broker/eventlog/arbitrated/arbitrated_nodes.h"

namespace purser {
namespace {

TEST_F(ArbitratedEventLogTest, ATopicRecreatedUnderALiveNodeIsFound) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Open(1).ok());
  MustAppend("old ", 5);
  cluster_.Recreate(stream_);
  Pass(absl::Seconds(20));
  EXPECT_TRUE(absl::IsDataLoss(log(0).Health(stream_))) << log(0).Health(stream_);
  auto refused = Append("new ");
  Settle();
  ASSERT_TRUE(refused->has_value());
  EXPECT_TRUE(absl::IsDataLoss((*refused)->status)) << (*refused)->status;
  EXPECT_EQ(Payloads(0).size(), 5u) << "what is here can be read all the same";
}

TEST_F(ArbitratedEventLogTest, ATopicRecreatedAndGrownBeyondOurPlaceIsFoundByTheStaleRecord) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("old ", 3);
  cluster_.Recreate(stream_);
  for (const Record& record : Chain("new ", 8, EmptyHead(stream_))) {
    ASSERT_TRUE(cluster_.Append(stream_, {record.bytes}).ok());
  }
  Pass(absl::Seconds(2));
  EXPECT_TRUE(absl::IsDataLoss(log(0).Health(stream_))) << log(0).Health(stream_);
}

TEST_F(ArbitratedEventLogTest, AQuietTopicRecreatedAndAsLongIsFoundThoughOurNextRecordStandsOnIt) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("old ", 3);
  Pass(absl::Seconds(11));
  cluster_.Recreate(stream_);
  for (const Record& record : Chain("new ", 3, EmptyHead(stream_))) {
    ASSERT_TRUE(cluster_.Append(stream_, {record.bytes}).ok());
  }
  MustAppend("ours ");
  Pass(absl::Seconds(11));
  EXPECT_TRUE(absl::IsDataLoss(log(0).Health(stream_))) << log(0).Health(stream_);
  EXPECT_EQ(trouble(0), StreamTrouble::kReplaced);
}

TEST_F(ArbitratedEventLogTest, ABeginningThatWasDeletedIsFoundByWhoHasReadIt) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("old ", 3);
  cluster_.DeleteBefore(stream_, 2);
  Pass(absl::Seconds(6));
  EXPECT_EQ(trouble(0), StreamTrouble::kBeginningDeleted) << log(0).Health(stream_);
  EXPECT_EQ(Payloads(0).size(), 3u);
  EXPECT_FALSE(Open(1).ok()) << "who has nothing cannot build it anew";
  EXPECT_EQ(trouble(1), StreamTrouble::kBeginningDeleted) << log(1).Health(stream_);
}

TEST_F(ArbitratedEventLogTest, SettingsThatWouldLoseRecordsStopWritingUntilTheyAreRight) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("before ");
  transport(0).SetFaults({.settings = absl::FailedPreconditionError("retention.ms=1")});
  Pass(absl::Seconds(11));
  EXPECT_EQ(trouble(0), StreamTrouble::kSettings);
  auto refused = Append("refused ");
  Settle();
  ASSERT_TRUE(refused->has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition((*refused)->status)) << (*refused)->status;
  auto read = CatchUp(0);
  Pass(absl::Milliseconds(100));
  EXPECT_TRUE(read->has_value() && (*read)->ok()) << "reading goes on";
  transport(0).SetFaults({});
  Pass(absl::Seconds(11));
  EXPECT_EQ(trouble(0), StreamTrouble::kNone);
  MustAppend("after ");
}

TEST_F(ArbitratedEventLogTest, AReportBehindOurPlaceLeadsToACheck) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("old ", 5);
  cluster_.Recreate(stream_);
  auto result = Append("new ");
  Pass(absl::Seconds(2));
  ASSERT_TRUE(result->has_value());
  EXPECT_FALSE((*result)->status.ok());
  EXPECT_TRUE(absl::IsDataLoss(log(0).Health(stream_))) << log(0).Health(stream_);
}

TEST_F(ArbitratedEventLogTest, ATopicTruncatedWhileWeWereAwayIsFoundAtTheStart) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("old ", 5);
  Stop(0);
  cluster_.Truncate(stream_, 3);
  Start(0);
  EXPECT_TRUE(absl::IsDataLoss(Open(0).status()));
  EXPECT_TRUE(absl::IsDataLoss(log(0).Health(stream_)));
}

TEST_F(ArbitratedEventLogTest, LosingInertRecordsAloneIsNoLoss) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("good ", 3);
  // Somebody else's lost race, which an unclean election then takes away.
  ASSERT_TRUE(cluster_.Append(stream_, {Chain("stale ", 1, EmptyHead(stream_))[0].bytes}).ok());
  Pass(absl::Milliseconds(100));
  cluster_.Truncate(stream_, 3);
  Pass(absl::Seconds(10));
  EXPECT_TRUE(log(0).Health(stream_).ok()) << log(0).Health(stream_);
  MustAppend("more ", 2);
  EXPECT_EQ(Payloads(0).size(), 5u);
}

TEST_F(ArbitratedEventLogTest, ADeletedTopicIsNoticedWhileTheStreamIsQuiet) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("old ");
  cluster_.Delete(stream_);
  Pass(absl::Seconds(6));
  EXPECT_TRUE(absl::IsDataLoss(log(0).Health(stream_))) << log(0).Health(stream_);
}

TEST_F(ArbitratedEventLogTest, ADeletedTopicIsNotMadeAnewByANodeThatHoldsItsRecords) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("old ");
  Stop(0);
  cluster_.Delete(stream_);
  Start(0);
  EXPECT_TRUE(absl::IsDataLoss(Open(0).status()));
  EXPECT_FALSE(cluster_.Exists(stream_));
}

TEST_F(ArbitratedEventLogTest, ForeignRecordsAreSkippedAndCounted) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(cluster_.Append(stream_, {"hello", ""}).ok());
  MustAppend("ours ");
  EXPECT_EQ(counts(0).foreign, 2u);
  EXPECT_EQ(Payloads(0), (Strings{"ours 0"}));
}

TEST_F(ArbitratedEventLogTest, DamageStopsTheStreamAndIsNamed) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("good ");
  std::string damaged = Chain("bad ", 1, *log(0).KnownHead(stream_))[0].bytes;
  damaged.back() ^= 1;
  ASSERT_TRUE(cluster_.Append(stream_, {damaged}).ok());
  Pass(absl::Milliseconds(50));
  const absl::Status health = log(0).Health(stream_);
  EXPECT_TRUE(absl::IsDataLoss(health)) << health;
  EXPECT_NE(health.message().find("directory/d1"), std::string::npos) << health;
  EXPECT_NE(health.message().find("position 1"), std::string::npos) << health;
  Stop(0);
  Start(0);
  EXPECT_TRUE(absl::IsDataLoss(Open(0).status())) << "a restart meets it again";
}

}  // namespace
}  // namespace purser
