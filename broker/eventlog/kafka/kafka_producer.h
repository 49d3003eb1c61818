// The idempotent producer, with one thread that hands its reports on. No transactions.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/base/mutex.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/kafka/kafka_address.h"
#include "broker/eventlog/kafka/kafka_client.h"
#include "broker/eventlog/kafka/progress_watch.h"

namespace purser {

// Thread-safe. Its destructor waits for nothing that is on its way: that is in doubt.
class KafkaProducer {
 public:
  // `post` hands a closure to the thread that drives the log; callable from any thread.
  static absl::StatusOr<std::unique_ptr<KafkaProducer>> Make(
      const KafkaAddress& address, std::function<void(std::function<void()>)> post);
  ~KafkaProducer();

  // As RecordTransport::Produce(). A record that cannot be queued after others of its batch were
  // is reported as an error.
  absl::Status Produce(const std::string& topic, std::vector<std::string> records, ReportSink sink);

  // Learns the topic's leader, which the first record would otherwise wait for up to a second.
  absl::Status WarmUp(const std::string& topic, absl::Duration timeout);

  // True once it can send no more, a record timed out, or no report comes: to be made anew.
  bool is_spent() const;

  // The settings that the brokers' last refusal put at fault; empty where there was none.
  std::string refused() const;

  // As librdkafka's own fatal errors would; for tests.
  void Spend();

 private:
  struct Sent;
  explicit KafkaProducer(std::function<void(std::function<void()>)> post);
  static void OnDelivered(rd_kafka_t* handle, const rd_kafka_message_t* message, void* self);
  static void OnTrouble(rd_kafka_t* handle, int error, const char* reason, void* self);
  void Poll();

  const std::function<void(std::function<void()>)> post_;
  KafkaPtr<rd_kafka_t> handle_;
  std::unique_ptr<KafkaTopics> topics_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> spent_ = false;
  // Reports; a record that cannot be sent times out before this.
  ProgressWatch reports_{absl::Seconds(40)};
  mutable Mutex mutex_;
  std::string refused_ ABSL_GUARDED_BY(mutex_);
  std::thread poller_;
};

}  // namespace purser
