// A data folder of a test's own, and the few steps that its tests share.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"
#include "broker/sqlite/database.h"

namespace purser {

class LogFolderTest : public testing::Test {
 protected:
  LogFolderTest() {
    std::filesystem::remove_all(folder_);
    options_.folder = folder_;
    options_.on_fatal = [this](const absl::Status& why) { fatal_.push_back(why); };
  }
  ~LogFolderTest() override {
    log_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    log_.reset();
    auto created = SqliteEventLog::Create(options_);
    ASSERT_TRUE(created.ok()) << created.status();
    log_ = *std::move(created);
  }
  void Stop() { log_.reset(); }

  absl::StatusOr<Head> Open(const StreamId& stream) {
    absl::StatusOr<Head> opened = absl::UnknownError("not done");
    log_->Open(stream, [&](absl::StatusOr<Head> head) { opened = std::move(head); });
    log_->RunOnce(absl::ZeroDuration());
    return opened;
  }

  static std::vector<Record> Chain(const StreamId& stream, int count, Head* head,
                                   size_t size = 20) {
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) {
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::RESOURCE_CREATED);
      envelope.set_payload(std::string(size, 'x'));
      records.push_back(ChainRecord(stream, std::move(envelope), absl::UnixEpoch(), head));
    }
    return records;
  }

  AppendResult Append(const StreamId& stream, int count, size_t size = 20) {
    auto before = log_->KnownHead(stream);
    if (!before.ok()) return {.status = before.status()};
    Head head = *before;
    AppendResult answer{.status = absl::UnknownError("not done")};
    log_->Append(stream, *before, Chain(stream, count, &head, size),
                 [&](const AppendResult& result) { answer = result; });
    log_->RunOnce(absl::ZeroDuration());
    return answer;
  }

  // Starts a log with ten records on the stream, and stops it.
  void WriteTen() {
    Start();
    ASSERT_TRUE(Open(stream_).ok());
    ASSERT_TRUE(Append(stream_, 10).status.ok());
    Stop();
  }

  // What a hand does to the file while no log is open. The first stream's records have the keys
  // 2^40 + position.
  void Edit(const std::string& sql) {
    auto database = Database::Open(folder_ + "/log.db");
    ASSERT_TRUE(database.ok()) << database.status();
    const absl::Status edited = (*database)->Execute(sql);
    ASSERT_TRUE(edited.ok()) << edited;
  }
  static std::string Key(StreamPosition position) {
    return absl::StrCat("((1 << 40) + ", position, ")");
  }

  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/log_folder_", getpid(), "_",
                   testing::UnitTest::GetInstance()->current_test_info()->test_suite_name(), "_",
                   testing::UnitTest::GetInstance()->current_test_info()->name());
  const StreamId stream_ = StreamId::Directory("d1");
  SqliteEventLogOptions options_;
  std::vector<absl::Status> fatal_;
  std::unique_ptr<SqliteEventLog> log_;
};

}  // namespace purser
