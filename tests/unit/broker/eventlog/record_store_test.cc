#include "broker/eventlog/record_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/folder_lock.h"

namespace purser {
namespace {

const StreamId kFirst = StreamId::Directory("d1");
const StreamId kSecond = StreamId::App("a1");

class RecordStoreTest : public testing::Test {
 protected:
  RecordStoreTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Reopen();
  }
  ~RecordStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Reopen() {
    store_.reset();
    auto opened = RecordStore::Open(path_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  absl::Status Put(const StreamId& stream, StreamPosition position, absl::string_view bytes) {
    RecordBatch batch;
    batch.records.push_back({stream, position, bytes});
    return store_->Write(batch);
  }

  // "1:a 2:b": what a read returns.
  std::string Read(const StreamId& stream, StreamPosition after = 0, size_t max_records = 100,
                   size_t max_bytes = 1 << 20) {
    auto records = store_->Read(stream, after, max_records, max_bytes);
    if (!records.ok()) return records.status().ToString();
    std::string text;
    for (const StoredRecord& record : *records) {
      absl::StrAppend(&text, text.empty() ? "" : " ", record.position, ":", record.bytes);
    }
    return text;
  }

  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/record_store_test_", getpid(), "_",
                   testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string path_ = folder_ + "/log.db";
  std::unique_ptr<RecordStore> store_;
};

TEST_F(RecordStoreTest, StreamsAreReadEachInItsOwnOrder) {
  RecordBatch batch;
  batch.records = {{kFirst, 1, "a"}, {kSecond, 1, "x"}, {kFirst, 2, "b"}, {kSecond, 2, "y"}};
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_EQ(Read(kFirst), "1:a 2:b");
  EXPECT_EQ(Read(kSecond), "1:x 2:y");
  Reopen();
  EXPECT_EQ(Read(kFirst), "1:a 2:b");
  EXPECT_EQ(Read(kSecond), "1:x 2:y");
  EXPECT_EQ(store_->Streams(), (std::vector<StreamId>{kFirst, kSecond}));
}

TEST_F(RecordStoreTest, AReadIsBoundedButNeverEmptyForThat) {
  for (StreamPosition position = 1; position <= 5; ++position) {
    ASSERT_TRUE(Put(kFirst, position, "0123456789").ok());
  }
  EXPECT_EQ(store_->Read(kFirst, 0, 3, 1000)->size(), 3u);
  EXPECT_EQ(store_->Read(kFirst, 0, 100, 15)->size(), 2u);
  EXPECT_EQ(store_->Read(kFirst, 0, 100, 0)->size(), 1u);
  EXPECT_EQ(Read(kFirst, 4), "5:0123456789");
  EXPECT_EQ(Read(kFirst, 5), "");
}

TEST_F(RecordStoreTest, AStreamThatWasNotAddedIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(store_->Read(kFirst, 0, 1, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Last(kFirst).status()));
  ASSERT_TRUE(store_->AddStream(kFirst).ok());
  ASSERT_TRUE(store_->AddStream(kFirst).ok());
  EXPECT_EQ(Read(kFirst), "");
  EXPECT_FALSE(store_->Last(kFirst)->has_value());
  Reopen();
  EXPECT_EQ(Read(kFirst), "");
}

TEST_F(RecordStoreTest, ABatchWithATakenPositionWritesNothing) {
  ASSERT_TRUE(Put(kFirst, 1, "a").ok());
  RecordBatch batch;
  batch.records = {{kSecond, 1, "x"}, {kFirst, 1, "b"}};
  batch.meta = {{"mark", "1"}};
  EXPECT_TRUE(absl::IsAlreadyExists(store_->Write(batch)));
  EXPECT_TRUE(absl::IsNotFound(store_->Read(kSecond, 0, 1, 1).status()));
  EXPECT_EQ(Read(kFirst), "1:a");
  EXPECT_FALSE(store_->Meta("mark")->has_value());
}

TEST_F(RecordStoreTest, MetaIsWrittenWithItsRecords) {
  RecordBatch batch;
  batch.records = {{kFirst, 1, "a"}};
  batch.meta = {{"offset", std::string("7\0x", 3)}};
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_EQ(**store_->Meta("offset"), std::string("7\0x", 3));
  batch.records = {{kFirst, 2, "b"}};
  batch.meta = {{"offset", "8"}};
  ASSERT_TRUE(store_->Write(batch).ok());
  Reopen();
  EXPECT_EQ(**store_->Meta("offset"), "8");
  EXPECT_EQ((*store_->Last(kFirst))->position, 2u);
  EXPECT_EQ((*store_->Last(kFirst))->bytes, "b");
}

TEST_F(RecordStoreTest, TrimAndClearTakeOneStreamsRecordsAlone) {
  for (StreamPosition position = 1; position <= 3; ++position) {
    ASSERT_TRUE(Put(kFirst, position, "a").ok());
    ASSERT_TRUE(Put(kSecond, position, "x").ok());
  }
  ASSERT_TRUE(store_->Trim(kFirst, 1, 100).ok());
  EXPECT_EQ(Read(kFirst), "3:a");
  EXPECT_EQ(Read(kSecond), "1:x 2:x 3:x");
  ASSERT_TRUE(store_->Clear(kSecond, {{"offset", "0"}}).ok());
  EXPECT_EQ(Read(kFirst), "3:a");
  EXPECT_EQ(Read(kSecond), "");
  EXPECT_EQ(**store_->Meta("offset"), "0");
}

TEST_F(RecordStoreTest, TrimLeavesTheNewestWithinBothBounds) {
  for (StreamPosition position = 1; position <= 4; ++position) {
    ASSERT_TRUE(Put(kFirst, position, std::string(10, 'a')).ok());
  }
  ASSERT_TRUE(store_->Trim(kFirst, 100, 40).ok());
  EXPECT_EQ(store_->Read(kFirst, 0, 10, 1000)->size(), 4u);
  ASSERT_TRUE(store_->Trim(kFirst, 3, 40).ok());
  EXPECT_EQ(store_->Read(kFirst, 0, 10, 1000)->front().position, 2u);
  ASSERT_TRUE(store_->Trim(kFirst, 3, 29).ok());
  EXPECT_EQ(store_->Read(kFirst, 0, 10, 1000)->front().position, 3u);
  ASSERT_TRUE(store_->Trim(kFirst, 3, 9).ok());
  EXPECT_EQ(Read(kFirst), "");
}

TEST_F(RecordStoreTest, AFileOfANewerFormatIsRefusedNamingBoth) {
  store_.reset();
  ASSERT_TRUE((*Database::Open(path_))->Execute("PRAGMA user_version = 7").ok());
  const absl::Status status = RecordStore::Open(path_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_NE(status.message().find("format 7"), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find("up to 1"), absl::string_view::npos) << status;
  ASSERT_TRUE((*Database::Open(path_))->Execute("PRAGMA user_version = 1").ok());
  Reopen();
}

TEST_F(RecordStoreTest, ManyThreadsReadWholeBatchesWhileOneWrites) {
  ASSERT_TRUE(store_->AddStream(kFirst).ok());
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        auto records = store_->Read(kFirst, 0, 10'000, 1 << 20);
        ASSERT_TRUE(records.ok()) << records.status();
        EXPECT_EQ(records->size() % 2, 0u);
      }
    });
  }
  for (StreamPosition position = 1; position < 200; position += 2) {
    RecordBatch batch;
    batch.records = {{kFirst, position, "a"}, {kFirst, position + 1, "b"}};
    const absl::Status written = store_->Write(batch);
    EXPECT_TRUE(written.ok()) << written;
  }
  stop = true;
  for (auto& reader : readers) reader.join();
}

TEST_F(RecordStoreTest, VerifyPagesIsContentWithAWholeFile) {
  ASSERT_TRUE(Put(kFirst, 1, "a").ok());
  EXPECT_TRUE(store_->VerifyPages().ok());
}

TEST_F(RecordStoreTest, ACheckOfThePagesCanBeEnded) {
  for (StreamPosition position = 1; position <= 20; ++position) {
    ASSERT_TRUE(Put(kFirst, position, std::string(1 << 20, 'x')).ok());
  }
  std::atomic<int> checks = 0;
  absl::Status last;
  std::thread checker([&] {
    do {
      last = store_->VerifyPages();
      ++checks;
    } while (last.ok());
  });
  while (checks == 0) std::this_thread::yield();
  store_->EndVerifyPages();
  checker.join();
  EXPECT_TRUE(absl::IsCancelled(last)) << last;
  EXPECT_TRUE(absl::IsCancelled(store_->VerifyPages()));
}

TEST(FolderLock, ASecondHolderIsRefusedUntilTheFirstLetsGo) {
  const std::string folder = absl::StrCat(testing::TempDir(), "/folder_lock_test_", getpid());
  auto first = FolderLock::Take(folder);
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status refused = FolderLock::Take(folder).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_NE(refused.message().find(folder), absl::string_view::npos);
  first->reset();
  EXPECT_TRUE(FolderLock::Take(folder).ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace purser
