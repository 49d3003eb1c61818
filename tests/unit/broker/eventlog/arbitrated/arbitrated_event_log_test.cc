#include "broker/eventlog/arbitrated/arbitrated_event_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/memory/memory_event_log.h"

namespace purser {
namespace {

namespace fs = std::filesystem;

// Two nodes on a cluster in memory, on a clock that moves when told.
class ArbitratedEventLogTest : public testing::Test {
 protected:
  ArbitratedEventLogTest()
      : folder_(fs::path(testing::TempDir()) /
                absl::StrCat("arbitrated-", getpid(), "-",
                             testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::create_directories(folder_);
    Start(0);
    Start(1);
  }
  ~ArbitratedEventLogTest() override {
    for (MemoryNode& node : nodes_) node.log.reset();
    fs::remove_all(folder_);
  }

  void Start(int node) {
    auto opened = OpenMemoryEventLog(&cluster_, folder_ / absl::StrCat("node", node, ".db"), clock_,
                                     ids_, static_cast<uint64_t>(node));
    ASSERT_TRUE(opened.ok()) << opened.status();
    nodes_[node] = *std::move(opened);
  }
  void Stop(int node) { nodes_[node].log.reset(); }

  EventLog& log(int node = 0) { return *nodes_[node].log; }
  MemoryTransport& transport(int node = 0) { return *nodes_[node].transport; }
  StreamCounts counts(int node = 0) { return nodes_[node].log->Counts(stream_); }

  StreamTrouble trouble(int node) {
    for (const StreamStanding& standing : log(node).Standings()) {
      if (standing.stream == stream_) return standing.trouble;
    }
    return StreamTrouble::kNone;
  }

  // Runs all that can be run without time passing.
  void Settle() {
    bool ran = true;
    while (ran) {
      ran = false;
      for (MemoryNode& node : nodes_) ran |= node.log && node.log->RunOnce(absl::ZeroDuration());
    }
  }
  // Lets `time` pass in steps of 10 ms.
  void Pass(absl::Duration time) {
    Settle();
    for (; time > absl::ZeroDuration(); time -= absl::Milliseconds(10)) {
      clock_.Advance(absl::Milliseconds(10));
      Settle();
    }
  }

  absl::StatusOr<Head> Open(int node = 0) {
    std::optional<absl::StatusOr<Head>> opened;
    log(node).Open(stream_, [&](absl::StatusOr<Head> head) { opened = std::move(head); });
    Settle();
    if (!opened.has_value()) Pass(absl::Seconds(11));
    EXPECT_TRUE(opened.has_value());
    return opened.has_value() ? *opened : absl::InternalError("no answer");
  }

  std::vector<Record> Chain(const std::string& prefix, int count, Head head,
                            event::v1::Kind kind = event::v1::RESOURCE_CREATED) {
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) {
      event::v1::Envelope envelope;
      envelope.set_kind(kind);
      envelope.set_payload(absl::StrCat(prefix, i));
      records.push_back(ChainRecord(stream_, std::move(envelope), clock_.Now(), &head));
    }
    return records;
  }

  // The result is there once the log has called back.
  std::shared_ptr<std::optional<AppendResult>> Append(
      const std::string& prefix, int count = 1, int node = 0,
      event::v1::Kind kind = event::v1::RESOURCE_CREATED) {
    auto result = std::make_shared<std::optional<AppendResult>>();
    const Head head = *log(node).KnownHead(stream_);
    log(node).Append(stream_, head, Chain(prefix, count, head, kind),
                     [result](const AppendResult& r) { *result = r; });
    return result;
  }
  void MustAppend(const std::string& prefix, int count = 1, int node = 0) {
    auto result = Append(prefix, count, node);
    Pass(absl::Milliseconds(50));
    ASSERT_TRUE(result->has_value());
    ASSERT_TRUE((*result)->status.ok()) << (*result)->status;
    ASSERT_EQ((*result)->valid, static_cast<size_t>(count));
  }

  std::shared_ptr<std::optional<absl::StatusOr<Head>>> CatchUp(int node) {
    auto result = std::make_shared<std::optional<absl::StatusOr<Head>>>();
    log(node).CatchUp(stream_, absl::Seconds(2),
                      [result](absl::StatusOr<Head> head) { *result = std::move(head); });
    return result;
  }

