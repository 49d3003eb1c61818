// The fold of a directory's stream of feeds: how far each receiver has come, and who pushes.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/fold.h"
#include "broker/events/record.h"
#include "broker/sqlite/database.h"

namespace purser {

struct FeedPlace {
  // The receiver has all that is up to here of the directory's stream.
  StreamPosition position = 0;
  // The record of this stream that moved it last; what was acknowledged on another ground is void.
  StreamPosition moved_at = 0;
  uint64_t refused = 0;      // events that the receiver would not take
  std::string last_refused;  // "12.0192..: invalid_request: no such audience"
};

struct FeedState {
  Head head;
  std::map<std::string, FeedPlace, std::less<>> places;  // by the feed's name
  // Which node pushes, and which life of it; nobody where it released them.
  std::string owner_node;
  std::string owner_boot;
  bool released = true;
};

// Holds its state in memory, some rows, and keeps it in a file, so that a start reads the tail
// alone. One thread folds; state() is for any.
class FeedProjection : public Fold {
 public:
  static absl::StatusOr<std::unique_ptr<FeedProjection>> Open(const std::string& path,
                                                              const StreamId& stream);

  const Head& head() const override { return draft_.head; }
  absl::Status Begin() override;
  absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) override;
  absl::Status Commit() override;
  void Rollback() override;

  // With what was applied since Begin(): for decisions, on the folding thread.
  const FeedState& draft() const { return draft_; }
  std::shared_ptr<const FeedState> state() const;

 private:
  FeedProjection(std::unique_ptr<Database> database, FeedState state);
  absl::Status ApplyPlaced(const event::v1::Envelope& envelope, StreamPosition position);
  absl::Status Write();

  const std::unique_ptr<Database> database_;
  FeedState draft_;
  mutable Mutex mutex_;
  std::shared_ptr<const FeedState> state_ ABSL_GUARDED_BY(mutex_);
};

// Of the file alone, whoever folds it. One thread; the database outlives it.
class FeedPlacesReader {
 public:
  explicit FeedPlacesReader(Database* database) : database_(database) {}

  absl::StatusOr<Head> FoldHead() const;
  // See DigestTables().
  absl::StatusOr<std::string> Digest() const;

 private:
  Database* database_;
};

}  // namespace purser
