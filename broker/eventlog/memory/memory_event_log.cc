#include "broker/eventlog/memory/memory_event_log.h"

#include <utility>

#include "broker/base/status.h"

namespace purser {

absl::StatusOr<MemoryNode> OpenMemoryEventLog(MemoryCluster* cluster, const std::string& table_path,
                                              const Clock& clock, IdSource& ids, uint64_t seed,
                                              const ArbitratedEventLogOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> table,
                   RecordStore::Open(table_path, {.synchronous = Synchronous::kNormal}));
  auto transport = std::make_unique<MemoryTransport>(cluster, clock, seed);
  MemoryNode node;
  node.transport = transport.get();
  node.log = std::make_unique<ArbitratedEventLog>(std::move(transport), std::move(table),
                                                  /*lock=*/nullptr, clock, ids, seed + 1, options);
  return node;
}

}  // namespace purser