  // What a node serves: payloads, and "(barrier)".
  std::vector<std::string> Payloads(int node = 0) {
    std::vector<std::string> payloads;
    auto records = log(node).Read(stream_, 0, 10'000, 1 << 30);
    EXPECT_TRUE(records.ok()) << records.status();
    for (const StoredRecord& record : *records) {
      auto envelope = DecodeRecord(record.bytes);
      payloads.push_back(envelope->kind() == event::v1::BARRIER ? "(barrier)"
                                                                : envelope->payload());
    }
    return payloads;
  }

  using Strings = std::vector<std::string>;
  const StreamId stream_ = StreamId::Directory("d1");
  const fs::path folder_;
  FakeClock clock_;
  SequentialIdSource ids_;
  MemoryCluster cluster_;
  MemoryNode nodes_[2];
};

TEST_F(ArbitratedEventLogTest, TheFirstWriterHasTheHeadAndTheOtherIsAborted) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Open(1).ok());
  auto first = Append("first ", 2, 0);
  auto second = Append("second ", 2, 1);
  Pass(absl::Milliseconds(100));
  ASSERT_TRUE(first->has_value() && second->has_value());
  EXPECT_TRUE((*first)->status.ok()) << (*first)->status;
  EXPECT_TRUE(absl::IsAborted((*second)->status)) << (*second)->status;
  EXPECT_EQ((*second)->valid, 0u);
  EXPECT_EQ(Payloads(0), (Strings{"first 0", "first 1"}));
  EXPECT_EQ(Payloads(1), Payloads(0));
  EXPECT_EQ(*log(0).KnownHead(stream_), *log(1).KnownHead(stream_));
  EXPECT_EQ(counts(0).inert, 2u);
}

TEST_F(ArbitratedEventLogTest, APrefixOfAGroupStandsWhereAnotherCameBetween) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Open(1).ok());
  const Head head = *log(0).KnownHead(stream_);
  const std::vector<Record> group = Chain("mine ", 2, head);
  Head after = head;
  JudgeRecord(stream_, group[0].bytes, &after).IgnoreError();
  // The second piece is late, and another writer chains on the first.
  transport(0).SetFaults({.split = 1, .longest_delivery = absl::Seconds(1)});
  std::optional<AppendResult> result;
  log(0).Append(stream_, head, group, [&](const AppendResult& r) { result = r; });
  log(0).RunOnce(absl::ZeroDuration());
  while (cluster_.Records(stream_).empty()) Pass(absl::Milliseconds(10));
  Settle();
  ASSERT_EQ(cluster_.Records(stream_).size(), 1u);
  MustAppend("theirs ", 1, 1);
  Pass(absl::Seconds(2));
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(absl::IsAborted(result->status)) << result->status;
  EXPECT_EQ(result->valid, 1u);
  EXPECT_EQ(Payloads(0), (Strings{"mine 0", "theirs 0"}));
}

TEST_F(ArbitratedEventLogTest, AnErrorThatWasWrittenIsFoundValid) {
  ASSERT_TRUE(Open().ok());
  transport().SetFaults({.error_written = 1});
  auto result = Append("doubtful ", 3);
  transport().SetFaults({.error_written = 1});
  Pass(absl::Milliseconds(500));
  ASSERT_TRUE(result->has_value());
  EXPECT_TRUE((*result)->status.ok()) << (*result)->status;
  EXPECT_EQ((*result)->valid, 3u);
}

TEST_F(ArbitratedEventLogTest, ABarrierSettlesWhatWasNeverWritten) {
  ASSERT_TRUE(Open().ok());
  MustAppend("before ");
  transport().SetFaults({.error_dropped = 1});
  auto result = Append("lost ", 2);
  log().RunOnce(absl::ZeroDuration());
  transport().SetFaults({});
  Pass(absl::Seconds(1));
  ASSERT_TRUE(result->has_value());
  EXPECT_TRUE(absl::IsAborted((*result)->status)) << (*result)->status;
  EXPECT_EQ((*result)->valid, 0u);
  MustAppend("after ");
  EXPECT_EQ(Payloads(), (Strings{"before 0", "(barrier)", "after 0"}));
}

TEST_F(ArbitratedEventLogTest, WhatIsWrittenAfterItsBarrierIsInert) {
  ASSERT_TRUE(Open().ok());
  transport().SetFaults({.error_later = 1,
                         .longest_report = absl::Milliseconds(100),
                         .longest_late = absl::Minutes(10)});
  auto result = Append("late ");
  log().RunOnce(absl::ZeroDuration());
  transport().SetFaults({});
  Pass(absl::Seconds(1));
  ASSERT_TRUE(result->has_value());
  EXPECT_TRUE(absl::IsAborted((*result)->status)) << (*result)->status;
  clock_.Advance(absl::Minutes(11));
  Settle();
  EXPECT_EQ(cluster_.Records(stream_).size(), 2u);
  EXPECT_EQ(Payloads(), (Strings{"(barrier)"}));
  MustAppend("next ");
}

TEST_F(ArbitratedEventLogTest, ASuccessWithoutAnOffsetIsReadBack) {
  ASSERT_TRUE(Open().ok());
  transport().SetFaults({.no_offset = 1});
  auto result = Append("placeless ", 2);
  Pass(absl::Seconds(1));
  ASSERT_TRUE(result->has_value());
  EXPECT_TRUE((*result)->status.ok()) << (*result)->status;
  EXPECT_EQ(Payloads()[0], "placeless 0");
}

