#include "broker/sqlite/database.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "broker/sqlite/page_cache.h"

namespace purser {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~DatabaseTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Database> MustOpen(const DatabaseOptions& options = {}) {
    auto database = Database::Open(path_, options);
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }

  static int64_t Count(Database* database) {
    Statement& count = database->Prepare("SELECT count(*) FROM t");
    EXPECT_TRUE(count.Next()) << count.status();
    const int64_t rows = count.Int(0);
    count.Finish();
    return rows;
  }

  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/database_test_", getpid(), "_",
                   testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::string path_ = folder_ + "/t.db";
};

TEST_F(DatabaseTest, ItsPageCacheIsNoLargerThanTheLimit) {
  const auto cache = [this] {
    const auto database = MustOpen({.cache_kib = 4096});
    Statement& size = database->Prepare("PRAGMA cache_size");
    EXPECT_TRUE(size.Next());
    const int64_t kib = -size.Int(0);
    size.Finish();
    return kib;
  };
  LimitPageCaches(1024);
  EXPECT_EQ(cache(), 1024);
  LimitPageCaches(1 << 20);
  EXPECT_EQ(cache(), 4096);
}

#ifndef NDEBUG
TEST_F(DatabaseTest, AQueryThatIsLeftOpenIsToldAtTheNextCommit) {
  const auto database = MustOpen();
  ASSERT_TRUE(database->Execute("CREATE TABLE t(x); INSERT INTO t VALUES(1), (2)").ok());
  ASSERT_TRUE(database->Prepare("SELECT x FROM t").Next());
  EXPECT_DEATH(database->Execute("INSERT INTO t VALUES(3)").IgnoreError(), "SELECT x FROM t");
}
#endif

TEST_F(DatabaseTest, WhatWasCommittedIsThereAfterReopening) {
  {
    auto database = MustOpen();
    ASSERT_TRUE(database->Execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)").ok());
    Transaction transaction(database.get());
    ASSERT_TRUE(database->Prepare("INSERT INTO t VALUES (?, ?)")
                    .Bind("a")
                    .BindBlob(absl::string_view("\0x\xff", 3))
                    .Run()
                    .ok());
    ASSERT_TRUE(transaction.Commit().ok());
  }
  auto database = MustOpen();
  Statement& row = database->Prepare("SELECT v FROM t WHERE k = ?").Bind("a");
  ASSERT_TRUE(row.Next());
  EXPECT_EQ(row.Blob(0), absl::string_view("\0x\xff", 3));
  EXPECT_FALSE(row.Next());
  EXPECT_TRUE(row.status().ok());
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedLeavesNothing) {
  auto database = MustOpen();
  ASSERT_TRUE(database->Execute("CREATE TABLE t (k)").ok());
  {
    Transaction transaction(database.get());
    ASSERT_TRUE(transaction.status().ok());
    ASSERT_TRUE(database->Prepare("INSERT INTO t VALUES (1)").Run().ok());
  }
  EXPECT_EQ(Count(database.get()), 0);
}

TEST_F(DatabaseTest, EveryTypeComesBackAsItWasBound) {
  auto database = MustOpen();
  Statement& row = database->Prepare("SELECT ?, ?, ?, ?, ?")
                       .Bind(int64_t{1} << 60)
                       .Bind(0.5)
                       .Bind("")
                       .BindBlob("")
                       .BindNull();
  ASSERT_TRUE(row.Next());
  EXPECT_EQ(row.Int(0), int64_t{1} << 60);
  EXPECT_EQ(row.Real(1), 0.5);
  EXPECT_FALSE(row.IsNull(2));
  EXPECT_FALSE(row.IsNull(3));
  EXPECT_TRUE(row.IsNull(4));
  EXPECT_EQ(row.Text(4), "");
  EXPECT_EQ(row.Blob(4), "");
}

TEST_F(DatabaseTest, AStatementHandedOutAgainHasNothingBound) {
  auto database = MustOpen();
  ASSERT_TRUE(database->Prepare("SELECT ?").Bind(7).Next());
  Statement& again = database->Prepare("SELECT ?");
  ASSERT_TRUE(again.Next());
  EXPECT_TRUE(again.IsNull(0));
}

