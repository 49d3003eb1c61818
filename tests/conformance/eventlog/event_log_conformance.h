// The suite that every EventLog passes. An engine's test program includes this once and says
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, EventLogConformance,
//                            testing::Values([] { return std::make_unique<SqliteHarness>(); }));
//
// and, for an engine of several writers, the same of SharedEventLogConformance.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/verify.h"
#include "broker/events/record.h"

namespace purser {

// One log for one test, fresh at the start.
class EventLogHarness {
 public:
  virtual ~EventLogHarness() = default;
  virtual EventLog& log() = 0;
  // Ends the log as a process that stops would, and opens what it left.
  virtual void Reopen() = 0;
  // A second process on the same log; null where the engine has one writer.
  virtual EventLog* other() { return nullptr; }
};

using EventLogFactory = std::function<std::unique_ptr<EventLogHarness>()>;

class EventLogConformance : public testing::TestWithParam<EventLogFactory> {
 protected:
  EventLogConformance() : harness_(GetParam()()) {}

  EventLog& log() { return harness_->log(); }

  // Drives every log until `done`; what takes longer than this has failed.
  template <typename Done>
  bool DriveUntil(const Done& done) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (!done()) {
      if (absl::Now() > deadline) return false;
      log().RunOnce(absl::Milliseconds(1));
      if (harness_->other() != nullptr) harness_->other()->RunOnce(absl::Milliseconds(1));
    }
    return true;
  }

  absl::StatusOr<Head> OpenOn(EventLog* log, const StreamId& stream) {
    std::optional<absl::StatusOr<Head>> opened;
    log->Open(stream, [&](absl::StatusOr<Head> head) { opened = std::move(head); });
    if (!DriveUntil([&] { return opened.has_value(); })) return absl::DeadlineExceededError("Open");
    return *opened;
  }
  Head Open(const StreamId& stream) {
    auto head = OpenOn(&log(), stream);
    EXPECT_TRUE(head.ok()) << head.status();
    return head.ok() ? *head : Head();
  }

  absl::StatusOr<Head> CatchUpOn(EventLog* log, const StreamId& stream) {
    std::optional<absl::StatusOr<Head>> caught_up;
    log->CatchUp(stream, absl::Seconds(10),
                 [&](absl::StatusOr<Head> head) { caught_up = std::move(head); });
    if (!DriveUntil([&] { return caught_up.has_value(); })) {
      return absl::DeadlineExceededError("CatchUp");
    }
    return *caught_up;
  }