TEST_F(ArbitratedEventLogTest, ALostReportIsMadeUpForByReadingTheRecord) {
  ASSERT_TRUE(Open().ok());
  transport().SetFaults({.report_lost = 1});
  auto result = Append("unreported ");
  Pass(absl::Milliseconds(100));
  ASSERT_TRUE(result->has_value());
  EXPECT_TRUE((*result)->status.ok()) << (*result)->status;
  EXPECT_EQ(counts().barriers, 0u);
}

TEST_F(ArbitratedEventLogTest, OutOfReachIsUnavailableWithinTenSecondsAndSettledLater) {
  ASSERT_TRUE(Open().ok());
  transport().SetReachable(false);
  auto first = Append("unsent ");
  Pass(absl::Seconds(9));
  EXPECT_FALSE(first->has_value());
  Pass(absl::Seconds(2));
  ASSERT_TRUE(first->has_value());
  EXPECT_TRUE(absl::IsUnavailable((*first)->status)) << (*first)->status;
  auto second = Append("refused ");
  Pass(absl::Milliseconds(20));
  ASSERT_TRUE(second->has_value()) << "an unsettled append keeps others waiting";
  EXPECT_TRUE(absl::IsUnavailable((*second)->status)) << (*second)->status;
  transport().SetReachable(true);
  Pass(absl::Seconds(70));
  MustAppend("later ");
  EXPECT_EQ(Payloads(), (Strings{"(barrier)", "later 0"}));
}

TEST_F(ArbitratedEventLogTest, CatchUpReadsWhatAnotherHasWritten) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Open(1).ok());
  transport(1).SetFaults({.longest_fetch = absl::Milliseconds(500)});
  MustAppend("x ", 3);
  auto caught_up = CatchUp(1);
  Pass(absl::Seconds(1));
  ASSERT_TRUE(caught_up->has_value());
  ASSERT_TRUE((*caught_up)->ok()) << (*caught_up)->status();
  EXPECT_EQ((**caught_up)->position, 3u);
  EXPECT_EQ(Payloads(1).size(), 3u);
}

TEST_F(ArbitratedEventLogTest, AnEndThatIsNotToldWithinASecondIsUnavailable) {
  ASSERT_TRUE(Open().ok());
  transport().SetFaults({.query_lost = 1});
  auto caught_up = CatchUp(0);
  Pass(absl::Milliseconds(900));
  EXPECT_FALSE(caught_up->has_value());
  Pass(absl::Milliseconds(200));
  ASSERT_TRUE(caught_up->has_value());
  EXPECT_TRUE(absl::IsUnavailable((*caught_up)->status())) << (*caught_up)->status();
}

TEST_F(ArbitratedEventLogTest, AnEndThatIsToldAfterMoreWasReadIsAnEndAllTheSame) {
  ASSERT_TRUE(Open().ok());
  MemoryFaults faults;
  faults.longest_delivery = faults.longest_report = absl::Milliseconds(300);
  transport().SetFaults(faults);
  for (int i = 0; i < 20; ++i) {
    const auto caught_up = CatchUp(0);
    const auto appended = Append(absl::StrCat("user ", i, " "));
    Pass(absl::Seconds(1));
    ASSERT_TRUE(appended->has_value() && (*appended)->status.ok());
    ASSERT_TRUE(caught_up->has_value() && (*caught_up)->ok()) << (*caught_up)->status();
  }
}

TEST_F(ArbitratedEventLogTest, ARestartedNodeGoesOnFromItsPlace) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Open(1).ok());
  MustAppend("a ", 5, 0);
  Stop(1);
  MustAppend("b ", 5, 0);
  Start(1);
  auto head = Open(1);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->position, 10u);
  EXPECT_EQ(Payloads(1), Payloads(0));
  MustAppend("c ", 1, 1);
}

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

TEST_F(ArbitratedEventLogTest, WhatIsTooLargeIsRefusedAndWhatFollowsIsNot) {
  ASSERT_TRUE(Open(0).ok());
  transport(0).SetFaults({.max_batch_bytes = 1000});
  auto refused = Append(std::string(2000, 'x'));
  Pass(absl::Seconds(1));
  ASSERT_TRUE(refused->has_value());
  EXPECT_TRUE(absl::IsInvalidArgument((*refused)->status)) << (*refused)->status;
  EXPECT_EQ((*refused)->valid, 0u);
  EXPECT_EQ(counts(0).too_large, 1u);
  MustAppend("small ");
}

