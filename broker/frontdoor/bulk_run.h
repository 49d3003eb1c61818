// A bulk request under way: its operations decided in order, each an event of its own. An
// asynchronous request of one operation is run as a bulk of that one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/base/ids.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/frontdoor/refused_requests.h"
#include "broker/frontdoor/scim_request.h"
#include "broker/scim/bulk.h"

namespace purser {

// Start() on any thread; the rest runs on the directory's, and answers the request once.
//
// The operations go to the directory's writer in turns of some hundred, each turn one append and
// the next one only after it, so that they come to what they would have come to one by one and
// others get their turn between. What a turn came to counts once it is settled; until then it may
// be decided again. Of an asynchronous request what each came to is a record too, behind them all;
// it is accepted once those stand.
class BulkRun : public std::enable_shared_from_this<BulkRun> {
 public:
  // `deadline` (SinceBoot) is that of the whole. `refused` keeps the operations that were, where it
  // is set; it and `ids` outlive it.
  BulkRun(ScimRequestPtr request, scim::BulkRequest bulk, IdSource* ids, RefusedRequests* refused,
          absl::Duration deadline);

  void Start();

 private:
  struct Outcome {
    bool attempted = false;
    absl::Status error;
    uint64_t version = 0;

    bool failed() const { return attempted && !error.ok(); }
  };

  void Submit();
  bool StepsAreOver(size_t settled, size_t errors) const;
  bool IsOver() const;
  // Decides steps until the turn is long enough; an error is that of the fold.
  absl::Status DecideTurn(WriteTurn* turn);
  absl::Status DecideStep(const std::vector<size_t>& step, WriteTurn* turn);
  absl::Status DecideCircle(const std::vector<size_t>& step, WriteTurn* turn);
  // Deletes what was made of a circle of which one operation failed.
  absl::Status UndoCircle(const std::vector<size_t>& step, size_t failed, WriteTurn* turn);
  // Decides one operation and notes its outcome.
  absl::Status DecideOperation(size_t place, WriteTurn* turn);
  absl::Status CheckReferences(const scim::BulkOperation& operation) const;
  absl::StatusOr<Decision> Decide(const scim::BulkOperation& operation, absl::Time at) const;
  absl::StatusOr<std::optional<Resource>> FindMade(size_t place) const;
  absl::Status Note(size_t place, absl::StatusOr<Decision> decision, WriteTurn* turn);
  size_t ErrorsIn(size_t step) const;
  absl::Status Complete(WriteTurn* turn);
  scim::BulkResult ResultOf(size_t place) const;
  void PartStands(size_t records);
  void OnDone(const absl::Status& status);
  void FailRest(const absl::Status& why);
  void Respond();
  http::Response Render() const;
  void KeepRefused() const;
  void KeepRefused(const scim::BulkResult& result) const;

  const ScimRequestPtr request_;
  const scim::BulkRequest bulk_;
  IdSource* const ids_;
  RefusedRequests* const refused_;
  const absl::Duration deadline_;

  std::vector<Outcome> outcomes_;  // of the operations
  size_t settled_ = 0;             // steps before it are settled
  size_t errors_ = 0;              // in those
  size_t completed_ = 0;           // operations of which the log holds what they came to
  absl::Status failure_;           // why the rest could not be settled, or OK
  // Of the last turn: the records that it had appended after each step, and after all of them, and
  // then the operations that it completed, a record each.
  std::vector<size_t> marks_;
  size_t records_ = 0;
  size_t completing_ = 0;
  size_t bytes_ = 0;
};

}  // namespace purser
