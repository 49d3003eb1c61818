#include "broker/eventlog/sqlite/sqlite_event_log.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/unit/broker/eventlog/sqlite/log_folder.h"

namespace purser {
namespace {

class SqliteEventLogTest : public LogFolderTest {};

TEST_F(SqliteEventLogTest, ASecondLogOnTheFolderIsRefusedNamingIt) {
  Start();
  const absl::Status refused = SqliteEventLog::Create(options_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), folder_)) << refused;
  Stop();
  EXPECT_TRUE(SqliteEventLog::Create(options_).ok());
}

TEST_F(SqliteEventLogTest, AFolderThatCannotBeMadeIsNamed) {
  options_.folder = "/proc/purser/data";
  const absl::Status refused = SqliteEventLog::Create(options_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "/proc/purser/data")) << refused;
}

TEST_F(SqliteEventLogTest, TheDataFolderIsItsOwnersAlone) {
  Start();
  EXPECT_EQ(std::filesystem::status(folder_).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(SqliteEventLogTest, RecordsThatDoNotChainOnTheHeadAreRefusedWhole) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  Head head = EmptyHead(stream_);
  std::vector<Record> records = Chain(stream_, 3, &head);
  std::swap(records[1], records[2]);
  AppendResult answer;
  log_->Append(stream_, EmptyHead(stream_), records,
               [&](const AppendResult& result) { answer = result; });
  log_->RunOnce(absl::ZeroDuration());
  EXPECT_TRUE(absl::IsInvalidArgument(answer.status)) << answer.status;
  EXPECT_EQ(answer.valid, 0u);
  EXPECT_EQ(log_->KnownHead(stream_)->position, 0u);
  EXPECT_TRUE(log_->Read(stream_, 0, 10, 1000)->empty());
  EXPECT_TRUE(Append(stream_, 1).status.ok());
}

TEST_F(SqliteEventLogTest, ARecordOfAnotherStreamIsRefused) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  const StreamId other = StreamId::Directory("d2");
  Head head = EmptyHead(other);
  AppendResult answer;
  log_->Append(stream_, EmptyHead(stream_), Chain(other, 1, &head),
               [&](const AppendResult& result) { answer = result; });
  log_->RunOnce(absl::ZeroDuration());
  EXPECT_TRUE(absl::IsInvalidArgument(answer.status)) << answer.status;
}

TEST_F(SqliteEventLogTest, NothingIsAppendedBehindAMoveInTheSameAppend) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  Head head = EmptyHead(stream_);
  event::v1::Envelope moved;
  moved.set_kind(event::v1::MOVED);
  std::vector<Record> records = {ChainRecord(stream_, moved, absl::UnixEpoch(), &head)};
  records.push_back(Chain(stream_, 1, &head)[0]);
  AppendResult answer;
  log_->Append(stream_, EmptyHead(stream_), records,
               [&](const AppendResult& result) { answer = result; });
  log_->RunOnce(absl::ZeroDuration());
  EXPECT_TRUE(absl::IsInvalidArgument(answer.status)) << answer.status;
  EXPECT_EQ(log_->KnownHead(stream_)->position, 0u);
}

TEST_F(SqliteEventLogTest, CatchUpCompletesBeforeItReturns) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  ASSERT_TRUE(Append(stream_, 2).status.ok());
  StreamPosition position = 0;
  log_->CatchUp(stream_, absl::ZeroDuration(),
                [&](absl::StatusOr<Head> head) { position = head->position; });
  EXPECT_EQ(position, 2u);
}

TEST_F(SqliteEventLogTest, AReadBeyondTheEndIsOutOfRangeAndHarmsNothing) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  ASSERT_TRUE(Append(stream_, 2).status.ok());
  EXPECT_TRUE(absl::IsOutOfRange(log_->Read(stream_, 3, 1, 1).status()));
  EXPECT_TRUE(log_->Health(stream_).ok());
}

TEST_F(SqliteEventLogTest, AWriterWhoseHeadIsNotOnThisLogIsToldThatItWasReplaced) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  ASSERT_TRUE(Append(stream_, 2).status.ok());
  Head ahead = *log_->KnownHead(stream_);
  Chain(stream_, 3, &ahead);
  Head other = EmptyHead(stream_);
  Chain(stream_, 2, &other, 21);
  ASSERT_EQ(other.position, log_->KnownHead(stream_)->position);
  for (const Head& head : {ahead, other}) {
    Head end = head;
    AppendResult answer;
    log_->Append(stream_, head, Chain(stream_, 1, &end),
                 [&](const AppendResult& result) { answer = result; });
    log_->RunOnce(absl::ZeroDuration());
    EXPECT_TRUE(absl::IsDataLoss(answer.status)) << answer.status;
    EXPECT_TRUE(absl::StrContains(answer.status.message(), "truncated or restored"));
  }
  EXPECT_TRUE(log_->Health(stream_).ok());
  EXPECT_TRUE(Append(stream_, 1).status.ok());
}

TEST_F(SqliteEventLogTest, ACleanStopIsNoted) {
  Start();
  EXPECT_TRUE(log_->stopped_cleanly());
  ASSERT_TRUE(Open(stream_).ok());
  Start();
  EXPECT_TRUE(log_->stopped_cleanly());
}

