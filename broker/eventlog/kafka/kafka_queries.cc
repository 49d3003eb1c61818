#include "broker/eventlog/kafka/kafka_queries.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/base/clock.h"
#include "broker/base/status.h"
#include "broker/eventlog/kafka/kafka_consumer.h"

namespace purser {
namespace {

constexpr int kTimeoutMillis = 3000;
constexpr int kEndTimeoutMillis = 1000;
constexpr absl::Duration kGoneAfter = absl::Seconds(3);

// Settings that a chained topic is created with and must have: it keeps every record.
const KafkaSettings& KeepEverything() {
  static const auto& settings = *new KafkaSettings{
      {"retention.ms", "-1"}, {"retention.bytes", "-1"}, {"cleanup.policy", "delete"}};
  return settings;
}

KafkaSettings SettingsOf(TopicKeeps keeps) {
  if (keeps == TopicKeeps::kEverything) {
    KafkaSettings settings = KeepEverything();
    settings.emplace_back("unclean.leader.election.enable", "false");
    return settings;
  }
  const absl::Duration kept = keeps == TopicKeeps::kHeartbeats ? absl::Hours(1) : absl::Hours(720);
  return {{"retention.ms", absl::StrCat(absl::ToInt64Milliseconds(kept))},
          {"cleanup.policy", "delete"}};
}

// The result of an admin request, or Unavailable.
absl::StatusOr<KafkaPtr<rd_kafka_event_t>> Await(rd_kafka_queue_t* queue, const std::string& what) {
  KafkaPtr<rd_kafka_event_t> event(rd_kafka_queue_poll(queue, 2 * kTimeoutMillis));
  if (event == nullptr) return absl::UnavailableError(absl::StrCat(what, ": no answer"));
  RETURN_IF_ERROR(KafkaStatus(rd_kafka_event_error(event.get()), what));
  return event;
}

KafkaPtr<rd_kafka_AdminOptions_t> Options(rd_kafka_t* handle, rd_kafka_admin_op_t operation) {
  KafkaPtr<rd_kafka_AdminOptions_t> options(rd_kafka_AdminOptions_new(handle, operation));
  char why[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMillis, why, sizeof(why));
  return options;
}

absl::Status CheckSetting(const std::string& topic, const std::string& name,
                          const std::string& want, const rd_kafka_ConfigResource_t* resource) {
  size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resource, &count);
  for (size_t i = 0; i < count; ++i) {
    if (rd_kafka_ConfigEntry_name(entries[i]) != name) continue;
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value != nullptr && value == want) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "topic ", topic, " would lose records: it has ", name, "=", value == nullptr ? "" : value,
        ", and needs ", name, "=", want, "; kafka-configs --alter sets it"));
  }
  return absl::OkStatus();
}

}  // namespace

KafkaQueries::KafkaQueries(KafkaPtr<rd_kafka_t> handle)
    : handle_(std::move(handle)), topics_(handle_.get()) {}

absl::StatusOr<std::unique_ptr<KafkaQueries>> KafkaQueries::Make(const KafkaAddress& address) {
  ASSIGN_OR_RETURN(KafkaPtr<rd_kafka_t> handle,
                   MakeKafkaHandle(RD_KAFKA_CONSUMER,
                                   ConsumerSettings(address, {{"fetch.wait.max.ms", "100"},
                                                              {"queued.min.messages", "1"}})));
  rd_kafka_poll_set_consumer(handle.get());
  return std::unique_ptr<KafkaQueries>(new KafkaQueries(std::move(handle)));
}

absl::StatusOr<int> KafkaQueries::CountPartitions(const std::string& topic, int timeout_millis) {
  ASSIGN_OR_RETURN(const auto metadata, topics_.Ask(topic, timeout_millis));
  if (metadata->topic_cnt != 1) return absl::NotFoundError(absl::StrCat("no topic ", topic));
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  RETURN_IF_ERROR(KafkaStatus(found.err, absl::StrCat("look for topic ", topic)));
  if (found.partition_cnt == 0) return absl::NotFoundError(absl::StrCat("no topic ", topic));
  if (found.partition_cnt == 1 && found.partitions[0].leader < 0) {
    return absl::UnavailableError(absl::StrCat("topic ", topic, " has no leader"));
  }
  return found.partition_cnt;
}

absl::Status KafkaQueries::CreateTopic(const std::string& topic, TopicKeeps keeps) {
  char why[256];
  // -1: the cluster's default replication.
  const KafkaPtr<rd_kafka_NewTopic_t> wanted(
      rd_kafka_NewTopic_new(topic.c_str(), 1, -1, why, sizeof(why)));
  if (wanted == nullptr) return absl::InvalidArgumentError(absl::StrCat("create topic: ", why));
  for (const auto& [name, value] : SettingsOf(keeps)) {
    rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  }
  const KafkaPtr<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle_.get()));
  rd_kafka_NewTopic_t* topics[] = {wanted.get()};
  rd_kafka_CreateTopics(handle_.get(), topics, 1,
                        Options(handle_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS).get(), queue.get());
  ASSIGN_OR_RETURN(const auto event, Await(queue.get(), absl::StrCat("create topic ", topic)));
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count != 1) return absl::UnavailableError("create topic: no result");
  const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[0]);
  if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return absl::OkStatus();
  return KafkaStatus(error, absl::StrCat("create topic ", topic));
}

