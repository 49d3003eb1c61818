// The disk is full, the disk fails, the process is killed, somebody else holds the file.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits>

#include "absl/strings/match.h"
#include "broker/eventlog/verify.h"
#include "tests/unit/broker/eventlog/sqlite/log_folder.h"

namespace purser {
namespace {

class FaultsTest : public LogFolderTest {};

// Makes every write of a file behind `bytes` fail, as a broken disk would, while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limited{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

int CountOf(absl::string_view part, absl::string_view text) {
  int count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(FaultsTest, AFullLogRefusesWholeAppendsAndTakesThoseThatFit) {
  options_.max_log_bytes = 400'000;
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  ASSERT_TRUE(Append(stream_, 10, 1000).status.ok());
  const AppendResult refused = Append(stream_, 600, 1000);
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status)) << refused.status;
  EXPECT_EQ(refused.valid, 0u);
  EXPECT_EQ(log_->KnownHead(stream_)->position, 10u);
  EXPECT_TRUE(log_->Health(stream_).ok());
  EXPECT_EQ(log_->Read(stream_, 0, 1000, 1 << 20)->size(), 10u);
  EXPECT_TRUE(Append(stream_, 10, 1000).status.ok());
  EXPECT_TRUE(fatal_.empty());
  Start();
  EXPECT_EQ(Open(stream_)->position, 20u);
}

TEST_F(FaultsTest, AFullLogDoesNotTakeANewStreamAndSaysSo) {
  options_.max_log_bytes = 60'000;
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  absl::Status status;
  int appended = 0;
  for (; status.ok() && appended < 1000; ++appended) status = Append(stream_, 1, 1000).status;
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_GT(appended, 10);
  EXPECT_TRUE(log_->Health(stream_).ok());
}

TEST_F(FaultsTest, AnIoErrorEndsAllWritingAndIsTold) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  ASSERT_TRUE(Append(stream_, 10).status.ok());
  {
    const FileSizeLimit limit(200'000);
    const AppendResult failed = Append(stream_, 600, 1000);
    EXPECT_TRUE(absl::IsUnavailable(failed.status)) << failed.status;
    EXPECT_EQ(failed.valid, 0u);
  }
  ASSERT_EQ(fatal_.size(), 1u);
  EXPECT_TRUE(absl::IsInternal(fatal_[0])) << fatal_[0];
  EXPECT_TRUE(absl::IsInternal(log_->Health(stream_)));
  // The disk is well again, but what it holds is not known until a restart.
  const AppendResult later = Append(stream_, 1);
  EXPECT_TRUE(absl::IsInternal(later.status)) << later.status;
  EXPECT_EQ(log_->Read(stream_, 0, 1000, 1 << 20)->size(), 10u);
  Start();
  EXPECT_FALSE(log_->stopped_cleanly());
  EXPECT_EQ(Open(stream_)->position, 10u);
  EXPECT_TRUE(Append(stream_, 1).status.ok());
}

TEST_F(FaultsTest, AppendsWhileSomebodyElseHoldsTheFileAreRefusedAndResume) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  auto stranger = Database::Open(folder_ + "/log.db");
  ASSERT_TRUE(stranger.ok());
  ASSERT_TRUE((*stranger)->Execute("BEGIN IMMEDIATE").ok());
  EXPECT_TRUE(absl::IsUnavailable(Append(stream_, 1).status));
  ASSERT_TRUE((*stranger)->Execute("ROLLBACK").ok());
  EXPECT_TRUE(Append(stream_, 1).status.ok());
  EXPECT_TRUE(fatal_.empty());
}

