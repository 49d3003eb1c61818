// Every call at which the disk may lose its power, fail, or be full, in turn.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "broker/eventlog/verify.h"
#include "tests/unit/broker/eventlog/sqlite/log_folder.h"
#include "tests/unit/broker/sqlite/faulty_disk.h"

namespace purser {
namespace {

using Fault = FaultyDisk::Fault;

// How many states of the disk are tried after a loss of power at one call.
uint64_t SeedsOf() {
  const char* given = std::getenv("PURSER_DISK_SEEDS");
  uint64_t seeds = 0;
  return given != nullptr && absl::SimpleAtoi(given, &seeds) ? seeds : 3;
}

class DiskTest : public LogFolderTest {
 protected:
  DiskTest() {
    // Small enough for the write-ahead log to be moved into the file often.
    options_.checkpoint_pages = 12;
    options_.mark_every = 20;
    disk_.Watch(folder_);
  }
  ~DiskTest() override {
    log_.reset();
    disk_.Watch("/nowhere");
  }

  bool StartMayFail() {
    log_.reset();
    auto created = SqliteEventLog::Create(options_);
    if (created.ok()) log_ = *std::move(created);
    return created.ok();
  }

  // Appends to two streams, a few records of several sizes at a time.
  void WorkOn(int appends) {
    if (!StartMayFail()) return;
    for (const StreamId& stream : streams_) {
      if (!Open(stream).ok()) return;
    }
    for (int i = 0; i < appends; ++i) {
      AppendOne(streams_[i % 2], 1 + i % 3, 200 + 997 * (i % 5));
      log_->AppendUnchained(StreamId::Exchanges("a1"), std::string(300, 'e'));
    }
  }

  void AppendOne(const StreamId& stream, int count, size_t size) {
    const bool failed_before = !disk_.failed_at().empty();
    const AppendResult result = Append(stream, count, size);
    results_.push_back(result.status);
    if (!result.status.ok()) return;
    const auto head = log_->KnownHead(stream);
    ASSERT_TRUE(head.ok());
    acknowledged_[stream] = *head;
    if (failed_before) acknowledged_after_fault_ = true;
  }

  // All that was acknowledged is there, each stream is whole, and takes more.
  void ExpectWhole(const std::string& when) {
    Start();
    for (const StreamId& stream : streams_) {
      const auto head = Open(stream);
      ASSERT_TRUE(head.ok()) << when << ": " << head.status();
      const Head acknowledged = acknowledged_[stream];
      ASSERT_GE(head->position, acknowledged.position) << when << ", " << stream.ToString();
      if (acknowledged.position > 0) {
        const auto last = log_->Read(stream, acknowledged.position - 1, 1, 1 << 20);
        ASSERT_TRUE(last.ok() && last->size() == 1) << when << ": " << last.status();
        EXPECT_EQ(HeadAt(acknowledged.position, last->front().bytes)->self, acknowledged.self)
            << when << ": it is another record";
      }
      const auto report = VerifyStream(*log_, stream);
      ASSERT_TRUE(report.ok()) << when << ": " << report.status();
      EXPECT_FALSE(report->bad.has_value()) << when;
      EXPECT_TRUE(Append(stream, 1).status.ok()) << when;
    }
    EXPECT_TRUE(log_->VerifyPages().ok()) << when;
    Stop();
  }

  // A new folder in which the `call`-th call fails; false once there is no such call.
  bool WorkWithFault(Fault fault, uint64_t call) {
    Stop();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    disk_.Watch(folder_);
    disk_.FailAt(fault, call);
    acknowledged_.clear();
    results_.clear();
    fatal_.clear();
    acknowledged_after_fault_ = false;
    WorkOn(kAppends);
    return !disk_.failed_at().empty();
  }

  static constexpr int kAppends = 24;
  FaultyDisk& disk_ = FaultyDisk::Get();
  const std::vector<StreamId> streams_ = {stream_, StreamId::App("a1")};
  std::map<StreamId, Head> acknowledged_;
  std::vector<absl::Status> results_;
  bool acknowledged_after_fault_ = false;
};

TEST_F(DiskTest, WhatWasAcknowledgedSurvivesALossOfPowerAtEveryCall) {
  const uint64_t seeds = SeedsOf();
  uint64_t call = 1;
  for (bool more = true; more; ++call) {
    for (uint64_t seed = 0; seed < seeds; ++seed) {
      more = WorkWithFault(Fault::kPowerLoss, call);
      if (!more) break;
      const std::string when =
          absl::StrCat("call ", call, ", ", disk_.failed_at(), ", seed ", seed);
      Stop();
      EXPECT_FALSE(acknowledged_after_fault_) << when;
      disk_.RestorePower(seed);
      ExpectWhole(when);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(call, 150u) << "the work comes to a few calls only";
}

// An exchange is kept as well as it can be; all else is the log.
bool IsOfTheLog(const std::string& where) { return absl::StrContains(where, "log.db"); }

TEST_F(DiskTest, NothingIsAcknowledgedOnceTheDiskFailed) {
  uint64_t call = 1;
  for (; WorkWithFault(Fault::kIoError, call); ++call) {
    const std::string when = absl::StrCat("call ", call, ", ", disk_.failed_at());
    Stop();
    EXPECT_FALSE(acknowledged_after_fault_ && IsOfTheLog(disk_.failed_at())) << when;
    disk_.FailAt(Fault::kIoError, 0);
    ExpectWhole(when);
    if (HasFatalFailure()) return;
    disk_.RestorePower(call % 3);
    ExpectWhole(when + ", and then without power");
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(call, 150u);
}

TEST_F(DiskTest, AFullDiskRefusesAndWritingGoesOnOnceThereIsRoom) {
  uint64_t call = 1;
  for (; WorkWithFault(Fault::kFull, call); ++call) {
    const std::string when = absl::StrCat("call ", call, ", ", disk_.failed_at());
    EXPECT_TRUE(fatal_.empty()) << when << ": " << fatal_.front();
    for (const absl::Status& result : results_) {
      EXPECT_TRUE(result.ok() || absl::IsResourceExhausted(result)) << when << ": " << result;
    }
    disk_.MakeRoom();
    const bool serves = results_.size() == kAppends;
    results_.clear();
    for (const StreamId& stream : streams_) {
      if (serves) AppendOne(stream, 2, 500);
    }
    for (const absl::Status& result : results_) EXPECT_TRUE(result.ok()) << when << ": " << result;
    ExpectWhole(when);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(call, 100u);
}

}  // namespace
}  // namespace purser
