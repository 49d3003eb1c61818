#include "broker/eventlog/memory/memory_cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace purser {
namespace {

absl::Status NoTopic(const StreamId& stream) {
  return absl::NotFoundError(absl::StrCat("no topic of stream ", stream.ToString()));
}

}  // namespace

void TimedQueue::Post(absl::Duration at, std::function<void()> work) {
  MutexLock lock(&mutex_);
  events_.push({at, next_number_++, std::make_shared<std::function<void()>>(std::move(work))});
  changed_.NotifyAll();
}

bool TimedQueue::RunDue(absl::Duration now) {
  bool ran = false;
  while (true) {
    std::shared_ptr<std::function<void()>> work;
    {
      MutexLock lock(&mutex_);
      if (events_.empty() || events_.top().at > now) return ran;
      work = events_.top().work;
      events_.pop();
    }
    (*work)();
    ran = true;
  }
}

void TimedQueue::Wait(absl::Duration at_most) {
  MutexLock lock(&mutex_);
  if (!woken_ && at_most > absl::ZeroDuration()) changed_.WaitFor(&mutex_, at_most);
  woken_ = false;
}

void TimedQueue::Wake() {
  MutexLock lock(&mutex_);
  woken_ = true;
  changed_.NotifyAll();
}

absl::Duration TimedQueue::next_due() const {
  MutexLock lock(&mutex_);
  return events_.empty() ? absl::InfiniteDuration() : events_.top().at;
}

bool MemoryCluster::Create(const StreamId& stream) {
  MutexLock lock(&mutex_);
  return topics_.try_emplace(stream).second;
}

bool MemoryCluster::Exists(const StreamId& stream) const {
  MutexLock lock(&mutex_);
  return topics_.contains(stream);
}

absl::StatusOr<int64_t> MemoryCluster::Append(const StreamId& stream,
                                              const std::vector<std::string>& records) {
  int64_t first = 0;
  std::vector<std::shared_ptr<AppendedFn>> watchers;
  {
    MutexLock lock(&mutex_);
    auto topic = topics_.find(stream);
    if (topic == topics_.end()) return NoTopic(stream);
    first = static_cast<int64_t>(topic->second.records.size());
    auto& all = topic->second.records;
    all.insert(all.end(), records.begin(), records.end());
    for (const auto& watcher : watchers_) {
      if (auto alive = watcher.lock()) watchers.push_back(std::move(alive));
    }
  }
  for (const auto& watcher : watchers) (*watcher)(stream);
  return first;
}

absl::StatusOr<Watermarks> MemoryCluster::GetWatermarks(const StreamId& stream) const {
  MutexLock lock(&mutex_);
  auto topic = topics_.find(stream);
  if (topic == topics_.end()) return NoTopic(stream);
  return Watermarks{topic->second.low, static_cast<int64_t>(topic->second.records.size())};
}

absl::StatusOr<std::vector<CarriedRecord>> MemoryCluster::Read(const StreamId& stream, int64_t from,
                                                               size_t max) const {
  MutexLock lock(&mutex_);
  auto topic = topics_.find(stream);
  if (topic == topics_.end()) return NoTopic(stream);
  const int64_t end = static_cast<int64_t>(topic->second.records.size());
  if (from < topic->second.low || from > end) return absl::OutOfRangeError("no such offset");
  std::vector<CarriedRecord> read;
  for (int64_t at = from; at < end && read.size() < max; ++at) {
    read.push_back({at, topic->second.records[static_cast<size_t>(at)]});
  }
  return read;
}

void MemoryCluster::Truncate(const StreamId& stream, int64_t end) {
  MutexLock lock(&mutex_);
  std::vector<std::string>& records = topics_[stream].records;
  records.resize(std::min(records.size(), static_cast<size_t>(end)));
}

void MemoryCluster::DeleteBefore(const StreamId& stream, int64_t low) {
  MutexLock lock(&mutex_);
  topics_[stream].low = low;
}

void MemoryCluster::Delete(const StreamId& stream) {
  MutexLock lock(&mutex_);
  topics_.erase(stream);
}

void MemoryCluster::Recreate(const StreamId& stream) {
  MutexLock lock(&mutex_);
  topics_[stream] = Topic();
}

std::vector<std::string> MemoryCluster::Records(const StreamId& stream) const {
  MutexLock lock(&mutex_);
  auto topic = topics_.find(stream);
  return topic == topics_.end() ? std::vector<std::string>() : topic->second.records;
}

std::shared_ptr<MemoryCluster::AppendedFn> MemoryCluster::Watch(AppendedFn appended) {
  auto token = std::make_shared<AppendedFn>(std::move(appended));
  MutexLock lock(&mutex_);
  watchers_.erase(std::remove_if(watchers_.begin(), watchers_.end(),
                                 [](const auto& watcher) { return watcher.expired(); }),
                  watchers_.end());
  watchers_.push_back(token);
  return token;
}

}  // namespace purser
