#include "broker/eventlog/arbitrated/recent_selves.h"

namespace purser {

bool RecentSelves::WasRead(const Sha256Hash& self) const {
  auto found = known_.find(self);
  return found != known_.end() && found->second.read;
}

bool RecentSelves::IsMine(const Sha256Hash& self) const {
  auto found = known_.find(self);
  return found != known_.end() && found->second.mine;
}

void RecentSelves::Add(const Sha256Hash& self, bool mine, bool read) {
  auto [place, inserted] = known_.try_emplace(self);
  place->second.mine |= mine;
  place->second.read |= read;
  if (!inserted) return;
  order_.push_back(self);
  if (order_.size() <= capacity_) return;
  known_.erase(order_.front());
  order_.pop_front();
}

}  // namespace purser
