// Reads topics by assignment at places of our own, on one thread. No group is joined, nothing is
// committed, and no place is ever jumped over silently.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/base/mutex.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/kafka/asking_thread.h"
#include "broker/eventlog/kafka/kafka_address.h"
#include "broker/eventlog/kafka/kafka_client.h"

namespace purser {

// The settings of a reader; `settings` are added to them.
KafkaSettings ConsumerSettings(const KafkaAddress& address, const KafkaSettings& settings);

class KafkaConsumer {
 public:
  // `post` hands a closure to the thread that drives the log.
  static absl::StatusOr<std::unique_ptr<KafkaConsumer>> Make(
      const KafkaAddress& address, std::function<void(std::function<void()>)> post);
  ~KafkaConsumer();

  // Reads `topic` from `from` on, in place of what was read of it. Where that had brought nothing
  // from the same place, the handle is made anew: it may hang on a dead broker. Any thread.
  void Fetch(const std::string& topic, int64_t from, FetchSink sink);
  // Reads it no more. Any thread.
  void EndFetch(const std::string& topic);

 private:
  struct Fetching {
    int64_t next = 0;
    bool brought = false;
    std::shared_ptr<FetchSink> sink;
  };
  struct Command {
    std::string topic;
    int64_t from = 0;
    std::shared_ptr<FetchSink> sink;  // null: read no more
  };
  using Batches = std::map<std::string, std::vector<CarriedRecord>>;

  KafkaConsumer(KafkaAddress address, std::function<void(std::function<void()>)> post);
  absl::Status MakeHandle();
  void EndHandle();
  void Run();
  void Order(Command command);
  void Obey(const Command& command);
  void Assign(const std::string& topic, int64_t from);
  void Collect(Batches* batches);
  // False where there was nothing to take.
  bool Take(int timeout_millis, Batches* batches, size_t* bytes);
  void OnTrouble(const rd_kafka_message_t& message);
  void HandOn(Batches batches);
  std::vector<Command> TakeCommands();

  const KafkaAddress address_;
  const std::function<void(std::function<void()>)> post_;
  std::atomic<bool> stopping_ = false;

  // Of its thread.
  std::unique_ptr<AskingThread> ending_;  // of handles that were made anew
  KafkaPtr<rd_kafka_t> handle_;
  std::unique_ptr<KafkaTopics> topics_;
  std::map<std::string, Fetching> fetching_;

  Mutex mutex_;
  std::vector<Command> commands_ ABSL_GUARDED_BY(mutex_);
  // Ends a wait of the thread; replaced with the handle.
  std::shared_ptr<rd_kafka_queue_t> queue_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace purser
