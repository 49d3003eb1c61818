// What a rebuild of a directory's read model from Kafka could cost at least: one consumer, and the
// same rows written in commits of a thousand records; no chain, no copy of the log, nobody served.
//
//   bare_rebuild kafka://HOST:PORT/PREFIX FILE
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "broker/eventlog/kafka/kafka_client.h"
#include "broker/eventlog/kafka/kafka_consumer.h"
#include "broker/events/record.h"
#include "broker/projections/directory_projection.h"

namespace purser {
namespace {

constexpr int kBatch = 1000;
constexpr int kPatienceMillis = 30'000;

absl::StatusOr<std::string> DirectoryTopic(rd_kafka_t* handle, const std::string& prefix) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(handle, 1, nullptr, &metadata, kPatienceMillis);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return KafkaStatus(error, "ask for the topics");
  const KafkaPtr<const rd_kafka_metadata_t> freed(metadata);
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    if (absl::StartsWith(metadata->topics[i].topic, prefix)) return metadata->topics[i].topic;
  }
  return absl::NotFoundError(absl::StrCat("no topic begins with ", prefix));
}

class Rebuild {
 public:
  Rebuild(rd_kafka_t* handle, DirectoryProjection* projection)
      : handle_(handle), projection_(projection) {}

  // All of `topic`, to where it ends now; the number of its records.
  absl::StatusOr<int64_t> Run(const std::string& topic) {
    int64_t first = 0, end = 0;
    const rd_kafka_resp_err_t asked =
        rd_kafka_query_watermark_offsets(handle_, topic.c_str(), 0, &first, &end, kPatienceMillis);
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return KafkaStatus(asked, "ask where it ends");
    const auto place = OnePartition(topic, first);
    if (const auto error = rd_kafka_assign(handle_, place.get())) {
      return KafkaStatus(error, "begin to read");
    }
    int64_t next = first;
    while (next < end) {
      RETURN_IF_ERROR(projection_->Begin());
      for (int n = 0; n < kBatch && next < end; ++n) {
        const KafkaPtr<rd_kafka_message_t> message(
            rd_kafka_consumer_poll(handle_, kPatienceMillis));
        if (message == nullptr) return absl::UnavailableError("the broker sends nothing");
        if (message->err != 0) return KafkaStatus(message->err, "read");
        RETURN_IF_ERROR(Apply(*message));
        next = message->offset + 1;
      }
      RETURN_IF_ERROR(projection_->Commit());
    }
    return end - first;
  }

 private:
  absl::Status Apply(const rd_kafka_message_t& message) {
    const Record record{std::string(static_cast<const char*>(message.payload), message.len)};
    ASSIGN_OR_RETURN(const event::v1::Envelope envelope, DecodeRecord(record.bytes));
    return projection_->Apply(record, envelope);
  }

  rd_kafka_t* const handle_;
  DirectoryProjection* const projection_;
};

absl::Status Run(const std::string& address_text, const std::string& file) {
  ASSIGN_OR_RETURN(const KafkaAddress address, KafkaAddress::Parse(address_text));
  const auto began = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(
      const auto handle,
      MakeKafkaHandle(RD_KAFKA_CONSUMER,
                      ConsumerSettings(address, {{"enable.partition.eof", "false"},
                                                 {"queued.min.messages", "1000000"}})));
  rd_kafka_poll_set_consumer(handle.get());
  const std::string prefix = address.Topic(StreamId::Directory(""));
  ASSIGN_OR_RETURN(const std::string topic, DirectoryTopic(handle.get(), prefix));
  const StreamId stream = StreamId::Directory(std::string(absl::StripPrefix(topic, prefix)));
  ASSIGN_OR_RETURN(const auto projection, DirectoryProjection::Open(file, stream));
  ASSIGN_OR_RETURN(const int64_t records, Rebuild(handle.get(), projection.get()).Run(topic));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("{\"records\": %lld, \"seconds\": %.3f}\n", static_cast<long long>(records),
              took.count());
  return absl::OkStatus();
}

}  // namespace
}  // namespace purser

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bare_rebuild kafka://HOST:PORT/PREFIX FILE\n");
    return 2;
  }
  const absl::Status done = purser::Run(argv[1], argv[2]);
  if (!done.ok()) std::fprintf(stderr, "bare_rebuild: %s\n", done.ToString().c_str());
  return done.ok() ? 0 : 1;
}
