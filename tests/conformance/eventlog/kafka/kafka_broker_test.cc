// What only a real broker shows: contention between two nodes, a broker that restarts, topics that
// are recreated, and none at all.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/eventlog/kafka/kafka_event_log.h"
#include "broker/eventlog/verify.h"

namespace purser {
namespace {

namespace fs = std::filesystem;

// librdkafka starts its threads by C11's thrd_create, which TSan does not survive.
#ifdef __SANITIZE_THREAD__
constexpr bool kUnderTsan = true;
#else
constexpr bool kUnderTsan = false;
#endif

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// A writer that appends "NAME 0", "NAME 1", ... one after the other, deciding again after a loss.
struct Writer {
  std::string name;
  KafkaNode node;
  int next = 0;
  bool busy = false;
  std::set<std::string> acknowledged;
  int aborted = 0;
  int unavailable = 0;
};

class KafkaBroker : public testing::Test {
 protected:
  void SetUp() override {
    if (Environment("PURSER_TEST_KAFKA").empty()) GTEST_SKIP() << "PURSER_TEST_KAFKA is not set";
    address_.bootstrap = Environment("PURSER_TEST_KAFKA");
    address_.prefix = absl::StrCat("broker-", getpid(), "-", absl::ToUnixNanos(absl::Now()));
    folder_ = fs::path(testing::TempDir()) / address_.prefix;
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  KafkaNode Start(const std::string& name) {
    auto node = OpenKafkaNode(address_, folder_ / name, SystemClock());
    EXPECT_TRUE(node.ok()) << node.status();
    return *std::move(node);
  }

  static bool Drive(const std::vector<EventLog*>& logs, absl::Duration at_most,
                    const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + at_most;
    while (!done()) {
      if (absl::Now() > deadline) return false;
      for (EventLog* log : logs) log->RunOnce(absl::Milliseconds(1));
    }
    return true;
  }

  absl::StatusOr<Head> Open(EventLog& log) {
    std::optional<absl::StatusOr<Head>> opened;
    log.Open(stream_, [&](absl::StatusOr<Head> head) { opened = std::move(head); });
    Drive({&log}, absl::Seconds(30), [&] { return opened.has_value(); });
    return opened.has_value() ? *opened : absl::DeadlineExceededError("Open");
  }

  void Push(Writer* writer) {
    if (writer->busy) return;
    const Head head = *writer->node.log->KnownHead(stream_);
    const std::string payload = absl::StrCat(writer->name, " ", writer->next);
    Head after = head;
    event::v1::Envelope envelope;
    envelope.set_kind(event::v1::RESOURCE_CREATED);
    envelope.set_payload(payload);
    std::vector<Record> records;
    records.push_back(ChainRecord(stream_, std::move(envelope), absl::Now(), &after));
    writer->busy = true;
    writer->node.log->Append(stream_, head, std::move(records),
                             [writer, payload](const AppendResult& result) {
                               writer->busy = false;
                               if (result.status.ok()) {
                                 writer->acknowledged.insert(payload);
                                 ++writer->next;
                               } else if (absl::IsAborted(result.status)) {
                                 ++writer->aborted;
                               } else {
                                 ++writer->unavailable;
                                 ++writer->next;  // in doubt: never sent again
                               }
                             });
  }

  std::vector<std::string> Payloads(const EventLog& log) {
    std::vector<std::string> payloads;
    StreamPosition after = 0;
    while (true) {
      auto records = log.Read(stream_, after, 1000, 1 << 20);
      EXPECT_TRUE(records.ok()) << records.status();
      if (!records.ok() || records->empty()) return payloads;
      for (const StoredRecord& record : *records) {
        auto envelope = DecodeRecord(record.bytes);
        if (envelope->kind() != event::v1::BARRIER) payloads.push_back(envelope->payload());
      }
      after = records->back().position;
    }
  }

  // Both writers go on until each has `count` acknowledged; `between` runs once, half way.
  void Contend(Writer* a, Writer* b, size_t count, const std::function<void()>& between = nullptr) {
    bool ran = between == nullptr;
    const bool ended = Drive({a->node.log.get(), b->node.log.get()}, absl::Seconds(100), [&] {
      Push(a);
      Push(b);
      if (!ran && a->acknowledged.size() > count / 2) {
        ran = true;
        between();
      }
      return a->acknowledged.size() >= count && b->acknowledged.size() >= count;
    });
    EXPECT_TRUE(ended) << a->acknowledged.size() << " and " << b->acknowledged.size();
    Drive({a->node.log.get(), b->node.log.get()}, absl::Seconds(60),
          [&] { return !a->busy && !b->busy; });
  }

  // Every acknowledged payload is there exactly once, on both nodes alike.
  void CheckOutcome(Writer* a, Writer* b) {
    for (Writer* writer : {a, b}) {
      bool done = false;
      writer->node.log->CatchUp(stream_, absl::Seconds(10), [&](absl::StatusOr<Head> head) {
        EXPECT_TRUE(head.ok()) << head.status();
        done = true;
      });
      ASSERT_TRUE(
          Drive({a->node.log.get(), b->node.log.get()}, absl::Seconds(15), [&] { return done; }));
    }
    EXPECT_EQ(*a->node.log->KnownHead(stream_), *b->node.log->KnownHead(stream_));
    const std::vector<std::string> payloads = Payloads(*a->node.log);
    EXPECT_EQ(payloads, Payloads(*b->node.log));
    const std::multiset<std::string> valid(payloads.begin(), payloads.end());
    for (Writer* writer : {a, b}) {
      for (const std::string& payload : writer->acknowledged) {
        EXPECT_EQ(valid.count(payload), 1u) << payload;
      }
    }
    EXPECT_EQ(std::set<std::string>(payloads.begin(), payloads.end()).size(), payloads.size());
    auto report = VerifyStream(*a->node.log, stream_);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_FALSE(report->bad.has_value());
  }

  void RestartBroker(bool kill) {
    const std::string scripts = absl::StrCat(PURSER_SOURCE_DIR, "/deploy/kafka/");
    const std::string dir = absl::StrCat(" --dir ", Environment("PURSER_TEST_KAFKA_DIR"));
    ASSERT_EQ(std::system((scripts + "stop" + dir + (kill ? " --kill" : "")).c_str()), 0);
    ASSERT_EQ(std::system((scripts + "start" + dir + " >/dev/null").c_str()), 0);
  }

  // Deletes the topic, and waits until it is gone.
  void DeleteTopic() {
    auto handle = MakeKafkaHandle(RD_KAFKA_PRODUCER, {{"bootstrap.servers", address_.bootstrap}});
    ASSERT_TRUE(handle.ok());
    rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(address_.Topic(stream_).c_str());
    const KafkaPtr<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle->get()));
    rd_kafka_DeleteTopics(handle->get(), &topic, 1, nullptr, queue.get());
    const KafkaPtr<rd_kafka_event_t> event(rd_kafka_queue_poll(queue.get(), 10'000));
    rd_kafka_DeleteTopic_destroy(topic);
    ASSERT_NE(event, nullptr);
    ASSERT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  const StreamId stream_ = StreamId::Directory("d1");
  KafkaAddress address_;
  fs::path folder_;
};

TEST_F(KafkaBroker, TwoContendingNodesEndWithOneChain) {
  Writer a{.name = "a", .node = Start("a")};
  Writer b{.name = "b", .node = Start("b")};
  ASSERT_TRUE(Open(*a.node.log).ok());
  ASSERT_TRUE(Open(*b.node.log).ok());
  Contend(&a, &b, 200);
  CheckOutcome(&a, &b);
  EXPECT_GT(a.aborted + b.aborted, 0) << "they never met";
}

TEST_F(KafkaBroker, NothingAcknowledgedIsLostWhenTheBrokerRestarts) {
  if (Environment("PURSER_TEST_KAFKA_DIR").empty()) {
    GTEST_SKIP() << "PURSER_TEST_KAFKA_DIR is not set";
  }
  Writer a{.name = "a", .node = Start("a")};
  Writer b{.name = "b", .node = Start("b")};
  ASSERT_TRUE(Open(*a.node.log).ok());
  ASSERT_TRUE(Open(*b.node.log).ok());
  Contend(&a, &b, 100, [&] { RestartBroker(/*kill=*/true); });
  CheckOutcome(&a, &b);
}

TEST_F(KafkaBroker, ASpentProducerIsMadeAnewAndNothingIsTwice) {
  Writer a{.name = "a", .node = Start("a")};
  Writer b{.name = "b", .node = Start("b")};
  ASSERT_TRUE(Open(*a.node.log).ok());
  ASSERT_TRUE(Open(*b.node.log).ok());
  Contend(&a, &b, 100, [&] { a.node.transport->SpendProducer(); });
  CheckOutcome(&a, &b);
}

TEST_F(KafkaBroker, ATopicRecreatedWhileANodeWasDownIsRecognised) {
  {
    Writer a{.name = "a", .node = Start("a")};
    ASSERT_TRUE(Open(*a.node.log).ok());
    for (int i = 0; i < 3; ++i) {
      Push(&a);
      ASSERT_TRUE(Drive({a.node.log.get()}, absl::Seconds(10), [&] { return !a.busy; }));
    }
    ASSERT_EQ(a.acknowledged.size(), 3u);
  }
  DeleteTopic();
  {
    KafkaNode gone = Start("a");
    EXPECT_TRUE(absl::IsDataLoss(Open(*gone.log).status())) << "deleted, and not noticed";
  }
  Writer c{.name = "c", .node = Start("c")};
  ASSERT_TRUE(Open(*c.node.log).ok());
  for (int i = 0; i < 5; ++i) {
    Push(&c);
    ASSERT_TRUE(Drive({c.node.log.get()}, absl::Seconds(10), [&] { return !c.busy; }));
  }
  KafkaNode back = Start("a");
  EXPECT_TRUE(absl::IsDataLoss(Open(*back.log).status()));
  EXPECT_TRUE(absl::IsDataLoss(back.log->Health(stream_))) << back.log->Health(stream_);
}

TEST(KafkaWithoutABroker, IsUnavailableInBoundedTime) {
  if (kUnderTsan) GTEST_SKIP() << "librdkafka does not run under TSan";
  const fs::path folder = fs::path(testing::TempDir()) / absl::StrCat("no-broker-", getpid());
  const KafkaAddress address{.bootstrap = "127.0.0.1:1", .prefix = "nobody"};
  ArbitratedEventLogOptions options;
  options.times.answer_within = absl::Seconds(1);
  const absl::Time start = absl::Now();
  {
    auto node = OpenKafkaNode(address, folder, SystemClock(), options);
    ASSERT_TRUE(node.ok()) << node.status();
    std::optional<absl::StatusOr<Head>> opened;
    node->log->Open(StreamId::Control(),
                    [&](absl::StatusOr<Head> head) { opened = std::move(head); });
    while (!opened.has_value() && absl::Now() < start + absl::Seconds(20)) {
      node->log->RunOnce(absl::Milliseconds(50));
    }
    ASSERT_TRUE(opened.has_value());
    EXPECT_TRUE(absl::IsUnavailable(opened->status())) << opened->status();
    EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  }
  EXPECT_LT(absl::Now() - start, absl::Seconds(20)) << "ending it took too long";
  fs::remove_all(folder);
}

TEST(KafkaWithoutABroker, AFullQueueIsRefusedWithNothingTaken) {
  if (kUnderTsan) GTEST_SKIP() << "librdkafka does not run under TSan";
  auto producer =
      KafkaProducer::Make({.bootstrap = "127.0.0.1:1"}, [](const std::function<void()>&) {});
  ASSERT_TRUE(producer.ok()) << producer.status();
  absl::Status status;
  int batches = 0;
  while (status.ok() && batches < 1000) {
    status = (*producer)->Produce("nobody.control", std::vector<std::string>(1000, "record"),
                                  [](size_t, const ProduceReport&) {});
    if (status.ok()) ++batches;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(batches, 100);
  EXPECT_TRUE(absl::IsInvalidArgument((*producer)->Produce(
      "nobody.control", {std::string(2 << 20, 'x')}, [](size_t, const ProduceReport&) {})));
}

}  // namespace
}  // namespace purser