TEST_F(ArbitratedEventLogTest, WhoOnlyLooksMakesNoTopic) {
  Stop(1);
  ArbitratedEventLogOptions looks;
  looks.creates = false;
  auto opened = OpenMemoryEventLog(&cluster_, folder_ / "looks.db", clock_, ids_, 2, looks);
  ASSERT_TRUE(opened.ok()) << opened.status();
  nodes_[1] = *std::move(opened);
  EXPECT_TRUE(absl::IsDataLoss(Open(1).status()));
  EXPECT_FALSE(cluster_.Exists(stream_));
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

TEST_F(ArbitratedEventLogTest, AFetchThatBringsNothingIsBegunAnewWhileTheStreamIsOpenedToo) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("good ", 3);
  transport(1).SetFaults({.fetch_hangs = true});
  EXPECT_TRUE(absl::IsUnavailable(Open(1).status()));
  transport(1).SetFaults({});
  EXPECT_TRUE(Open(1).ok()) << "it reads on by itself";
  EXPECT_EQ(Payloads(1).size(), 3u);
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

TEST_F(ArbitratedEventLogTest, NobodyWritesAfterMoved) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Open(1).ok());
  auto moved = Append("moved ", 1, 0, event::v1::MOVED);
  Pass(absl::Milliseconds(50));
  ASSERT_TRUE(moved->has_value());
  ASSERT_TRUE((*moved)->status.ok());
  auto refused = Append("late ", 1, 1);
  Pass(absl::Milliseconds(50));
  ASSERT_TRUE(refused->has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition((*refused)->status)) << (*refused)->status;
  EXPECT_EQ(cluster_.Records(stream_).size(), 1u);
}

TEST_F(ArbitratedEventLogTest, OpeningOutOfReachIsUnavailableAndWorksOnceItIsBack) {
  transport().SetReachable(false);
  EXPECT_TRUE(absl::IsUnavailable(Open().status()));
  transport().SetReachable(true);
  EXPECT_TRUE(Open().ok());
}

TEST_F(ArbitratedEventLogTest, OpeningALogThatDoesNotLetUsInSaysSoAndWorksOnceItDoes) {
  transport().SetFaults({.settings = absl::PermissionDeniedError("sasl.password")});
  const absl::Status refused = Open().status();
  EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
  EXPECT_NE(refused.message().find("sasl.password"), absl::string_view::npos) << refused;
  transport().SetFaults({});
  EXPECT_TRUE(Open().ok());
}

TEST_F(ArbitratedEventLogTest, TheWinnerYieldsToTheOneWhoseRecordItSawInert) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Open(1).ok());
  // So that a commit takes a while.
  transport(0).SetFaults(
      {.longest_report = absl::Milliseconds(50), .longest_fetch = absl::Milliseconds(50)});
  auto first = Append("first ", 1, 0);
  auto second = Append("second ", 1, 1);
  for (int i = 0; i < 100 && counts(0).inert == 0; ++i) {
    Settle();
    clock_.Advance(absl::Milliseconds(1));
  }
  Settle();
  ASSERT_TRUE(first->has_value() && (*first)->status.ok());
  ASSERT_EQ(counts(0).inert, 1u);
  auto third = Append("third ", 1, 0);
  Settle();
  EXPECT_EQ(cluster_.Records(stream_).size(), 2u) << "the winner did not yield";
  Pass(absl::Seconds(1));
  ASSERT_TRUE(third->has_value());
  EXPECT_TRUE((*third)->status.ok()) << "it yields for a while, not for ever";
}

TEST_F(ArbitratedEventLogTest, RecordsThatDoNotChainAreRefused) {
  const Head head = *Open(0);
  std::optional<AppendResult> result;
  std::vector<Record> records = Chain("x ", 2, head);
  std::swap(records[0], records[1]);
  log(0).Append(stream_, head, records, [&](const AppendResult& r) { result = r; });
  Settle();
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(absl::IsInvalidArgument(result->status)) << result->status;
}

TEST_F(ArbitratedEventLogTest, AnUnchainedStreamGoesOnAfterARestart) {
  const StreamId beats = StreamId::Heartbeats();
  auto open = [&] {
    bool opened = false;
    log(0).Open(beats, [&](absl::StatusOr<Head> head) { opened = head.ok(); });
    Pass(absl::Milliseconds(50));
    ASSERT_TRUE(opened);
  };
  open();
  log(0).AppendUnchained(beats, "one");
  Settle();
  Stop(0);
  Start(0);
  open();
  log(0).AppendUnchained(beats, "two");
  Settle();
  auto kept = log(0).Read(beats, 0, 10, 1000);
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_EQ(kept->size(), 2u);
  EXPECT_EQ((*kept)[0].bytes, "one");
  EXPECT_EQ((*kept)[1].bytes, "two");
  EXPECT_EQ((*kept)[1].position, 2u);
}

}  // namespace
}  // namespace purser
