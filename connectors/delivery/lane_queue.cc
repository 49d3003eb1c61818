#include "connectors/delivery/lane_queue.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace purser::delivery {

LaneRun& LaneQueue::Run(const std::string& id, event::v1::ResourceType type) {
  std::unique_ptr<LaneRun>& run = runs_[id];
  if (run == nullptr) {
    run = std::make_unique<LaneRun>();
    run->type = type;
  }
  return *run;
}

LaneRun* LaneQueue::Find(const std::string& id) {
  const auto it = runs_.find(id);
  return it == runs_.end() ? nullptr : it->second.get();
}

void LaneQueue::Wake(const std::string& id, bool urgent) {
  LaneRun* run = Find(id);
  if (run == nullptr) return;
  run->changed = true;
  const bool overtakes = urgent && !run->urgent;
  run->urgent |= urgent;
  if (run->busy) return;
  run->rests_until.reset();
  if (!run->queued) {
    Enqueue(id, run, &ready_);
  } else if (overtakes) {
    urgent_.push_back(id);
  }
}

void LaneQueue::Enqueue(const std::string& id, LaneRun* run, std::deque<std::string>* queue) {
  if (run->queued) return;
  run->queued = true;
  ++pending_;
  (run->urgent ? &urgent_ : queue)->push_back(id);
}

void LaneQueue::Rest(const std::string& id, absl::Duration until) {
  LaneRun* run = Find(id);
  if (run == nullptr) return;
  run->rests_until = until;
  resting_.emplace(until, id);
}

void LaneQueue::EndRests(absl::Duration now) {
  while (!resting_.empty() && resting_.begin()->first <= now) {
    const std::string id = resting_.begin()->second;
    const absl::Duration until = resting_.begin()->first;
    resting_.erase(resting_.begin());
    LaneRun* run = Find(id);
    if (run == nullptr || run->busy || run->rests_until != until) continue;
    run->rests_until.reset();
    Enqueue(id, run, &ready_);
  }
}

std::optional<std::string> LaneQueue::Take() {
  if (std::optional<std::string> id = TakeFrom(&urgent_)) return id;
  std::deque<std::string>* first = again_next_ ? &again_ : &ready_;
  std::deque<std::string>* second = again_next_ ? &ready_ : &again_;
  again_next_ = !again_next_;
  if (std::optional<std::string> id = TakeFrom(first)) return id;
  return TakeFrom(second);
}

std::optional<std::string> LaneQueue::TakeFrom(std::deque<std::string>* queue) {
  while (!queue->empty()) {
    std::string id = std::move(queue->front());
    queue->pop_front();
    LaneRun* run = Find(id);
    if (run == nullptr || !run->queued) continue;
    run->queued = run->changed = run->urgent = run->waits = false;
    run->busy = true;
    if (run->taken == 0 || (run->since != 0 && run->since < run->taken)) run->taken = run->since;
    run->since = 0;
    --pending_;
    ++busy_;
    return id;
  }
  return std::nullopt;
}

bool LaneQueue::Hold(const std::string& id, event::v1::ResourceType type) {
  LaneRun& run = Run(id, type);
  if (run.busy) return false;
  run.changed |= run.queued || run.rests_until.has_value();
  if (run.queued) --pending_;
  run.queued = false;
  run.rests_until.reset();
  run.busy = true;
  ++busy_;
  return true;
}

void LaneQueue::Release(const std::string& id) {
  LaneRun* run = Find(id);
  if (run == nullptr) return;
  if (run->busy) --busy_;
  run->busy = false;
  if (run->changed) {
    run->rests_until.reset();
    Enqueue(id, run, &again_);
  } else if (!run->rests_until) {
    runs_.erase(id);
  }
}

absl::Duration LaneQueue::NextRest() const {
  return resting_.empty() ? absl::InfiniteDuration() : resting_.begin()->first;
}

StreamPosition LaneQueue::OldestUnsettled(StreamPosition otherwise) const {
  StreamPosition oldest = otherwise;
  for (const auto& [id, run] : runs_) {
    if (run->since != 0) oldest = std::min(oldest, run->since);
    if (run->taken != 0) oldest = std::min(oldest, run->taken);
  }
  return oldest;
}

std::optional<absl::Duration> LaneQueue::OldestWait() const {
  std::optional<absl::Duration> oldest;
  for (const auto& [id, run] : runs_) {
    if (Waits(*run) || run->waiting_since == absl::InfiniteDuration()) continue;
    if (!oldest || run->waiting_since < *oldest) oldest = run->waiting_since;
  }
  return oldest;
}

size_t LaneQueue::Backlog() const {
  return static_cast<size_t>(std::count_if(runs_.begin(), runs_.end(),
                                           [](const auto& run) { return !Waits(*run.second); }));
}

}  // namespace purser::delivery
