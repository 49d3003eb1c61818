// Kafka as what carries the bytes of a log with several writers: a stream is a topic of one
// partition.
//
// Threads of its own: the producer's and the consumer's, one that asks for watermarks, and one for
// all else that waits. What they learn runs in RunOnce().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/base/mailbox.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/kafka/kafka_address.h"
#include "broker/eventlog/kafka/kafka_consumer.h"
#include "broker/eventlog/kafka/kafka_producer.h"
#include "broker/eventlog/kafka/kafka_queries.h"

namespace purser {

class KafkaTransport : public RecordTransport {
 public:
  // Asks nothing of the brokers: they may be out of reach.
  static absl::StatusOr<std::unique_ptr<KafkaTransport>> Make(const KafkaAddress& address);
  ~KafkaTransport() override;

  void Prepare(const StreamId& stream, bool create, PrepareDone done) override;
  void Fetch(const StreamId& stream, int64_t from, FetchSink sink) override;
  absl::Status Produce(const StreamId& stream, std::vector<std::string> records,
                       ReportSink sink) override;
  void QueryWatermarks(const StreamId& stream, WatermarksDone done) override;
  void ReadAt(const StreamId& stream, int64_t offset, ReadAtDone done) override;
  bool RunOnce(absl::Duration max_wait) override;
  void Wake() override { inbox_->Wake(); }

  // Makes the producer fail as librdkafka's own fatal errors would; for tests.
  void SpendProducer();

 private:
  // A thread that does one thing after the other.
  class Worker {
   public:
    Worker();
    // Drops what is waiting, and waits for what is being done.
    ~Worker();
    void Post(std::function<void()> work) { work_.Post(std::move(work)); }

   private:
    Mailbox work_;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
  };

  explicit KafkaTransport(const KafkaAddress& address);
  std::shared_ptr<KafkaProducer> Producer();
  void ReplaceSpentProducer();
  std::function<void(std::function<void()>)> Poster();

  const KafkaAddress address_;
  const std::shared_ptr<Mailbox> inbox_ = std::make_shared<Mailbox>();
  std::unique_ptr<KafkaQueries> queries_;

  Mutex mutex_;
  std::shared_ptr<KafkaProducer> producer_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<KafkaConsumer> consumer_;
  // The last to be made and the first to stop: they use all of the above.
  std::unique_ptr<Worker> ends_;
  std::unique_ptr<Worker> others_;
};

}  // namespace purser
