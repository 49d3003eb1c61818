// Two nodes that hold one stream, on a cluster in memory and a clock that moves when told.
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
#include "broker/eventlog/arbitrated/arbitrated_event_log.h"
#include "broker/eventlog/memory/memory_event_log.h"

namespace purser {

class ArbitratedEventLogTest : public testing::Test {
 protected:
  ArbitratedEventLogTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                absl::StrCat("arbitrated-", getpid(), "-",
                             testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directories(folder_);
    Start(0);
    Start(1);
  }
  ~ArbitratedEventLogTest() override {
    for (MemoryNode& node : nodes_) node.log.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start(int node) {
    auto opened = OpenMemoryEventLog(&cluster_, folder_ / absl::StrCat("node", node, ".db"), clock_,
                                     ids_, static_cast<uint64_t>(node));
    ASSERT_TRUE(opened.ok()) << opened.status();
    nodes_[node] = *std::move(opened);
  }
  void Stop(int node) { nodes_[node].log.reset(); }

  EventLog& log(int node = 0) { return *nodes_[node].log; }
  MemoryTransport& transport(int node = 0) { return *nodes_[node].transport; }
  StreamCounts counts(int node = 0) { return nodes_[node].log->Counts(stream_); }

  StreamTrouble trouble(int node) {
    for (const StreamStanding& standing : log(node).Standings()) {
      if (standing.stream == stream_) return standing.trouble;
    }
    return StreamTrouble::kNone;
  }

  // Runs all that can be run without time passing.
  void Settle() {
    bool ran = true;
    while (ran) {
      ran = false;
      for (MemoryNode& node : nodes_) ran |= node.log && node.log->RunOnce(absl::ZeroDuration());
    }
  }
  // Lets `time` pass in steps of 10 ms.
  void Pass(absl::Duration time) {
    Settle();
    for (; time > absl::ZeroDuration(); time -= absl::Milliseconds(10)) {
      clock_.Advance(absl::Milliseconds(10));
      Settle();
    }
  }

  absl::StatusOr<Head> Open(int node = 0) {
    std::optional<absl::StatusOr<Head>> opened;
    log(node).Open(stream_, [&](absl::StatusOr<Head> head) { opened = std::move(head); });
    Settle();
    if (!opened.has_value()) Pass(absl::Seconds(11));
    EXPECT_TRUE(opened.has_value());
    return opened.has_value() ? *opened : absl::InternalError("no answer");
  }

  std::vector<Record> Chain(const std::string& prefix, int count, Head head,
                            event::v1::Kind kind = event::v1::RESOURCE_CREATED) {
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) {
      event::v1::Envelope envelope;
      envelope.set_kind(kind);
      envelope.set_payload(absl::StrCat(prefix, i));
      records.push_back(ChainRecord(stream_, std::move(envelope), clock_.Now(), &head));
    }
    return records;
  }

  // The result is there once the log has called back.
  std::shared_ptr<std::optional<AppendResult>> Append(
      const std::string& prefix, int count = 1, int node = 0,
      event::v1::Kind kind = event::v1::RESOURCE_CREATED) {
    auto result = std::make_shared<std::optional<AppendResult>>();
    const Head head = *log(node).KnownHead(stream_);
    log(node).Append(stream_, head, Chain(prefix, count, head, kind),
                     [result](const AppendResult& r) { *result = r; });
    return result;
  }
  void MustAppend(const std::string& prefix, int count = 1, int node = 0) {
    auto result = Append(prefix, count, node);
    Pass(absl::Milliseconds(50));
    ASSERT_TRUE(result->has_value());
    ASSERT_TRUE((*result)->status.ok()) << (*result)->status;
    ASSERT_EQ((*result)->valid, static_cast<size_t>(count));
  }

  std::shared_ptr<std::optional<absl::StatusOr<Head>>> CatchUp(int node) {
    auto result = std::make_shared<std::optional<absl::StatusOr<Head>>>();
    log(node).CatchUp(stream_, absl::Seconds(2),
                      [result](absl::StatusOr<Head> head) { *result = std::move(head); });
    return result;
  }

  // What a node serves: payloads, and "(barrier)".
  std::vector<std::string> Payloads(int node = 0) {
    std::vector<std::string> payloads;
    auto records = log(node).Read(stream_, 0, 10'000, 1 << 30);
    EXPECT_TRUE(records.ok()) << records.status();
    for (const StoredRecord& record : *records) {
      auto envelope = DecodeRecord(record.bytes);
      payloads.push_back(envelope->kind() == event::v1::BARRIER ? "(barrier)"
                                                                : envelope->payload());
    }
    return payloads;
  }

  using Strings = std::vector<std::string>;
  const StreamId stream_ = StreamId::Directory("d1");
  const std::filesystem::path folder_;
  FakeClock clock_;
  SequentialIdSource ids_;
  MemoryCluster cluster_;
  MemoryNode nodes_[2];
};

}  // namespace purser
