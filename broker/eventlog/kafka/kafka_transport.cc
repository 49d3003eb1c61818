#include "broker/eventlog/kafka/kafka_transport.h"

#include <utility>

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr absl::Duration kWarmUp = absl::Seconds(3);
// A question for a stream's end that waited longer is asked no more: nobody waits for the answer.
constexpr absl::Duration kEndIsWorthAsking = absl::Seconds(1);

TopicKeeps KeepsOf(const StreamId& stream) {
  if (stream.chained()) return TopicKeeps::kEverything;
  return stream.kind() == StreamKind::kHeartbeats ? TopicKeeps::kHeartbeats
                                                  : TopicKeeps::kExchanges;
}

}  // namespace

KafkaTransport::Worker::Worker()
    : thread_([this] {
        while (!stopping_) work_.RunOnce(absl::Seconds(1));
      }) {}

KafkaTransport::Worker::~Worker() {
  stopping_ = true;
  work_.Wake();
  thread_.join();
}

KafkaTransport::KafkaTransport(const KafkaAddress& address) : address_(address) {}

KafkaTransport::~KafkaTransport() {
  ends_.reset();
  others_.reset();
}

std::function<void(std::function<void()>)> KafkaTransport::Poster() {
  return [inbox = inbox_](std::function<void()> work) { inbox->Post(std::move(work)); };
}

absl::StatusOr<std::unique_ptr<KafkaTransport>> KafkaTransport::Make(const KafkaAddress& address) {
  std::unique_ptr<KafkaTransport> made(new KafkaTransport(address));
  ASSIGN_OR_RETURN(made->queries_, KafkaQueries::Make(address));
  ASSIGN_OR_RETURN(auto producer, KafkaProducer::Make(address, made->Poster()));
  {
    MutexLock lock(&made->mutex_);
    made->producer_ = std::move(producer);
  }
  ASSIGN_OR_RETURN(made->consumer_, KafkaConsumer::Make(address, made->Poster()));
  made->ends_ = std::make_unique<Worker>();
  made->others_ = std::make_unique<Worker>();
  return made;
}

std::shared_ptr<KafkaProducer> KafkaTransport::Producer() {
  MutexLock lock(&mutex_);
  return producer_;
}

void KafkaTransport::ReplaceSpentProducer() {
  std::shared_ptr<KafkaProducer> spent = Producer();
  if (!spent->is_spent()) return;
  auto made = KafkaProducer::Make(address_, Poster());
  if (!made.ok()) {
    LogError("no new Kafka producer", {{"why", made.status().ToString()}});
    return;
  }
  LogWarning("the Kafka producer was made anew; what it had not reported is in doubt");
  {
    MutexLock lock(&mutex_);
    producer_ = *std::move(made);
  }
  // Ending the old one may take a while.
  others_->Post([spent = std::move(spent)]() mutable { spent.reset(); });
}

void KafkaTransport::Prepare(const StreamId& stream, bool create, PrepareDone done) {
  others_->Post([this, topic = address_.Topic(stream), create, keeps = KeepsOf(stream),
                 done = std::move(done)] {
    absl::Status prepared = queries_->PrepareTopic(topic, create, keeps);
    // The producer's broker may not have heard of it yet; that is no reason to call it gone.
    if (prepared.ok() && !Producer()->WarmUp(topic, kWarmUp).ok()) {
      prepared = absl::UnavailableError("the topic's leader is not known yet");
    }
    inbox_->Post([done, prepared] { done(prepared); });
  });
}

void KafkaTransport::Fetch(const StreamId& stream, int64_t from, FetchSink sink) {
  consumer_->Fetch(address_.Topic(stream), from, std::move(sink));
}

absl::Status KafkaTransport::Produce(const StreamId& stream, std::vector<std::string> records,
                                     ReportSink sink) {
  ReplaceSpentProducer();
  return Producer()->Produce(address_.Topic(stream), std::move(records), std::move(sink));
}

void KafkaTransport::QueryWatermarks(const StreamId& stream, WatermarksDone done) {
  const absl::Duration asked = SystemClock().SinceBoot();
  ends_->Post([this, topic = address_.Topic(stream), asked, done = std::move(done)] {
    if (SystemClock().SinceBoot() - asked > kEndIsWorthAsking) return;
    auto watermarks = queries_->GetWatermarks(topic);
    inbox_->Post([done, watermarks] { done(watermarks); });
  });
}

void KafkaTransport::ReadAt(const StreamId& stream, int64_t offset, ReadAtDone done) {
  others_->Post([this, topic = address_.Topic(stream), offset, done = std::move(done)] {
    auto found = queries_->ReadAt(topic, offset);
    inbox_->Post([done, found] { done(found); });
  });
}

bool KafkaTransport::RunOnce(absl::Duration max_wait) { return inbox_->RunOnce(max_wait); }

void KafkaTransport::SpendProducer() { Producer()->Spend(); }

}  // namespace purser