absl::Status KafkaQueries::CheckSettings(const std::string& topic) {
  const KafkaPtr<rd_kafka_ConfigResource_t> asked(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const KafkaPtr<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle_.get()));
  rd_kafka_ConfigResource_t* resources[] = {asked.get()};
  rd_kafka_DescribeConfigs(handle_.get(), resources, 1,
                           Options(handle_.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS).get(),
                           queue.get());
  ASSIGN_OR_RETURN(const auto event, Await(queue.get(), absl::StrCat("settings of ", topic)));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** found = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1) return absl::UnavailableError("settings of a topic: no result");
  RETURN_IF_ERROR(KafkaStatus(rd_kafka_ConfigResource_error(found[0]),
                              absl::StrCat("settings of topic ", topic)));
  for (const auto& [name, value] : KeepEverything()) {
    RETURN_IF_ERROR(CheckSetting(topic, name, value, found[0]));
  }
  return absl::OkStatus();
}

absl::Status KafkaQueries::Confirm(const std::string& topic, const absl::Status& answer) {
  MutexLock lock(&mutex_);
  if (answer.ok()) missing_.erase(topic);
  if (!absl::IsNotFound(answer)) return answer;
  const absl::Duration now = SystemClock().SinceBoot();
  const absl::Duration since = missing_.emplace(topic, now).first->second;
  if (now - since >= kGoneAfter) return answer;
  return absl::UnavailableError(absl::StrCat("topic ", topic, " is not known to the broker asked"));
}

absl::Status KafkaQueries::PrepareTopic(const std::string& topic, bool create, TopicKeeps keeps) {
  return Confirm(topic, Prepare(topic, create, keeps));
}

absl::StatusOr<Watermarks> KafkaQueries::GetWatermarks(const std::string& topic) {
  auto watermarks = AskWatermarks(topic);
  RETURN_IF_ERROR(Confirm(topic, watermarks.status()));
  return watermarks;
}

absl::StatusOr<CarriedRecord> KafkaQueries::ReadAt(const std::string& topic, int64_t offset) {
  auto record = AskRecord(topic, offset);
  RETURN_IF_ERROR(Confirm(topic, record.status()));
  return record;
}

absl::Status KafkaQueries::Prepare(const std::string& topic, bool create, TopicKeeps keeps) {
  absl::StatusOr<int> partitions = CountPartitions(topic, kTimeoutMillis);
  if (absl::IsNotFound(partitions.status()) && create) {
    RETURN_IF_ERROR(CreateTopic(topic, keeps));
    partitions = CountPartitions(topic, kTimeoutMillis);
    // A broker may hear of its own topic a little later.
    if (absl::IsNotFound(partitions.status())) return absl::UnavailableError("being created");
  }
  RETURN_IF_ERROR(partitions.status());
  if (*partitions != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("topic ", topic, " has ", *partitions, " partitions, and needs one"));
  }
  return keeps == TopicKeeps::kEverything ? CheckSettings(topic) : absl::OkStatus();
}

// rd_kafka_query_watermark_offsets() of librdkafka 2.0.2 knows no time-out, and hangs for good
// where the leader dies while it is asked. This question ends in time.
absl::StatusOr<int64_t> KafkaQueries::AskOffset(const std::string& topic, int64_t which) {
  const std::string what = absl::StrCat("end of topic ", topic);
  const auto asked = OnePartition(topic, which);
  RETURN_IF_ERROR(
      KafkaStatus(rd_kafka_offsets_for_times(handle_.get(), asked.get(), kEndTimeoutMillis), what));
  const rd_kafka_topic_partition_t& answer = asked->elems[0];
  RETURN_IF_ERROR(KafkaStatus(answer.err, what));
  if (answer.offset < 0) return absl::UnavailableError(absl::StrCat(what, ": no answer"));
  return answer.offset;
}

absl::StatusOr<Watermarks> KafkaQueries::AskWatermarks(const std::string& topic) {
  RETURN_IF_ERROR(CountPartitions(topic, kEndTimeoutMillis).status());
  Watermarks watermarks;
  ASSIGN_OR_RETURN(watermarks.high, AskOffset(topic, RD_KAFKA_OFFSET_END));
  ASSIGN_OR_RETURN(watermarks.low, AskOffset(topic, RD_KAFKA_OFFSET_BEGINNING));
  return watermarks;
}

absl::StatusOr<CarriedRecord> KafkaQueries::AskRecord(const std::string& topic, int64_t offset) {
  RETURN_IF_ERROR(CountPartitions(topic, kTimeoutMillis).status());
  rd_kafka_assign(handle_.get(), OnePartition(topic, offset).get());
  absl::StatusOr<CarriedRecord> found = absl::UnavailableError("read a record again: no answer");
  const absl::Time deadline = absl::Now() + absl::Milliseconds(kTimeoutMillis);
  while (absl::IsUnavailable(found.status()) && absl::Now() < deadline) {
    const KafkaPtr<rd_kafka_message_t> message(rd_kafka_consumer_poll(handle_.get(), 100));
    if (message == nullptr) continue;
    // An answer to an earlier question is none.
    if (message->rkt == nullptr || rd_kafka_topic_name(message->rkt) != topic) continue;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      found = KafkaStatus(message->err, "read a record again");
    } else if (message->offset == offset) {
      found = CarriedRecord{offset,
                            std::string(static_cast<const char*>(message->payload), message->len)};
    } else if (message->offset > offset) {
      found = absl::OutOfRangeError("the record is gone");
    }
  }
  rd_kafka_assign(handle_.get(), nullptr);
  return found;
}

}  // namespace purser
