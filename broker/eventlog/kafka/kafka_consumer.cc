#include "broker/eventlog/kafka/kafka_consumer.h"

#include <utility>

#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr int kPollMillis = 100;
// How long a topic's leader is waited for before it is read; found later it is read later.
constexpr int kLeaderMillis = 1000;
// What is handed on in one piece.
constexpr size_t kMaxBatchRecords = 2000;
constexpr size_t kMaxBatchBytes = 4 << 20;

}  // namespace

KafkaSettings ConsumerSettings(const KafkaAddress& address, const KafkaSettings& settings) {
  KafkaSettings all = address.ClientSettings();
  const KafkaSettings ours = {
      {"group.id", "purser-unused"},  // never joined; assign() wants a name
      {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},   {"check.crcs", "true"},
      {"enable.partition.eof", "true"}, {"fetch.error.backoff.ms", "50"}};
  all.insert(all.end(), ours.begin(), ours.end());
  all.insert(all.end(), settings.begin(), settings.end());
  return all;
}

KafkaConsumer::KafkaConsumer(KafkaAddress address, std::function<void(std::function<void()>)> post)
    : address_(std::move(address)), post_(std::move(post)) {}

absl::StatusOr<std::unique_ptr<KafkaConsumer>> KafkaConsumer::Make(
    const KafkaAddress& address, std::function<void(std::function<void()>)> post) {
  std::unique_ptr<KafkaConsumer> made(new KafkaConsumer(address, std::move(post)));
  RETURN_IF_ERROR(made->MakeHandle());
  made->thread_ = std::thread([consumer = made.get()] { consumer->Run(); });
  return made;
}

KafkaConsumer::~KafkaConsumer() {
  stopping_ = true;
  {
    MutexLock lock(&mutex_);
    if (queue_ != nullptr) rd_kafka_queue_yield(queue_.get());
  }
  if (thread_.joinable()) thread_.join();
  MutexLock lock(&mutex_);
  queue_.reset();
}

absl::Status KafkaConsumer::MakeHandle() {
  ASSIGN_OR_RETURN(
      KafkaPtr<rd_kafka_t> handle,
      MakeKafkaHandle(RD_KAFKA_CONSUMER,
                      ConsumerSettings(address_, {{"fetch.wait.max.ms", "500"},
                                                  {"queued.max.messages.kbytes", "65536"},
                                                  {"queued.min.messages", "1000000"}})));
  rd_kafka_poll_set_consumer(handle.get());
  {
    MutexLock lock(&mutex_);
    queue_ =
        std::shared_ptr<rd_kafka_queue_t>(rd_kafka_queue_get_consumer(handle.get()), KafkaDelete());
  }
  EndHandle();
  handle_ = std::move(handle);
  topics_ = std::make_unique<KafkaTopics>(handle_.get());
  return absl::OkStatus();
}

// One that hangs may take long to end; the others' reading goes on meanwhile.
void KafkaConsumer::EndHandle() {
  if (handle_ == nullptr) return;
  if (ending_ == nullptr) ending_ = std::make_unique<AskingThread>();
  ending_->Post([handle = std::shared_ptr<rd_kafka_t>(std::move(handle_)),
                 topics = std::shared_ptr<KafkaTopics>(std::move(topics_))]() mutable {
    topics.reset();
    handle.reset();
  });
}

void KafkaConsumer::Fetch(const std::string& topic, int64_t from, FetchSink sink) {
  Order({topic, from, std::make_shared<FetchSink>(std::move(sink))});
}

void KafkaConsumer::EndFetch(const std::string& topic) { Order({topic, 0, nullptr}); }

void KafkaConsumer::Order(Command command) {
  MutexLock lock(&mutex_);
  commands_.push_back(std::move(command));
  if (queue_ != nullptr) rd_kafka_queue_yield(queue_.get());
}

std::vector<KafkaConsumer::Command> KafkaConsumer::TakeCommands() {
  MutexLock lock(&mutex_);
  return std::exchange(commands_, {});
}

void KafkaConsumer::Run() {
  while (!stopping_) {
    for (const Command& command : TakeCommands()) Obey(command);
    Batches batches;
    Collect(&batches);
    HandOn(std::move(batches));
  }
}

void KafkaConsumer::Obey(const Command& command) {
  if (command.sink == nullptr) {
    fetching_.erase(command.topic);
    const KafkaPtr<rd_kafka_error_t> none(
        rd_kafka_incremental_unassign(handle_.get(), OnePartition(command.topic, 0).get()));
    return;
  }
  auto found = fetching_.find(command.topic);
  const bool hangs =
      found != fetching_.end() && !found->second.brought && found->second.next == command.from;
  fetching_[command.topic] = {command.from, false, command.sink};
  if (!hangs) return Assign(command.topic, command.from);
  LogWarning("the Kafka consumer brings nothing; made anew", {{"topic", command.topic}});
  if (!MakeHandle().ok()) return;
  for (const auto& [topic, fetching] : fetching_) Assign(topic, fetching.next);
}

void KafkaConsumer::Assign(const std::string& topic, int64_t from) {
  if (handle_ == nullptr) return;
  topics_->Ask(topic, kLeaderMillis).status().IgnoreError();
  // What is assigned is let go first: an assigned topic cannot be assigned at another place.
  KafkaPtr<rd_kafka_error_t> error(
      rd_kafka_incremental_unassign(handle_.get(), OnePartition(topic, from).get()));
  error.reset(rd_kafka_incremental_assign(handle_.get(), OnePartition(topic, from).get()));
  if (error != nullptr) {
    LogWarning("a topic cannot be read",
               {{"topic", topic}, {"why", rd_kafka_error_string(error.get())}});
  }
}

void KafkaConsumer::Collect(Batches* batches) {
  size_t bytes = 0;
  size_t taken = 0;
  int timeout = kPollMillis;
  while (taken < kMaxBatchRecords && bytes < kMaxBatchBytes && Take(timeout, batches, &bytes)) {
    timeout = 0;
    ++taken;
  }
}

bool KafkaConsumer::Take(int timeout_millis, Batches* batches, size_t* bytes) {
  const KafkaPtr<rd_kafka_message_t> message(rd_kafka_consumer_poll(handle_.get(), timeout_millis));
  if (message == nullptr) return false;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    OnTrouble(*message);
    return true;
  }
  auto found = fetching_.find(rd_kafka_topic_name(message->rkt));
  if (found == fetching_.end() || message->offset < found->second.next) return true;
  found->second.next = message->offset + 1;
  found->second.brought = true;
  (*batches)[found->first].push_back(
      {message->offset, std::string(static_cast<const char*>(message->payload), message->len)});
  *bytes += message->len;
  return true;
}

// All but "nothing is there" may pass, and is librdkafka's to retry; silence is found out by
// asking for the watermarks.
void KafkaConsumer::OnTrouble(const rd_kafka_message_t& message) {
  if (message.rkt == nullptr || message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return;
  const absl::Status status = KafkaStatus(message.err, "read");
  auto found = fetching_.find(rd_kafka_topic_name(message.rkt));
  if (!absl::IsOutOfRange(status) || found == fetching_.end()) return;
  found->second.brought = true;  // an answer, though not the one hoped for
  post_([sink = found->second.sink, status] { (*sink)(status); });
}

void KafkaConsumer::HandOn(Batches batches) {
  for (auto& [topic, records] : batches) {
    post_([sink = fetching_[topic].sink, records = std::move(records)]() mutable {
      (*sink)(std::move(records));
    });
  }
}

}  // namespace purser