TEST_F(DatabaseTest, ASecondRowOfTheSameKeyAlreadyExists) {
  auto database = MustOpen();
  ASSERT_TRUE(database->Execute("CREATE TABLE t (k PRIMARY KEY)").ok());
  ASSERT_TRUE(database->Prepare("INSERT INTO t VALUES (?)").Bind(1).Run().ok());
  EXPECT_TRUE(absl::IsAlreadyExists(database->Prepare("INSERT INTO t VALUES (?)").Bind(1).Run()));
  EXPECT_TRUE(database->Prepare("INSERT INTO t VALUES (?)").Bind(2).Run().ok());
}

TEST_F(DatabaseTest, AFullDatabaseIsResourceExhaustedAndResumes) {
  auto database = MustOpen();
  ASSERT_TRUE(database->Execute("CREATE TABLE t (v); PRAGMA max_page_count = 20").ok());
  {
    Transaction transaction(database.get());
    absl::Status status;
    for (int i = 0; i < 100 && status.ok(); ++i) {
      status = database->Prepare("INSERT INTO t VALUES (?)").BindBlob(std::string(3000, 'x')).Run();
    }
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  }
  EXPECT_EQ(Count(database.get()), 0);
  ASSERT_TRUE(database->Execute("PRAGMA max_page_count = 200").ok());
  Transaction transaction(database.get());
  EXPECT_TRUE(database->Prepare("INSERT INTO t VALUES (1)").Run().ok());
  EXPECT_TRUE(transaction.Commit().ok());
}

TEST_F(DatabaseTest, AReaderSeesWhatTheWriterCommitsAndCannotWrite) {
  auto writer = MustOpen();
  ASSERT_TRUE(writer->Execute("CREATE TABLE t (k)").ok());
  auto reader = MustOpen({.read_only = true});
  EXPECT_EQ(Count(reader.get()), 0);
  ASSERT_TRUE(writer->Prepare("INSERT INTO t VALUES (1)").Run().ok());
  EXPECT_EQ(Count(reader.get()), 1);
  EXPECT_FALSE(reader->Prepare("INSERT INTO t VALUES (2)").Run().ok());
}

TEST_F(DatabaseTest, ASecondWriterIsAborted) {
  auto first = MustOpen();
  ASSERT_TRUE(first->Execute("CREATE TABLE t (k)").ok());
  auto second = MustOpen();
  Transaction transaction(first.get());
  ASSERT_TRUE(first->Prepare("INSERT INTO t VALUES (1)").Run().ok());
  EXPECT_TRUE(absl::IsAborted(Transaction(second.get()).status()));
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsDataLoss) {
  std::ofstream(path_) << std::string(10'000, 'n');
  EXPECT_TRUE(absl::IsDataLoss(Database::Open(path_).status()));
  EXPECT_TRUE(absl::IsDataLoss(Database::Open(path_, {.read_only = true}).status()));
}

TEST_F(DatabaseTest, AnAbsentFileIsNotCreatedByAReader) {
  EXPECT_TRUE(absl::IsNotFound(Database::Open(path_, {.read_only = true}).status()));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(DatabaseTest, QuickCheckFindsADamagedPage) {
  {
    auto database = MustOpen();
    ASSERT_TRUE(database->Execute("CREATE TABLE t (v)").ok());
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(database->Prepare("INSERT INTO t VALUES (?)")
                      .BindBlob(std::string(1000, 'x'))
                      .Run()
                      .ok());
    }
    EXPECT_TRUE(database->QuickCheck().ok());
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 3);
  file << std::string(100, '\xee');
  file.close();
  EXPECT_TRUE(absl::IsDataLoss(MustOpen()->QuickCheck()));
}

TEST_F(DatabaseTest, AFailedStatementDoesNotSpoilTheNext) {
  auto database = MustOpen();
  EXPECT_FALSE(database->Execute("NO SUCH COMMAND").ok());
  EXPECT_TRUE(database->Execute("CREATE TABLE t (k)").ok());
}

TEST(DatabaseDeathTest, AStatementThatDoesNotCompileIsABug) {
  auto database = Database::Open(":memory:");
  ASSERT_TRUE(database.ok());
  EXPECT_DEATH((*database)->Prepare("SELECT nothing FROM nowhere"), "does not compile");
}

}  // namespace
}  // namespace purser
