// Bugs that are planted between the parts of a node, to see that the checkers find them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "broker/eventlog/arbitrated/record_transport.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/fold.h"
#include "broker/eventlog/memory/memory_cluster.h"
#include "broker/http/server.h"
#include "connectors/api/connector.h"
#include "tests/support/delivery/fake_app.h"

namespace purser::simulation {

enum class Bug {
  kNone,
  kAcknowledgedBeforeSync,  // a directory's append is told as done before it was written
  kNoPrevCheck,             // whatever stands on the log counts
  kStaleRefusal,            // the log's end is what is known of it here
  kLinkNotExclusive,        // an account that was found seems to be nobody's yet
  kLaneOutOfOrder,          // an update is told as done and leaves a second later
  kCallBeforeStarted,       // an app's append is told as done before it was written
  kDoubtTakenForRefusal,    // an update whose reply was lost is told as refused
  kNoLookUp,                // searches find nothing
  kFrozenBodyChanges,       // the same operation, sent again, with another body
  kCursorAdvanced,          // `planned` says more than is so
  kRunWithoutFirst,         // an event of several records is put together without its beginning
  kManagerBeforeAccount,    // a manager is sent who has no account yet
  kManagerNotCleared,       // a manager who is no more stays
  kBulkTellsDone,           // of a bulk request all is told as done
  kReplayPassesGroups,      // groups are not read for a replay
};

// One bug in all nodes of one world. Each of the wrappers gives back what it was given where the
// bug is another's; what they wrap is theirs. Outlives the nodes.
class BugKit {
 public:
  // `cluster` outlives it; `directory_end` tells how far the directory has come.
  BugKit(Bug bug, const MemoryCluster* cluster, std::function<StreamPosition()> directory_end)
      : bug_(bug), cluster_(cluster), directory_end_(std::move(directory_end)) {}

  std::unique_ptr<RecordTransport> In(std::unique_ptr<RecordTransport> transport);
  // nullptr where the bug is not the log's.
  std::unique_ptr<EventLog> Over(EventLog* log) const;
  std::unique_ptr<connectors::Connector> In(std::unique_ptr<connectors::Connector> connector,
                                            FakeApp* app) const;
  http::Respond Over(const http::Request& request, http::Respond respond) const;
  // nullptr where the bug is not the fold's.
  std::unique_ptr<Fold> Over(Fold* fold);

 private:
  const Bug bug_;
  const MemoryCluster* const cluster_;
  const std::function<StreamPosition()> directory_end_;

  // What readers that check no chain make of each stream; all of them the same.
  struct Trusted {
    Head head;
    std::vector<std::string> records;
  };
  std::string Trust(const StreamId& stream, int64_t offset);
  std::map<StreamId, Trusted> trusted_;
  // What a `planned` record is taken to say, by its hash.
  StreamPosition Ahead(const Record& record);
  std::map<Sha256Hash, StreamPosition> ahead_;

  friend class TrustingTransport;
  friend class BuggyFold;
};

}  // namespace purser::simulation
