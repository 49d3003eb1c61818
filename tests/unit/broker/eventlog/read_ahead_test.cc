// A long history, read in batches of which the next one is under way while one is worked on.
#include "broker/eventlog/read_ahead.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/mutex.h"
#include "tests/unit/broker/eventlog/stream_writer_nodes.h"

namespace purser {
namespace {

// Tells which thread read what, and refuses a read when it is told to.
class WatchedLog : public HookedLog {
 public:
  using HookedLog::HookedLog;

  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t max_records,
                                                 size_t max_bytes) const override {
    absl::Status refusal;
    {
      MutexLock lock(&mutex_);
      readers_[after].push_back(std::this_thread::get_id());
      std::swap(refusal, refusals_[after]);
    }
    if (absl::IsNotFound(refusal)) return std::vector<StoredRecord>();
    if (!refusal.ok()) return refusal;
    return HookedLog::Read(stream, after, max_records, max_bytes);
  }

  void RefuseOnce(StreamPosition after) { FailOnce(after, absl::UnavailableError("not now")); }
  // What the log's head promises cannot be read yet.
  void BeEmptyOnce(StreamPosition after) { FailOnce(after, absl::NotFoundError("not there yet")); }
  std::vector<std::thread::id> ReadersOf(StreamPosition after) const {
    MutexLock lock(&mutex_);
    return readers_[after];
  }

 private:
  void FailOnce(StreamPosition after, absl::Status how) {
    MutexLock lock(&mutex_);
    refusals_[after] = std::move(how);
  }

  mutable Mutex mutex_;
  mutable std::map<StreamPosition, std::vector<std::thread::id>> readers_ ABSL_GUARDED_BY(mutex_);
  mutable std::map<StreamPosition, absl::Status> refusals_ ABSL_GUARDED_BY(mutex_);
};

class ReadAheadTest : public StreamWriterTest {
 protected:
  // `count` valid records.
  void Write(int count) {
    Head head = *node().log->KnownHead(kStream);
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) {
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::RESOURCE_CREATED);
      envelope.set_event_id(ids_.NewId(clock_.Now()));
      envelope.set_payload(absl::StrCat("name ", i));
      records.push_back(ChainRecord(kStream, std::move(envelope), clock_.Now(), &head));
    }
    const Head base = *node().log->KnownHead(kStream);
    bool valid = false;
    node().log->Append(kStream, base, std::move(records),
                       [&](const AppendResult& result) { valid = result.status.ok(); });
    Settle();
    ASSERT_TRUE(valid);
  }

  WatchedLog log_{node().memory.log.get()};
  ReadAhead history_{&log_, kStream};
};

TEST_F(ReadAheadTest, AHistoryComesWholeAndInOrderAndIsReadBesideItsReader) {
  Write(4500);
  StreamPosition at = 0;
  for (const size_t expected : {1000, 1000, 1000, 1000, 500, 0}) {
    const auto batch = history_.Read(at);
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_EQ(batch->size(), expected);
    for (const StoredRecord& record : *batch) EXPECT_EQ(record.position, ++at);
  }
  const std::thread::id here = std::this_thread::get_id();
  for (const StreamPosition after : {1000, 2000, 3000}) {
    ASSERT_EQ(log_.ReadersOf(after).size(), 1u) << after;
    EXPECT_NE(log_.ReadersOf(after)[0], here) << after;
  }
  // Of what is no whole batch more may come until it is asked for.
  EXPECT_EQ(log_.ReadersOf(4000), std::vector{here});
}

TEST_F(ReadAheadTest, WhoGoesBackGetsWhatIsThere) {
  Write(3000);
  ASSERT_TRUE(history_.Read(0).ok());
  const auto again = history_.Read(500);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->front().position, 501u);
  EXPECT_EQ(again->back().position, 1500u);
}

TEST_F(ReadAheadTest, AReadThatFailedAheadOfTimeIsDoneAgainWhenItIsAskedFor) {
  Write(3000);
  log_.RefuseOnce(1000);
  ASSERT_TRUE(history_.Read(0).ok());
  const auto second = history_.Read(1000);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->front().position, 1001u);
  log_.RefuseOnce(0);
  EXPECT_TRUE(absl::IsUnavailable(history_.Read(0).status()));
}

TEST_F(ReadAheadTest, WhatWasNotThereAheadOfTimeIsLookedForWhenItIsAskedFor) {
  Write(3000);
  log_.BeEmptyOnce(1000);
  ASSERT_TRUE(history_.Read(0).ok());
  const auto second = history_.Read(1000);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_FALSE(second->empty());
  EXPECT_EQ(second->front().position, 1001u);
}

}  // namespace
}  // namespace purser
