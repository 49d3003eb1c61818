#include "broker/cluster/membership.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "broker/base/log.h"
#include "broker/events/record.h"

namespace purser {
namespace {

constexpr absl::Duration kBeatEvery = absl::Seconds(2);
constexpr absl::Duration kOpenAgainAfter = absl::Seconds(1);
constexpr size_t kReadAtOnce = 500;
constexpr size_t kReadBytes = 1 << 20;

}  // namespace

Membership::Membership(Options options)
    : options_(std::move(options)),
      nodes_(options_.node_id, options_.boot_id),
      live_({options_.node_id}) {
  if (options_.metrics != nullptr) {
    live_gauge_ = options_.metrics->GetGauge(
        "purser_live_nodes", "Nodes that could deliver now, by their heartbeats as read here.");
    live_gauge_->Set(options_.role == Role::kBystander ? 0 : 1);
  }
  if (options_.role == Role::kMember) OpenStream();
}

void Membership::OpenStream() {
  *opening_ = Opening::kUnderWay;
  options_.log->Open(StreamId::Heartbeats(),
                     [opening = opening_](const absl::StatusOr<Head>& head) {
                       *opening = head.ok() ? Opening::kOpen : Opening::kFailed;
                     });
}

void Membership::Leave() {
  if (left_.exchange(true) || options_.role != Role::kMember || !joined_) return;
  Beat(/*leaving=*/true);
}

void Membership::Beat(bool leaving) {
  event::v1::Heartbeat beat;
  beat.set_node_id(options_.node_id);
  beat.set_boot_id(options_.boot_id);
  beat.mutable_parts()->Add(options_.parts.begin(), options_.parts.end());
  beat.set_leaving(leaving);
  beat.set_version(options_.version);
  beat.set_reader(kReaderRevision);
  options_.log->AppendUnchained(StreamId::Heartbeats(), beat.SerializeAsString());
}

bool Membership::RunOnce() {
  if (options_.role != Role::kMember) return false;
  const absl::Duration now = options_.clock->SinceBoot();
  if (*opening_ != Opening::kOpen) {
    if (*opening_ == Opening::kFailed && now >= open_again_) {
      open_again_ = now + kOpenAgainAfter;
      OpenStream();
    }
    return false;
  }
  const bool heard = HearNew();
  if (!joined_ || left_ || now < next_beat_) return heard;
  next_beat_ = now + kBeatEvery;
  Beat(/*leaving=*/false);
  return true;
}

bool Membership::HearNew() {
  if (!news_.exchange(false)) return false;
  const auto records = options_.log->Read(StreamId::Heartbeats(), heard_, kReadAtOnce, kReadBytes);
  if (!records.ok() || records->empty()) return false;
  {
    MutexLock lock(&mutex_);
    for (const StoredRecord& record : *records) {
      event::v1::Heartbeat beat;
      if (beat.ParseFromString(record.bytes)) nodes_.Hear(beat);
      heard_ = record.position;
    }
  }
  news_ = true;  // There may be more.
  NoteLive();
  return true;
}

void Membership::NoteLive() {
  std::set<std::string> live;
  {
    MutexLock lock(&mutex_);
    live = nodes_.Live();
    if (live == live_) return;
    live_ = live;
    mine_.clear();
  }
  if (live_gauge_ != nullptr) live_gauge_->Set(static_cast<double>(live.size()));
  LogInfo("nodes that could deliver now", {{"nodes", absl::StrJoin(live, " ")}});
}

absl::StatusOr<std::vector<NodeInfo>> Membership::Nodes() const {
  if (options_.role == Role::kBystander) {
    return absl::FailedPreconditionError(
        "this node was started with --parts broker and hears no other: ask one that delivers");
  }
  std::vector<NodeInfo> nodes = {
      {options_.node_id, options_.version, kReaderRevision, options_.parts}};
  MutexLock lock(&mutex_);
  for (NodeInfo& other : nodes_.LiveOthers()) nodes.push_back(std::move(other));
  return nodes;
}

bool Membership::IsMine(const std::string& thing) const {
  if (options_.role != Role::kMember) return options_.role == Role::kAlone;
  if (left_) return false;
  MutexLock lock(&mutex_);
  if (!nodes_.heard_itself()) return false;
  const auto [it, first] = mine_.try_emplace(thing, false);
  if (first) it->second = RendezvousNode(thing, live_) == options_.node_id;
  return it->second;
}

bool Membership::MayTake(const std::string& thing, const Holder& holder) {
  if (!IsMine(thing)) return false;
  if (options_.role == Role::kAlone || holder.released || holder.boot_id.empty()) return true;
  if (holder.node_id == options_.node_id) return true;
  MutexLock lock(&mutex_);
  return nodes_.IsGone(holder.node_id, holder.boot_id);
}

}  // namespace purser
