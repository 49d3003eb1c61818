// Who writes what, what an append comes to, and what is read.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/broker/eventlog/arbitrated/arbitrated_nodes.h"

namespace purser {
namespace {

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

TEST_F(ArbitratedEventLogTest, AFetchThatBringsNothingIsBegunAnewWhileTheStreamIsOpenedToo) {
  ASSERT_TRUE(Open(0).ok());
  MustAppend("good ", 3);
  transport(1).SetFaults({.fetch_hangs = true});
  EXPECT_TRUE(absl::IsUnavailable(Open(1).status()));
  transport(1).SetFaults({});
  EXPECT_TRUE(Open(1).ok()) << "it reads on by itself";
  EXPECT_EQ(Payloads(1).size(), 3u);
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
