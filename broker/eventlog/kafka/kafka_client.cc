#include "broker/eventlog/kafka/kafka_client.h"

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "broker/base/log.h"

namespace purser {
namespace {

constexpr int kSyslogWarning = 4;
constexpr std::chrono::seconds kEndWithin(3);

void OnLog(const rd_kafka_t*, int level, const char* facility, const char* message) {
  const LogLevel ours = level < kSyslogWarning ? LogLevel::kWarning : LogLevel::kDebug;
  Log(ours, "librdkafka", {{"facility", facility}, {"what", WithOurSettings(message)}});
}

void OnError(rd_kafka_t*, int error, const char* reason, void*) { TellKafkaTrouble(error, reason); }

// Decides nothing: OpenSSL has; says why where it refused.
int OnCertificate(rd_kafka_t*, const char*, int32_t, int* x509_error, int, const char*, size_t,
                  char* why, size_t why_size, void*) {
  if (*x509_error == 0) return 1;
  absl::SNPrintF(why, why_size, "%s", CertificateProblem(*x509_error));
  return 0;
}

absl::Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof(why)) == RD_KAFKA_CONF_OK) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("Kafka setting ", name, " is not taken"));
}

}  // namespace

std::string TellKafkaTrouble(int error, const char* reason) {
  const char* name = rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error));
  std::string settings = SettingsAtFault(name, reason);
  std::vector<LogField> fields = {{"error", name}, {"what", WithOurSettings(reason)}};
  if (!settings.empty()) fields.push_back({"settings", settings});
  const std::string note = ScramNote(rd_kafka_version(), reason);
  if (!note.empty()) fields.push_back({"note", note});
  LogWarning("the Kafka log has trouble", fields);
  return settings;
}

absl::StatusOr<KafkaPtr<rd_kafka_t>> MakeKafkaHandle(rd_kafka_type_t type,
                                                     const KafkaSettings& settings,
                                                     DeliveryFn delivered, ErrorFn trouble,
                                                     void* opaque) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    const absl::Status set = Set(conf, name, value);
    if (set.ok()) continue;
    rd_kafka_conf_destroy(conf);
    return set;
  }
  rd_kafka_conf_set_log_cb(conf, OnLog);
  rd_kafka_conf_set_error_cb(conf, trouble == nullptr ? OnError : trouble);
  rd_kafka_conf_set_ssl_cert_verify_cb(conf, OnCertificate);
  rd_kafka_conf_set_opaque(conf, opaque);
  if (delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  char why[512];
  rd_kafka_t* handle = rd_kafka_new(type, conf, why, sizeof(why));
  if (handle != nullptr) return KafkaPtr<rd_kafka_t>(handle);
  rd_kafka_conf_destroy(conf);
  return absl::InvalidArgumentError(absl::StrCat("Kafka client: ", WithOurSettings(why)));
}

void KafkaDelete::operator()(rd_kafka_t* handle) const {
  std::promise<void> end;
  const std::future<void> ended = end.get_future();
  std::thread ending([handle, end = std::move(end)]() mutable {
    rd_kafka_destroy(handle);
    end.set_value();
  });
  if (ended.wait_for(kEndWithin) == std::future_status::ready) return ending.join();
  LogWarning("a Kafka client does not end; left behind");
  ending.detach();
}

rd_kafka_topic_t* KafkaTopics::Get(const std::string& name) {
  MutexLock lock(&mutex_);
  KafkaPtr<rd_kafka_topic_t>& topic = topics_[name];
  if (topic == nullptr) topic.reset(rd_kafka_topic_new(handle_, name.c_str(), nullptr));
  return topic.get();
}

absl::StatusOr<KafkaPtr<const rd_kafka_metadata_t>> KafkaTopics::Ask(const std::string& name,
                                                                     int timeout_millis) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(handle_, 0, Get(name), &metadata, timeout_millis);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return KafkaStatus(error, absl::StrCat("look for topic ", name));
  }
  return KafkaPtr<const rd_kafka_metadata_t>(metadata);
}

absl::Status KafkaStatus(rd_kafka_resp_err_t error, const std::string& what) {
  const std::string text = absl::StrCat(what, ": ", rd_kafka_err2str(error));
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return absl::OkStatus();
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return absl::NotFoundError(text);
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      return absl::OutOfRangeError(text);
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return absl::InvalidArgumentError(text);
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return absl::ResourceExhaustedError(text);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return absl::PermissionDeniedError(text);
    default:
      return absl::UnavailableError(text);
  }
}

KafkaPtr<rd_kafka_topic_partition_list_t> OnePartition(const std::string& topic, int64_t offset) {
  KafkaPtr<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = offset;
  return list;
}

}  // namespace purser
