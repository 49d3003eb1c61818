// librdkafka's handles with their settings, and its errors in our words.
#pragma once

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/kafka/kafka_security.h"

namespace purser {

struct KafkaDelete {
  // One that does not end, as librdkafka's may not where a topic was deleted, is left behind.
  void operator()(rd_kafka_t* handle) const;
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
  void operator()(rd_kafka_ConfigResource_t* config) const {
    rd_kafka_ConfigResource_destroy(config);
  }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};

template <typename T>
using KafkaPtr = std::unique_ptr<T, KafkaDelete>;

// Says in the log what a handle's error callback was told; gives the settings that are at fault,
// where it names some.
std::string TellKafkaTrouble(int error, const char* reason);

using ErrorFn = void (*)(rd_kafka_t*, int error, const char* reason, void*);
using DeliveryFn = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

// A handle of `type`; `delivered`, unless null, is called with `opaque` for each report, and so is
// `trouble` for each error; without it they are told in the log.
// InvalidArgument for a setting that librdkafka does not take; no error repeats a value.
absl::StatusOr<KafkaPtr<rd_kafka_t>> MakeKafkaHandle(rd_kafka_type_t type,
                                                     const KafkaSettings& settings,
                                                     DeliveryFn delivered = nullptr,
                                                     ErrorFn trouble = nullptr,
                                                     void* opaque = nullptr);

// The topics of one handle, kept: librdkafka knows the leader of a topic for as long as somebody
// holds it, and would look for it for up to a second anew. Thread-safe.
class KafkaTopics {
 public:
  // `handle` outlives it.
  explicit KafkaTopics(rd_kafka_t* handle) : handle_(handle) {}

  rd_kafka_topic_t* Get(const std::string& name);
  // Fresh metadata of the topic, its leader with it.
  absl::StatusOr<KafkaPtr<const rd_kafka_metadata_t>> Ask(const std::string& name,
                                                          int timeout_millis);

 private:
  rd_kafka_t* const handle_;
  Mutex mutex_;
  std::map<std::string, KafkaPtr<rd_kafka_topic_t>> topics_ ABSL_GUARDED_BY(mutex_);
};

// NotFound for an unknown topic, OutOfRange for a place where nothing is, InvalidArgument for a
// record that is too large, ResourceExhausted for a full queue, PermissionDenied; else Unavailable.
absl::Status KafkaStatus(rd_kafka_resp_err_t error, const std::string& what);

// One partition of one topic, at `offset`.
KafkaPtr<rd_kafka_topic_partition_list_t> OnePartition(const std::string& topic, int64_t offset);

}  // namespace purser