  // `count` records chained on `head`, which moves; their payloads are "PREFIX0", "PREFIX1", ...
  static std::vector<Record> Chain(const StreamId& stream, int count, Head* head,
                                   const std::string& prefix = "event ",
                                   event::v1::Kind kind = event::v1::RESOURCE_CREATED) {
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) {
      event::v1::Envelope envelope;
      envelope.set_kind(kind);
      envelope.set_payload(absl::StrCat(prefix, i));
      records.push_back(
          ChainRecord(stream, std::move(envelope), absl::FromUnixSeconds(1'800'000'000), head));
    }
    return records;
  }

  AppendResult AppendOn(EventLog* log, const StreamId& stream, const Head& head,
                        std::vector<Record> records) {
    std::optional<AppendResult> result;
    log->Append(stream, head, std::move(records), [&](const AppendResult& r) { result = r; });
    if (!DriveUntil([&] { return result.has_value(); })) {
      return {.status = absl::DeadlineExceededError("Append")};
    }
    return *result;
  }

  // Appends `count` records at the head and returns the new one.
  Head MustAppend(const StreamId& stream, int count, const std::string& prefix = "event ") {
    auto before = log().KnownHead(stream);
    EXPECT_TRUE(before.ok()) << before.status();
    Head after = *before;
    std::vector<Record> records = Chain(stream, count, &after, prefix);
    const AppendResult result = AppendOn(&log(), stream, *before, std::move(records));
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(result.valid, static_cast<size_t>(count));
    return after;
  }

  // The payloads of all that can be read, each record's place and chain checked on the way.
  std::vector<std::string> Payloads(EventLog* log, const StreamId& stream) {
    std::vector<std::string> payloads;
    Head head = EmptyHead(stream);
    while (true) {
      auto run = log->Read(stream, head.position, 7, 1 << 20);
      EXPECT_TRUE(run.ok()) << run.status();
      if (!run.ok() || run->empty()) return payloads;
      const absl::Status chained = CheckRun(stream, *run, &head);
      EXPECT_TRUE(chained.ok()) << chained;
      if (!chained.ok()) return payloads;
      for (const StoredRecord& record : *run) {
        payloads.push_back(DecodeRecord(record.bytes)->payload());
      }
    }
  }

  const StreamId directory_ = StreamId::Directory("0192f0c1-7d4a-7b3e-8f00-0000000000d1");
  const StreamId app_ = StreamId::App("0192f0c1-7d4a-7b3e-8f00-0000000000a1");
  std::unique_ptr<EventLogHarness> harness_;
};

TEST_P(EventLogConformance, ANewStreamIsEmpty) {
  EXPECT_EQ(Open(directory_), EmptyHead(directory_));
  EXPECT_EQ(*log().KnownHead(directory_), EmptyHead(directory_));
  EXPECT_TRUE(log().Read(directory_, 0, 10, 1000)->empty());
  EXPECT_TRUE(log().Health(directory_).ok());
}

TEST_P(EventLogConformance, WhatIsAppendedIsReadInOrder) {
  Open(directory_);
  MustAppend(directory_, 3, "first ");
  const Head head = MustAppend(directory_, 2, "second ");
  EXPECT_EQ(*log().KnownHead(directory_), head);
  EXPECT_EQ(head.position, 5u);
  EXPECT_EQ(Payloads(&log(), directory_),
            (std::vector<std::string>{"first 0", "first 1", "first 2", "second 0", "second 1"}));
}

TEST_P(EventLogConformance, TheKnownHeadHasTheTimeOfTheLastRecord) {
  Open(directory_);
  EXPECT_EQ(log().KnownHead(directory_)->time, absl::InfinitePast());
  const Head head = MustAppend(directory_, 2);
  EXPECT_EQ(log().KnownHead(directory_)->time, head.time);
  harness_->Reopen();
  EXPECT_EQ(Open(directory_).time, head.time);
}

TEST_P(EventLogConformance, AnAppendAtAStaleHeadIsAbortedAndWritesNothing) {
  const Head empty = Open(directory_);
  const Head head = MustAppend(directory_, 1, "winner ");
  Head late = empty;
  std::vector<Record> records = Chain(directory_, 2, &late, "loser ");
  const AppendResult result = AppendOn(&log(), directory_, empty, std::move(records));
  EXPECT_TRUE(absl::IsAborted(result.status)) << result.status;
  EXPECT_EQ(result.valid, 0u);
  EXPECT_EQ(*log().KnownHead(directory_), head);
  EXPECT_EQ(Payloads(&log(), directory_), (std::vector<std::string>{"winner 0"}));
}

TEST_P(EventLogConformance, TheLoserAppendsAgainOnTheNewHead) {
  const Head empty = Open(directory_);
  MustAppend(directory_, 1, "winner ");
  Head late = empty;
  AppendOn(&log(), directory_, empty, Chain(directory_, 1, &late, "loser "));
  MustAppend(directory_, 1, "again ");
  EXPECT_EQ(Payloads(&log(), directory_), (std::vector<std::string>{"winner 0", "again 0"}));
}

TEST_P(EventLogConformance, CompletionsRunInRunOnceAlone) {
  Open(directory_);
  Head head = EmptyHead(directory_);
  std::vector<Record> records = Chain(directory_, 1, &head);
  std::atomic<bool> done = false;
  std::thread::id ran_on;
  log().Append(directory_, EmptyHead(directory_), std::move(records), [&](const AppendResult&) {
    ran_on = std::this_thread::get_id();
    done = true;
  });
  EXPECT_FALSE(done);
  ASSERT_TRUE(DriveUntil([&] { return done.load(); }));
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST_P(EventLogConformance, ASecondAppendBeforeTheFirstIsDoneIsRefused) {
  Open(directory_);
  Head head = EmptyHead(directory_);
  std::optional<AppendResult> first;
  std::optional<AppendResult> second;
  std::vector<Record> records = Chain(directory_, 1, &head);
  log().Append(directory_, EmptyHead(directory_), records,
               [&](const AppendResult& result) { first = result; });
  log().Append(directory_, EmptyHead(directory_), records,
               [&](const AppendResult& result) { second = result; });
  ASSERT_TRUE(DriveUntil([&] { return first.has_value() && second.has_value(); }));
  EXPECT_TRUE(first->status.ok()) << first->status;
  EXPECT_TRUE(absl::IsFailedPrecondition(second->status)) << second->status;
  EXPECT_EQ(second->valid, 0u);
  MustAppend(directory_, 1);
}

TEST_P(EventLogConformance, ACompletionMayAppendTheNext) {
  Open(directory_);
  Head first = EmptyHead(directory_);
  std::vector<Record> records = Chain(directory_, 1, &first, "first ");
  Head second = first;
  std::vector<Record> next = Chain(directory_, 1, &second, "second ");
  std::optional<AppendResult> result;
  log().Append(directory_, EmptyHead(directory_), std::move(records), [&](const AppendResult&) {
    log().Append(directory_, first, std::move(next), [&](const AppendResult& r) { result = r; });
  });
  ASSERT_TRUE(DriveUntil([&] { return result.has_value(); }));
  EXPECT_TRUE(result->status.ok()) << result->status;
  EXPECT_EQ(*log().KnownHead(directory_), second);
}

TEST_P(EventLogConformance, AStreamThatWasNotOpenedIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(log().KnownHead(directory_).status()));
  EXPECT_TRUE(absl::IsNotFound(log().Read(directory_, 0, 10, 1000).status()));
  EXPECT_TRUE(absl::IsNotFound(CatchUpOn(&log(), directory_).status()));
  Head head = EmptyHead(directory_);
  std::vector<Record> records = Chain(directory_, 1, &head);
  const AppendResult result =
      AppendOn(&log(), directory_, EmptyHead(directory_), std::move(records));
  EXPECT_TRUE(absl::IsNotFound(result.status)) << result.status;
  EXPECT_EQ(Open(directory_), EmptyHead(directory_));
}

TEST_P(EventLogConformance, StreamsAppendedToTogetherStandEachOnItsOwn) {
  std::vector<StreamId> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(StreamId::Directory(absl::StrCat("d", i)));
  int done = 0;
  for (const StreamId& stream : streams) Open(stream);
  for (const StreamId& stream : streams) {
    Head head = EmptyHead(stream);
    log().Append(stream, EmptyHead(stream), Chain(stream, 3, &head, stream.id() + " "),
                 [&](const AppendResult& result) {
                   EXPECT_TRUE(result.status.ok()) << result.status;
                   EXPECT_EQ(result.valid, 3u);
                   ++done;
                 });
  }
  ASSERT_TRUE(DriveUntil([&] { return done == 5; }));
  for (const StreamId& stream : streams) {
    EXPECT_EQ(
        Payloads(&log(), stream),
        (std::vector<std::string>{stream.id() + " 0", stream.id() + " 1", stream.id() + " 2"}));
  }
}

TEST_P(EventLogConformance, OneStreamsStaleAppendHarmsNoOther) {
  Open(directory_);
  Open(app_);
  MustAppend(directory_, 1);
  Head stale = EmptyHead(directory_);
  Head head = EmptyHead(app_);
  std::optional<AppendResult> refused;
  std::optional<AppendResult> taken;
  log().Append(directory_, EmptyHead(directory_), Chain(directory_, 1, &stale, "stale "),
               [&](const AppendResult& result) { refused = result; });
  log().Append(app_, EmptyHead(app_), Chain(app_, 1, &head, "planned ", event::v1::PLANNED),
               [&](const AppendResult& result) { taken = result; });
  ASSERT_TRUE(DriveUntil([&] { return refused.has_value() && taken.has_value(); }));
  EXPECT_TRUE(absl::IsAborted(refused->status)) << refused->status;
  EXPECT_TRUE(taken->status.ok()) << taken->status;
}

TEST_P(EventLogConformance, CatchUpGivesTheHeadOfAllThatWasAppended) {
  Open(directory_);
  EXPECT_EQ(*CatchUpOn(&log(), directory_), EmptyHead(directory_));
  const Head head = MustAppend(directory_, 4);
  EXPECT_EQ(*CatchUpOn(&log(), directory_), head);
}

TEST_P(EventLogConformance, AReopenedLogHoldsWhatWasAcknowledged) {
  Open(directory_);
  Open(app_);
  const Head head = MustAppend(directory_, 20);
  MustAppend(app_, 1, "app ");
  const std::vector<std::string> before = Payloads(&log(), directory_);
  harness_->Reopen();
  EXPECT_EQ(Open(directory_), head);
  Open(app_);
  EXPECT_EQ(Payloads(&log(), directory_), before);
  EXPECT_EQ(Payloads(&log(), app_), (std::vector<std::string>{"app 0"}));
  MustAppend(directory_, 1, "after ");
  EXPECT_EQ(Payloads(&log(), directory_).back(), "after 0");
}

TEST_P(EventLogConformance, AReadIsBoundedButNeverEmptyForThat) {
  Open(directory_);
  MustAppend(directory_, 10);
  EXPECT_EQ(log().Read(directory_, 0, 3, 1 << 20)->size(), 3u);
  EXPECT_EQ(log().Read(directory_, 0, 100, 1)->size(), 1u);
  auto last = log().Read(directory_, 8, 100, 1 << 20);
  ASSERT_TRUE(last.ok()) << last.status();
  ASSERT_EQ(last->size(), 2u);
  EXPECT_EQ((*last)[0].position, 9u);
  EXPECT_TRUE(log().Read(directory_, 10, 100, 1 << 20)->empty());
}

TEST_P(EventLogConformance, ABigRecordGoesThrough) {
  Open(directory_);
  const std::string big(256 << 10, 'x');
  MustAppend(directory_, 2, big);
  EXPECT_EQ(Payloads(&log(), directory_), (std::vector<std::string>{big + "0", big + "1"}));
}

TEST_P(EventLogConformance, TheListenerHearsOfNewRecordsThatCanBeRead) {
  std::vector<std::pair<StreamId, StreamPosition>> heard;
  log().SetListener([&](const StreamId& stream) {
    heard.emplace_back(stream, log().KnownHead(stream)->position);
  });
  Open(directory_);
  Open(app_);
  MustAppend(directory_, 2);
  MustAppend(app_, 1);
  ASSERT_TRUE(DriveUntil(
      [&] { return !heard.empty() && heard.back() == std::pair(app_, StreamPosition{1}); }));
  EXPECT_EQ(heard.front().first, directory_);
  EXPECT_EQ(log().Read(directory_, 0, 10, 1 << 20)->size(), 2u);
}

TEST_P(EventLogConformance, AStreamThatWasMovedTakesNoAppendAndCanBeRead) {
  const Head empty = Open(directory_);
  Head moved = empty;
  ASSERT_TRUE(
      AppendOn(&log(), directory_, empty, Chain(directory_, 1, &moved, "moved ", event::v1::MOVED))
          .status.ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(absl::IsFailedPrecondition(log().Health(directory_)));
    Head head = moved;
    const AppendResult result = AppendOn(&log(), directory_, moved, Chain(directory_, 1, &head));
    EXPECT_TRUE(absl::IsFailedPrecondition(result.status)) << result.status;
    EXPECT_EQ(*CatchUpOn(&log(), directory_), moved);
    EXPECT_EQ(Payloads(&log(), directory_), (std::vector<std::string>{"moved 0"}));
    harness_->Reopen();
    EXPECT_EQ(Open(directory_), moved);
  }
}

TEST_P(EventLogConformance, UnchainedRecordsAreKeptInOrder) {
  const StreamId exchanges = StreamId::Exchanges(app_.id());
  ASSERT_TRUE(OpenOn(&log(), exchanges).ok());
  for (int i = 0; i < 5; ++i) log().AppendUnchained(exchanges, absl::StrCat("exchange ", i));
  std::vector<StoredRecord> kept;
  ASSERT_TRUE(DriveUntil([&] {
    kept = *log().Read(exchanges, 0, 10, 1 << 20);
    return kept.size() == 5;
  }));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(kept[i].bytes, absl::StrCat("exchange ", i));
  EXPECT_LT(kept[0].position, kept[4].position);
  auto tail = log().Read(exchanges, kept[2].position, 10, 1 << 20);
  ASSERT_TRUE(tail.ok()) << tail.status();
  EXPECT_EQ(tail->size(), 2u);
}

TEST_P(EventLogConformance, WakeEndsAWait) {
  Open(directory_);
  while (log().RunOnce(absl::ZeroDuration())) {
  }
  const absl::Time start = absl::Now();
  std::atomic<bool> done = false;
  std::thread waker([&] {
    while (!done) log().Wake();
  });
  log().RunOnce(absl::Seconds(60));
  done = true;
  waker.join();
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
}

TEST_P(EventLogConformance, ThreadsAppendAndReadWhileAnotherDrives) {
  constexpr int kThreads = 3;
  constexpr int kAppends = 30;
  std::vector<StreamId> streams;
  for (int i = 0; i < kThreads; ++i) streams.push_back(StreamId::Directory(absl::StrCat("t", i)));
  for (const StreamId& stream : streams) Open(stream);
  std::atomic<int> finished = 0;
  std::vector<std::thread> writers;
  for (const StreamId& stream : streams) {
    writers.emplace_back([&, stream] {
      Head head = EmptyHead(stream);
      for (int i = 0; i < kAppends; ++i) {
        const Head before = head;
        std::atomic<bool> done = false;
        log().Append(stream, before, Chain(stream, 2, &head), [&](const AppendResult& result) {
          EXPECT_TRUE(result.status.ok()) << result.status;
          done = true;
        });
        while (!done) std::this_thread::yield();
        EXPECT_EQ(*log().KnownHead(stream), head);
        EXPECT_EQ(log().Read(stream, before.position, 10, 1 << 20)->size(), 2u);
      }
      ++finished;
    });
  }
  EXPECT_TRUE(DriveUntil([&] { return finished == kThreads; }));
  for (std::thread& writer : writers) writer.join();
  for (const StreamId& stream : streams) {
    EXPECT_EQ(Payloads(&log(), stream).size(), size_t{2 * kAppends});
  }
}

TEST_P(EventLogConformance, VerifyFindsAWholeStreamWhole) {
  Open(directory_);
  const Head head = MustAppend(directory_, 12);
  auto report = VerifyStream(log(), directory_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->bad.has_value());
  EXPECT_EQ(report->head, head);
}

// Instantiated by the engines that take several writers.
class SharedEventLogConformance : public EventLogConformance {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SharedEventLogConformance);

TEST_P(SharedEventLogConformance, AnotherWritersRecordsAreReadHere) {
  EventLog* other = harness_->other();
  ASSERT_NE(other, nullptr);
  Open(directory_);
  ASSERT_TRUE(OpenOn(other, directory_).ok());
  const Head head = MustAppend(directory_, 3);
  EXPECT_EQ(*CatchUpOn(other, directory_), head);
  EXPECT_EQ(Payloads(other, directory_).size(), 3u);
}

TEST_P(SharedEventLogConformance, OfTwoWritersOnOneHeadOneIsAborted) {
  EventLog* other = harness_->other();
  ASSERT_NE(other, nullptr);
  const Head empty = Open(directory_);
  ASSERT_TRUE(OpenOn(other, directory_).ok());
  Head ours = empty;
  Head theirs = empty;
  std::optional<AppendResult> here;
  std::optional<AppendResult> there;
  log().Append(directory_, empty, Chain(directory_, 2, &ours, "here "),
               [&](const AppendResult& result) { here = result; });
  other->Append(directory_, empty, Chain(directory_, 2, &theirs, "there "),
                [&](const AppendResult& result) { there = result; });
  ASSERT_TRUE(DriveUntil([&] { return here.has_value() && there.has_value(); }));
  EXPECT_NE(here->status.ok(), there->status.ok()) << here->status << ", " << there->status;
  EXPECT_TRUE(absl::IsAborted(here->status) || absl::IsAborted(there->status));
  ASSERT_TRUE(CatchUpOn(&log(), directory_).ok());
  ASSERT_TRUE(CatchUpOn(other, directory_).ok());
  EXPECT_EQ(Payloads(&log(), directory_), Payloads(other, directory_));
  EXPECT_EQ(Payloads(other, directory_).size(), 2u);
}

}  // namespace purser
