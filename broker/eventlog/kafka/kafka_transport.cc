#include "broker/eventlog/kafka/kafka_transport.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr absl::Duration kWarmUp = absl::Seconds(3);
// A question for a stream's end that waited longer is asked no more: nobody waits for the answer.
constexpr absl::Duration kEndIsWorthAsking = absl::Seconds(1);
constexpr absl::Duration kWatchEvery = absl::Seconds(1);

TopicKeeps KeepsOf(const StreamId& stream) {
  if (stream.chained()) return TopicKeeps::kEverything;
  return stream.kind() == StreamKind::kHeartbeats ? TopicKeeps::kHeartbeats
                                                  : TopicKeeps::kExchanges;
}

const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& answer) {
  return answer.status();
}

// Asks, and notes whether there was an answer, whatever it said.
template <typename Ask>
auto Watched(KafkaQueries& queries, const Ask& ask) {
  queries.watch().Begin(SystemClock().SinceBoot());
  auto answer = ask();
  queries.watch().End(SystemClock().SinceBoot(), !absl::IsUnavailable(StatusOf(answer)));
  return answer;
}

}  // namespace

KafkaTransport::KafkaTransport(const KafkaAddress& address) : address_(address) {}

KafkaTransport::~KafkaTransport() {
  ends_.reset();
  others_.reset();
  ending_.reset();
}

std::function<void(std::function<void()>)> KafkaTransport::Poster() {
  return [inbox = inbox_](std::function<void()> work) { inbox->Post(std::move(work)); };
}

absl::StatusOr<std::unique_ptr<KafkaTransport>> KafkaTransport::Make(const KafkaAddress& address) {
  std::unique_ptr<KafkaTransport> made(new KafkaTransport(address));
  ASSIGN_OR_RETURN(auto queries, KafkaQueries::Make(address));
  ASSIGN_OR_RETURN(auto producer, KafkaProducer::Make(address, made->Poster()));
  {
    MutexLock lock(&made->handles_->mutex);
    made->handles_->producer = std::move(producer);
    made->handles_->queries = std::move(queries);
  }
  ASSIGN_OR_RETURN(made->consumer_, KafkaConsumer::Make(address, made->Poster()));
  made->ending_ = std::make_unique<AskingThread>();
  made->ends_ = std::make_unique<AskingThread>();
  made->others_ = std::make_unique<AskingThread>();
  return made;
}

std::shared_ptr<KafkaProducer> KafkaTransport::Handles::Producer() {
  MutexLock lock(&mutex);
  return producer;
}

std::shared_ptr<KafkaQueries> KafkaTransport::Handles::Queries() {
  MutexLock lock(&mutex);
  return queries;
}

absl::Status KafkaTransport::Handles::Refusal(const absl::Status& status) {
  if (!absl::IsUnavailable(status)) answered = true;
  const std::string settings = Producer()->refused();
  if (answered || settings.empty()) return status;
  return absl::PermissionDeniedError(
      absl::StrCat("the brokers do not let this node in; settings at fault: ", settings));
}

void KafkaTransport::WatchHandles() {
  const absl::Duration now = SystemClock().SinceBoot();
  if (now < watch_at_) return;
  watch_at_ = now + kWatchEvery;
  ReplaceSpentProducer();
  if (handles_->Queries()->watch().IsStuck(now)) ReplaceSilentQueries();
}

void KafkaTransport::ReplaceSpentProducer() {
  std::shared_ptr<KafkaProducer> spent = handles_->Producer();
  if (!spent->is_spent()) return;
  auto made = KafkaProducer::Make(address_, Poster());
  if (!made.ok()) {
    LogError("no new Kafka producer", {{"why", made.status().ToString()}});
    return;
  }
  LogWarning("the Kafka producer was made anew; what it had not reported is in doubt");
  {
    MutexLock lock(&handles_->mutex);
    handles_->producer = *std::move(made);
  }
  ending_->Post([spent = std::move(spent)]() mutable { spent.reset(); });
}

void KafkaTransport::ReplaceSilentQueries() {
  auto made = KafkaQueries::Make(address_);
  if (!made.ok()) {
    LogError("no new Kafka client for questions", {{"why", made.status().ToString()}});
    return;
  }
  LogWarning("no question to Kafka was answered for a while; its client is made anew");
  std::shared_ptr<KafkaQueries> silent = handles_->Queries();
  {
    MutexLock lock(&handles_->mutex);
    handles_->queries = *std::move(made);
  }
  ending_->Post([silent = std::move(silent)]() mutable { silent.reset(); });
  // It may hang in a question. Nobody waits for an answer that old.
  ends_->Abandon();
  ends_ = std::make_unique<AskingThread>();
}

void KafkaTransport::Prepare(const StreamId& stream, bool create, PrepareDone done) {
  others_->Post([handles = handles_, inbox = inbox_, topic = address_.Topic(stream), create,
                 keeps = KeepsOf(stream), done = std::move(done)] {
    const auto queries = handles->Queries();
    absl::Status prepared =
        Watched(*queries, [&] { return queries->PrepareTopic(topic, create, keeps); });
    prepared = handles->Refusal(prepared);
    // The producer's broker may not have heard of it yet; that is no reason to call it gone.
    if (prepared.ok() && !handles->Producer()->WarmUp(topic, kWarmUp).ok()) {
      prepared = absl::UnavailableError("the topic's leader is not known yet");
    }
    inbox->Post([done, prepared] { done(prepared); });
  });
}

void KafkaTransport::Fetch(const StreamId& stream, int64_t from, FetchSink sink) {
  consumer_->Fetch(address_.Topic(stream), from, std::move(sink));
}

void KafkaTransport::EndFetch(const StreamId& stream) {
  consumer_->EndFetch(address_.Topic(stream));
}

absl::Status KafkaTransport::Produce(const StreamId& stream, std::vector<std::string> records,
                                     ReportSink sink) {
  ReplaceSpentProducer();
  return handles_->Producer()->Produce(address_.Topic(stream), std::move(records), std::move(sink));
}

void KafkaTransport::QueryWatermarks(const StreamId& stream, WatermarksDone done) {
  const absl::Duration asked = SystemClock().SinceBoot();
  ends_->Post([handles = handles_, inbox = inbox_, topic = address_.Topic(stream), asked,
               done = std::move(done)] {
    if (SystemClock().SinceBoot() - asked > kEndIsWorthAsking) return;
    const auto queries = handles->Queries();
    auto watermarks = Watched(*queries, [&] { return queries->GetWatermarks(topic); });
    inbox->Post([done, watermarks] { done(watermarks); });
  });
}

void KafkaTransport::ReadAt(const StreamId& stream, int64_t offset, ReadAtDone done) {
  others_->Post([handles = handles_, inbox = inbox_, topic = address_.Topic(stream), offset,
                 done = std::move(done)] {
    const auto queries = handles->Queries();
    auto found = Watched(*queries, [&] { return queries->ReadAt(topic, offset); });
    inbox->Post([done, found] { done(found); });
  });
}

bool KafkaTransport::RunOnce(absl::Duration max_wait) {
  WatchHandles();
  return inbox_->RunOnce(max_wait);
}

void KafkaTransport::SpendProducer() { handles_->Producer()->Spend(); }

}  // namespace purser
