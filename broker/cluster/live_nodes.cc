#include "broker/cluster/live_nodes.h"

#include <algorithm>
#include <utility>

#include "broker/crypto/sha256.h"
#include "broker/events/record.h"

namespace purser {

LiveNodes::LiveNodes(std::string node_id, std::string boot_id)
    : node_id_(std::move(node_id)), boot_id_(std::move(boot_id)) {}

void LiveNodes::Hear(const event::v1::Heartbeat& beat) {
  if (beat.node_id() == node_id_) {
    if (beat.boot_id() == boot_id_) ++own_beats_;
    return;
  }
  Node& node = others_[beat.node_id()];
  // What an earlier life had sent may arrive late; even after the first of a later one, which is
  // taken for the earlier of the two then, until nothing is heard of the other any more.
  if (node.earlier_boots.contains(beat.boot_id()) && !IsSilentSince(node.heard_at)) return;
  node.earlier_boots.erase(beat.boot_id());
  if (!node.boot_id.empty() && node.boot_id != beat.boot_id()) {
    node.earlier_boots.insert(node.boot_id);
  }
  node.boot_id = beat.boot_id();
  node.heard_at = own_beats_;
  node.leaving = beat.leaving();
  node.info = {beat.node_id(),
               beat.version(),
               std::max<uint32_t>(beat.reader(), kFirstReader),
               {beat.parts().begin(), beat.parts().end()}};
  awaited_.erase(beat.boot_id());
}

std::set<std::string> LiveNodes::Live() const {
  std::set<std::string> live = {node_id_};
  for (const auto& [id, node] : others_) {
    if (IsLive(node)) live.insert(id);
  }
  return live;
}

std::vector<NodeInfo> LiveNodes::LiveOthers() const {
  std::vector<NodeInfo> infos;
  for (const auto& [id, node] : others_) {
    if (IsLive(node)) infos.push_back(node.info);
  }
  return infos;
}

bool LiveNodes::IsGone(const std::string& node_id, const std::string& boot_id) {
  if (node_id == node_id_) return boot_id != boot_id_;
  if (const auto it = others_.find(node_id); it != others_.end()) {
    if (it->second.earlier_boots.contains(boot_id)) return true;
    if (it->second.boot_id == boot_id) return IsSilentSince(it->second.heard_at);
  }
  return IsSilentSince(awaited_.try_emplace(boot_id, own_beats_).first->second);
}

std::string RendezvousNode(absl::string_view thing, const std::set<std::string>& nodes) {
  std::string chosen;
  Sha256Hash highest = {};
  for (const std::string& node : nodes) {
    const Sha256Hash hash = Sha256({thing, "\n", node});
    if (!chosen.empty() && hash < highest) continue;
    chosen = node;
    highest = hash;
  }
  return chosen;
}

}  // namespace purser