TEST_F(FaultsTest, WhatWasAcknowledgedSurvivesAKill) {
  for (int round = 0; round < 5; ++round) {
    int acknowledged[2];
    ASSERT_EQ(pipe(acknowledged), 0);
    const pid_t child = fork();
    if (child == 0) {
      Start();
      Open(stream_).IgnoreError();
      while (Append(stream_, 3, 700).status.ok()) {
        const StreamPosition position = log_->KnownHead(stream_)->position;
        if (write(acknowledged[1], &position, sizeof position) < 0) break;
      }
      _exit(1);
    }
    close(acknowledged[1]);
    StreamPosition last = 0;
    for (int i = 0; i < 40 + round; ++i) {
      ASSERT_EQ(read(acknowledged[0], &last, sizeof last), ssize_t{sizeof last});
    }
    kill(child, SIGKILL);
    // What it acknowledged before the signal arrived.
    while (read(acknowledged[0], &last, sizeof last) == ssize_t{sizeof last}) {
    }
    close(acknowledged[0]);
    int how = 0;
    waitpid(child, &how, 0);
    ASSERT_TRUE(WIFSIGNALED(how));

    Start();
    EXPECT_FALSE(log_->stopped_cleanly());
    auto head = Open(stream_);
    ASSERT_TRUE(head.ok()) << head.status();
    EXPECT_GE(head->position, last);
    auto report = VerifyStream(*log_, stream_);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_FALSE(report->bad.has_value());
    EXPECT_EQ(report->head.position, head->position);
    Stop();
  }
}

TEST_F(FaultsTest, AFullLogIsSaidOnceWhenItBeginsAndOnceWhenItIsOver) {
  options_.max_log_bytes = 400'000;
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  testing::internal::CaptureStderr();
  ASSERT_TRUE(Append(stream_, 10, 1000).status.ok());
  ASSERT_TRUE(absl::IsResourceExhausted(Append(stream_, 600, 1000).status));
  ASSERT_TRUE(absl::IsResourceExhausted(Append(stream_, 600, 1000).status));
  const std::string begun = testing::internal::GetCapturedStderr();
  EXPECT_EQ(CountOf("the disk is full", begun), 1) << begun;
  EXPECT_EQ(CountOf(folder_, begun), 1) << begun;
  testing::internal::CaptureStderr();
  ASSERT_TRUE(Append(stream_, 10, 1000).status.ok());
  ASSERT_TRUE(Append(stream_, 10, 1000).status.ok());
  const std::string over = testing::internal::GetCapturedStderr();
  EXPECT_EQ(CountOf("writing goes on", over), 1) << over;
  EXPECT_EQ(CountOf("the disk is full", over), 0) << over;
}

TEST_F(FaultsTest, AppendsAreRefusedWhileLessRoomIsLeftThanTheReserve) {
  options_.reserve_bytes = std::numeric_limits<uint64_t>::max();
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  const absl::Status refused = Append(stream_, 1).status;
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_TRUE(log_->Health(stream_).ok());
  EXPECT_TRUE(fatal_.empty());
  options_.reserve_bytes = 1;
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  EXPECT_TRUE(Append(stream_, 1).status.ok());
}

// A file system of 1 MiB, where this process may mount one.
TEST_F(FaultsTest, AFullDiskRefusesAndResumesOnceThereIsRoom) {
  std::filesystem::create_directories(folder_);
  if (mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "mounting a small file system is not allowed here";
  }
  {
    Start();
    ASSERT_TRUE(Open(stream_).ok());
    absl::Status status;
    for (int i = 0; i < 2000 && status.ok(); ++i) status = Append(stream_, 1, 1000).status;
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_TRUE(fatal_.empty());
    const StreamPosition stands = log_->KnownHead(stream_)->position;
    EXPECT_GT(stands, 50u);
    EXPECT_EQ(log_->Read(stream_, stands - 1, 10, 1 << 20)->size(), 1u);
    ASSERT_EQ(mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
    EXPECT_TRUE(Append(stream_, 100, 1000).status.ok());
    Start();
    EXPECT_EQ(Open(stream_)->position, stands + 100);
    Stop();
  }
  umount(folder_.c_str());
}

}  // namespace
}  // namespace purser
