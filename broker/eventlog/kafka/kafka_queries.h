// What is asked of Kafka beside reading and writing. Blocking; each call is bounded.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/kafka/kafka_address.h"
#include "broker/eventlog/kafka/kafka_client.h"
#include "broker/eventlog/kafka/progress_watch.h"

namespace purser {

// What a topic must keep.
enum class TopicKeeps { kEverything, kExchanges, kHeartbeats };

// GetWatermarks() may run beside the others, which are for one thread. NotFound says that no broker
// knew the topic for 3 s: one hears of a new topic a little after another has made it.
class KafkaQueries {
 public:
  static absl::StatusOr<std::unique_ptr<KafkaQueries>> Make(const KafkaAddress& address);

  // Creates the topic where absent if `create`, and checks that it has one partition and loses
  // nothing it must keep. Errors as RecordTransport::Prepare().
  absl::Status PrepareTopic(const std::string& topic, bool create, TopicKeeps keeps);

  // The leader is confirmed by fresh metadata first, so that none that was deposed is asked.
  absl::StatusOr<Watermarks> GetWatermarks(const std::string& topic);

  absl::StatusOr<CarriedRecord> ReadAt(const std::string& topic, int64_t offset);

  // Told by whoever asks; where it is stuck, the whole is to be made anew.
  ProgressWatch& watch() { return watch_; }

 private:
  explicit KafkaQueries(KafkaPtr<rd_kafka_t> handle);
  absl::Status Prepare(const std::string& topic, bool create, TopicKeeps keeps);
  absl::StatusOr<Watermarks> AskWatermarks(const std::string& topic);
  // The offset at one end: RD_KAFKA_OFFSET_END, RD_KAFKA_OFFSET_BEGINNING.
  absl::StatusOr<int64_t> AskOffset(const std::string& topic, int64_t which);
  absl::StatusOr<CarriedRecord> AskRecord(const std::string& topic, int64_t offset);
  // `answer`; Unavailable in place of a NotFound that is too young to be believed.
  absl::Status Confirm(const std::string& topic, const absl::Status& answer);
  // How many partitions the topic has; NotFound where the broker that was asked does not know it.
  absl::StatusOr<int> CountPartitions(const std::string& topic, int timeout_millis);
  absl::Status CreateTopic(const std::string& topic, TopicKeeps keeps);
  absl::Status CheckSettings(const std::string& topic);

  KafkaPtr<rd_kafka_t> handle_;
  KafkaTopics topics_;
  Mutex mutex_;
  // Since when a topic is missing, in time since boot.
  std::map<std::string, absl::Duration> missing_ ABSL_GUARDED_BY(mutex_);
  ProgressWatch watch_{absl::Seconds(30)};
};

}  // namespace purser
