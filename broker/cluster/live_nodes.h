// Which nodes could deliver now, as one of them reads it from the stream of heartbeats, and which
// of them is to do what.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "purser/event/v1/heartbeat.pb.h"

namespace purser {

// A node that could deliver now, by its last heartbeat.
struct NodeInfo {
  std::string node_id;
  std::string version;  // of its program; empty where it does not say
  uint32_t reader = 0;  // the newest records it can fold
  std::vector<std::string> parts;
};

// Pure: no clock, time is counted in heartbeats of this node that came back. So while the log is
// out of reach of everybody nobody is gone, and who cannot reach it judges nobody. One thread.
class LiveNodes {
 public:
  // A node is gone after so many heartbeats of this one without one of its own between them.
  static constexpr int kGoneAfter = 4;

  // `node_id` is kept over restarts, `boot_id` is of this life of it.
  LiveNodes(std::string node_id, std::string boot_id);

  // The next heartbeat of the stream, this node's own too.
  void Hear(const event::v1::Heartbeat& beat);

  // True once a heartbeat of this life came back: all that others sent before it has been heard.
  bool heard_itself() const { return own_beats_ > 0; }

  // This node, and each that was heard of late and does not leave.
  std::set<std::string> Live() const;
  // What those others tell of themselves, by id; this node is not among them.
  std::vector<NodeInfo> LiveOthers() const;

  // Whether that life of that node has ended: it is silent, a later life was heard, or it was an
  // earlier one of this very node. Of whom nothing was ever heard, the first question counts as a
  // sign of life.
  bool IsGone(const std::string& node_id, const std::string& boot_id);

 private:
  struct Node {
    std::string boot_id;
    std::set<std::string> earlier_boots;
    int heard_at = 0;  // how many of our own had come back by then
    bool leaving = false;
    NodeInfo info;
  };

  bool IsLive(const Node& node) const { return !node.leaving && !IsSilentSince(node.heard_at); }
  bool IsSilentSince(int heard_at) const { return own_beats_ - heard_at >= kGoneAfter; }

  const std::string node_id_;
  const std::string boot_id_;
  int own_beats_ = 0;
  std::map<std::string, Node> others_;  // by node id
  std::map<std::string, int> awaited_;  // boots that were asked about and never heard, since when
};

// The node of `nodes` that is to have `thing` ("app/0192.."): the one whose SHA-256 with it is the
// highest, so that a node that comes or goes moves nothing but what is its own. `nodes` is not
// empty.
std::string RendezvousNode(absl::string_view thing, const std::set<std::string>& nodes);

}  // namespace purser
