// Some lines of an import on their way to a directory: each decided in order, as a SCIM request of
// its own would be.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/admin/import_line.h"
#include "broker/base/ids.h"
#include "broker/commands/resource_commands.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/frontdoor/directory_service.h"
#include "purser/event/v1/envelope.pb.h"

namespace purser {

struct LineOutcome {
  absl::Status error;  // OK, or why it was refused
  std::string id;      // of the resource that was made, or was there
  bool created = false;
  bool changed = false;
};

// Write() on any thread; decides on the directory's.
class ImportBatch : public std::enable_shared_from_this<ImportBatch> {
 public:
  // `by` is what every event begins as: who, which request, why. `service` and `ids` outlive it.
  ImportBatch(std::vector<LineToImport> lines, bool keep_existing, event::v1::Envelope by,
              DirectoryService* service, IdSource* ids);

  // Decides the lines against `state` without writing any, and so each without those before it.
  void Try(const DirectoryReader& state, absl::Time now);

  // Decides and writes them in one turn, and calls `done` once, on the directory's thread.
  // An error: it is not known which of them stand. `deadline` is SinceBoot.
  void Write(absl::Duration deadline, std::function<void(absl::Status)> done);

  // Of the lines, once it is done.
  const std::vector<LineOutcome>& outcomes() const { return outcomes_; }

 private:
  absl::Status DecideTurn(WriteTurn* turn);
  absl::Status DecideAt(size_t place, WriteTurn* turn);
  // Sets the outcome; the decision's `changed` says whether there is something to be written.
  Decision Decide(size_t place, const DirectoryReader& state, absl::Time at);
  absl::StatusOr<Decision> DecideLine(const LineToImport& line, const DirectoryReader& state,
                                      absl::Time at, LineOutcome* outcome) const;
  void PartStands(size_t records);

  const std::vector<LineToImport> lines_;
  const bool keep_existing_;
  const event::v1::Envelope by_;
  DirectoryService* const service_;
  IdSource* const ids_;
  std::vector<LineOutcome> outcomes_;
  size_t settled_ = 0;         // lines before it stand
  size_t records_ = 0;         // of the last turn
  std::vector<size_t> marks_;  // records that the last turn had after each of its lines
};

}  // namespace purser
