// A node of the log with several writers, on a cluster in memory.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/eventlog/arbitrated/arbitrated_event_log.h"
#include "broker/eventlog/memory/memory_transport.h"

namespace purser {

// One node: its log, and the handle through which a test makes things go wrong.
struct MemoryNode {
  std::unique_ptr<ArbitratedEventLog> log;
  MemoryTransport* transport = nullptr;  // the log's
};

// Opens a node whose local table is the file `table_path`; a node that starts again gives the same.
// `cluster`, `clock` and `ids` outlive it. Equal seeds make equal choices.
absl::StatusOr<MemoryNode> OpenMemoryEventLog(MemoryCluster* cluster, const std::string& table_path,
                                              const Clock& clock, IdSource& ids, uint64_t seed,
                                              const ArbitratedEventLogOptions& options = {});

}  // namespace purser
