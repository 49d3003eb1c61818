#include "broker/eventlog/kafka/kafka_producer.h"

#include <utility>

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr int kMaxQueued = 100'000;
constexpr size_t kMaxRecordBytes = 950'000;  // below message.max.bytes with its own overhead
constexpr int kPollMillis = 100;

KafkaSettings Settings(const KafkaAddress& address) {
  KafkaSettings all = address.ClientSettings();
  const KafkaSettings ours = {{"enable.idempotence", "true"},
                              {"linger.ms", "0"},
                              {"socket.nagle.disable", "true"},
                              {"message.timeout.ms", "30000"},
                              {"compression.codec", "lz4"},
                              {"queue.buffering.max.messages", std::to_string(kMaxQueued)},
                              {"queue.buffering.max.kbytes", "131072"}};
  all.insert(all.end(), ours.begin(), ours.end());
  return all;
}

}  // namespace

// What a record's report needs; owned by librdkafka's message until then.
struct KafkaProducer::Sent {
  std::shared_ptr<ReportSink> sink;
  size_t index = 0;
};

KafkaProducer::KafkaProducer(std::function<void(std::function<void()>)> post)
    : post_(std::move(post)) {}

absl::StatusOr<std::unique_ptr<KafkaProducer>> KafkaProducer::Make(
    const KafkaAddress& address, std::function<void(std::function<void()>)> post) {
  std::unique_ptr<KafkaProducer> made(new KafkaProducer(std::move(post)));
  ASSIGN_OR_RETURN(made->handle_, MakeKafkaHandle(RD_KAFKA_PRODUCER, Settings(address), OnDelivered,
                                                  OnTrouble, made.get()));
  made->topics_ = std::make_unique<KafkaTopics>(made->handle_.get());
  made->poller_ = std::thread([producer = made.get()] { producer->Poll(); });
  return made;
}

KafkaProducer::~KafkaProducer() {
  stopping_ = true;
  if (poller_.joinable()) poller_.join();
  if (handle_ == nullptr) return;
  rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  // Reports what was purged, so that nobody waits for it.
  rd_kafka_poll(handle_.get(), 0);
}

bool KafkaProducer::is_spent() const {
  return spent_ || reports_.IsStuck(SystemClock().SinceBoot());
}

void KafkaProducer::Poll() {
  while (!stopping_) {
    rd_kafka_poll(handle_.get(), kPollMillis);
    char why[512];
    if (rd_kafka_fatal_error(handle_.get(), why, sizeof(why)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      continue;
    }
    if (!spent_.exchange(true)) LogError("the Kafka producer is spent", {{"why", why}});
    rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  }
}

void KafkaProducer::OnTrouble(rd_kafka_t*, int error, const char* reason, void* self) {
  std::string settings = TellKafkaTrouble(error, reason);
  if (settings.empty()) return;
  auto* producer = static_cast<KafkaProducer*>(self);
  MutexLock lock(&producer->mutex_);
  producer->refused_ = std::move(settings);
}

std::string KafkaProducer::refused() const {
  MutexLock lock(&mutex_);
  return refused_;
}

void KafkaProducer::OnDelivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  auto* producer = static_cast<KafkaProducer*>(self);
  std::unique_ptr<Sent> sent(static_cast<Sent*>(message->_private));
  if (message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) producer->spent_ = true;
  producer->reports_.End(SystemClock().SinceBoot());
  ProduceReport report{.status = KafkaStatus(message->err, "append"), .offset = message->offset};
  producer->post_([sink = sent->sink, index = sent->index, report] { (*sink)(index, report); });
}

absl::Status KafkaProducer::Produce(const std::string& topic, std::vector<std::string> records,
                                    ReportSink sink) {
  for (const std::string& record : records) {
    if (record.size() > kMaxRecordBytes) return absl::InvalidArgumentError("a record is too large");
  }
  if (rd_kafka_outq_len(handle_.get()) + static_cast<int>(records.size()) > kMaxQueued) {
    return absl::ResourceExhaustedError("the queue to the log is full");
  }
  auto shared = std::make_shared<ReportSink>(std::move(sink));
  rd_kafka_topic_t* handle = topics_->Get(topic);
  for (size_t i = 0; i < records.size(); ++i) {
    auto sent = std::make_unique<Sent>(Sent{shared, i});
    reports_.Begin(SystemClock().SinceBoot());
    if (rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, records[i].data(), records[i].size(),
                         nullptr, 0, sent.get()) == 0) {
      sent.release();
      continue;
    }
    const absl::Status refused = KafkaStatus(rd_kafka_last_error(), "append");
    reports_.End(SystemClock().SinceBoot(), /*progress=*/false);
    if (i == 0 && absl::IsResourceExhausted(refused)) return refused;
    post_([shared, i, refused] { (*shared)(i, {.status = refused}); });
    break;  // what follows chains on it
  }
  return absl::OkStatus();
}

absl::Status KafkaProducer::WarmUp(const std::string& topic, absl::Duration timeout) {
  return topics_->Ask(topic, static_cast<int>(absl::ToInt64Milliseconds(timeout))).status();
}

void KafkaProducer::Spend() {
  rd_kafka_test_fatal_error(handle_.get(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                            "asked for by a test");
}

}  // namespace purser