TEST_F(SqliteEventLogTest, ACheckOfThePagesThatWasEndedIsDueAgain) {
  WriteTen();
  Edit("UPDATE meta SET value = 'no' WHERE key = 'stopped'");
  Start();
  log_->EndVerifyPages();
  EXPECT_TRUE(absl::IsCancelled(log_->VerifyPages()));
  EXPECT_TRUE(Open(stream_).ok());
  Start();
  EXPECT_FALSE(log_->stopped_cleanly());
  EXPECT_TRUE(log_->VerifyPages().ok());
  Start();
  EXPECT_TRUE(log_->stopped_cleanly());
}

TEST_F(SqliteEventLogTest, AfterAnUncleanStopWhatIsBehindTheMarkIsWalked) {
  WriteTen();
  Edit(
      "UPDATE meta SET value = 'no' WHERE key = 'stopped';"
      "DELETE FROM meta WHERE key = 'mark/directory/d1'");
  Start();
  EXPECT_FALSE(log_->stopped_cleanly());
  EXPECT_EQ(Open(stream_)->position, 10u);
  Stop();
  Edit(
      "DELETE FROM meta WHERE key = 'mark/directory/d1';"
      "DELETE FROM records WHERE key = " +
      Key(4));
  Start();
  EXPECT_TRUE(absl::IsDataLoss(Open(stream_).status()));
  EXPECT_TRUE(absl::StrContains(log_->Health(stream_).message(), "position 4"));
  EXPECT_EQ(log_->Read(stream_, 0, 100, 1 << 20)->size(), 3u);
}

TEST_F(SqliteEventLogTest, AMarkIsSetNowAndThenSoThatARestartWalksLittle) {
  options_.mark_every = 10;
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Append(stream_, 5).status.ok());
  // The file as a crash would leave it.
  std::filesystem::copy(folder_, folder_ + "_crashed");
  Stop();
  auto database = Database::Open(folder_ + "_crashed/log.db");
  ASSERT_TRUE(database.ok());
  Statement& mark = (*database)->Prepare(
      "SELECT hex(substr(value, 1, 8)) FROM meta WHERE key = 'mark/directory/d1'");
  ASSERT_TRUE(mark.Next());
  EXPECT_EQ(mark.Text(0), "0000000000000014");  // 20
  mark.Finish();
  std::filesystem::remove_all(folder_ + "_crashed");
}

TEST_F(SqliteEventLogTest, OfUnchainedStreamsTheNewestRemain) {
  options_.exchanges_kept = 300;
  const StreamId exchanges = StreamId::Exchanges("a1");
  Start();
  ASSERT_TRUE(Open(exchanges).ok());
  for (int i = 0; i < 1000; ++i) {
    log_->AppendUnchained(exchanges, absl::StrCat(i));
    if (i % 10 == 0) log_->RunOnce(absl::ZeroDuration());
  }
  log_->RunOnce(absl::ZeroDuration());
  for (int restart = 0; restart < 2; ++restart) {
    auto kept = log_->Read(exchanges, 0, 10'000, 1 << 20);
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_GE(kept->size(), 300u);
    EXPECT_LE(kept->size(), 300u + 256u);
    EXPECT_EQ(kept->back().bytes, "999");
    EXPECT_EQ(kept->back().position, 1000u);
    EXPECT_EQ(log_->KnownHead(exchanges)->position, 1000u);
    Start();
    ASSERT_TRUE(Open(exchanges).ok());
  }
}

TEST_F(SqliteEventLogTest, AnUnchainedStreamIsBoundedInBytesToo) {
  options_.exchange_bytes_kept = 50'000;
  const StreamId exchanges = StreamId::Exchanges("a1");
  Start();
  ASSERT_TRUE(Open(exchanges).ok());
  for (int i = 0; i < 1024; ++i) {
    log_->AppendUnchained(exchanges, std::string(1000, 'x'));
    log_->RunOnce(absl::ZeroDuration());
  }
  EXPECT_EQ(log_->Read(exchanges, 0, 10'000, 100 << 20)->size(), 50u);
}

TEST_F(SqliteEventLogTest, UnchainedRecordsBeyondTheQueueAreDroppedAndCounted) {
  options_.max_queued_exchange_bytes = 1000;
  const StreamId exchanges = StreamId::Exchanges("a1");
  Start();
  ASSERT_TRUE(Open(exchanges).ok());
  for (int i = 0; i < 5; ++i) log_->AppendUnchained(exchanges, std::string(300, 'x'));
  EXPECT_EQ(log_->unchained_dropped(), 2u);
  log_->RunOnce(absl::ZeroDuration());
  EXPECT_EQ(log_->Read(exchanges, 0, 10, 1 << 20)->size(), 3u);
  log_->AppendUnchained(exchanges, "y");
  log_->RunOnce(absl::ZeroDuration());
  EXPECT_EQ(log_->Read(exchanges, 0, 10, 1 << 20)->size(), 4u);
}

TEST_F(SqliteEventLogTest, AnUnchainedRecordNeedsNoOpenedStream) {
  const StreamId exchanges = StreamId::Exchanges("a1");
  Start();
  log_->AppendUnchained(exchanges, "early");
  log_->RunOnce(absl::ZeroDuration());
  EXPECT_EQ(Open(exchanges)->position, 1u);
  EXPECT_EQ(log_->Read(exchanges, 0, 10, 1 << 20)->size(), 1u);
}

}  // namespace
}  // namespace purser
