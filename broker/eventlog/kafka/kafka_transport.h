// Kafka as what carries the bytes of a log with several writers: a stream is a topic of one
// partition.
//
// Threads of its own: the producer's and the consumer's, one that asks for watermarks, one for all
// else that waits, and one that ends handles. What they learn runs in RunOnce().
//
// A handle that gets nowhere is made anew: the producer's where a record timed out or no report
// came for 40 s, that of the questions where none was answered for 30 s. (The consumer's: see
// there.)
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/mailbox.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/kafka/asking_thread.h"
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
  void EndFetch(const StreamId& stream) override;
  absl::Status Produce(const StreamId& stream, std::vector<std::string> records,
                       ReportSink sink) override;
  void QueryWatermarks(const StreamId& stream, WatermarksDone done) override;
  void ReadAt(const StreamId& stream, int64_t offset, ReadAtDone done) override;
  bool RunOnce(absl::Duration max_wait) override;
  void Wake() override { inbox_->Wake(); }

  // Makes the producer fail as librdkafka's own fatal errors would; for tests.
  void SpendProducer();

 private:
  // What can be made anew while others use it; they hold on to what they took.
  struct Handles {
    Mutex mutex;
    std::shared_ptr<KafkaProducer> producer ABSL_GUARDED_BY(mutex);
    std::shared_ptr<KafkaQueries> queries ABSL_GUARDED_BY(mutex);
    std::atomic<bool> answered = false;  // a question, ever

    std::shared_ptr<KafkaProducer> Producer();
    std::shared_ptr<KafkaQueries> Queries();
    // `status`; PermissionDenied in its place where the brokers, which never let this node in, said
    // something against its settings.
    absl::Status Refusal(const absl::Status& status);
  };

  explicit KafkaTransport(const KafkaAddress& address);
  void WatchHandles();
  void ReplaceSpentProducer();
  void ReplaceSilentQueries();
  std::function<void(std::function<void()>)> Poster();

  const KafkaAddress address_;
  const std::shared_ptr<Mailbox> inbox_ = std::make_shared<Mailbox>();
  const std::shared_ptr<Handles> handles_ = std::make_shared<Handles>();
  std::unique_ptr<KafkaConsumer> consumer_;
  absl::Duration watch_at_ = -absl::InfiniteDuration();

  // Ends handles that were made anew, which may take a while.
  std::unique_ptr<AskingThread> ending_;
  // The last to be made and the first to stop.
  std::unique_ptr<AskingThread> ends_;
  std::unique_ptr<AskingThread> others_;
};

}  // namespace purser
