#include "broker/sqlite/page_cache.h"

#include <algorithm>
#include <atomic>
#include <limits>

namespace purser {
namespace {

std::atomic<int> limit_kib{std::numeric_limits<int>::max()};

}  // namespace

void LimitPageCaches(int kib) { limit_kib = kib; }

int GrantedPageCache(int asked_kib) { return std::min(asked_kib, limit_kib.load()); }

}  // namespace purser
