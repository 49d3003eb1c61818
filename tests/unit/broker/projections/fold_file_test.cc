#include "broker/projections/fold_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

namespace purser {
namespace {

constexpr uintmax_t kMiB = 1 << 20;

const StreamId kStream = StreamId::Directory("d1");

class FoldFileTest : public testing::Test {
 protected:
  std::unique_ptr<Database> Open(int layout = 1) {
    auto opened = OpenFoldFile(path_, kStream, layout, "CREATE TABLE t(x BLOB NOT NULL)", 1024);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  // Commits so many folds of a MiB each.
  void Fold(Database* database, int commits) {
    for (int n = 0; n < commits; ++n) {
      ++head_.position;
      head_.time = absl::FromUnixSeconds(1'800'000'000);
      ASSERT_TRUE(BeginFold(*database).ok());
      ASSERT_TRUE(
          database->Prepare("INSERT INTO t VALUES(?)").BindBlob(std::string(kMiB, 'x')).Run().ok());
      ASSERT_TRUE(CommitFold(*database, head_).ok());
    }
  }

  TempDir dir_;
  const std::string path_ = dir_ / "fold.db";
  Head head_ = EmptyHead(kStream);
};

// The file's own state is what a start finds; the write-ahead log beside it is only ever the last
// few commits, or it would grow as long as the process lives, and a start after a crash with it.
TEST_F(FoldFileTest, WhatAStartFindsDoesNotKeepTheWriteAheadLogFromBeingMoved) {
  { Fold(Open().get(), 1); }
  const auto database = Open();
  Fold(database.get(), 100);
  EXPECT_LT(std::filesystem::file_size(path_ + "-wal"), 40 * kMiB);
  EXPECT_GT(std::filesystem::file_size(path_), 60 * kMiB);
}

TEST_F(FoldFileTest, AFoldIsFoundAgainAndOneOfAnotherLayoutBegunAnew) {
  { Fold(Open().get(), 3); }
  {
    const auto same = Open();
    const auto head = ReadFoldHead(*same, kStream);
    ASSERT_TRUE(head.ok()) << head.status();
    EXPECT_EQ(*head, head_);
  }
  const auto other = Open(2);
  const auto head = ReadFoldHead(*other, kStream);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(*head, EmptyHead(kStream));
}

}  // namespace
}  // namespace purser
