// The fold of one app's stream: its owner, links, what was acknowledged, lanes, jobs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/eventlog/fold.h"
#include "broker/events/record.h"
#include "broker/projections/member_row.h"
#include "broker/projections/readers.h"
#include "broker/sqlite/database.h"
#include "nlohmann/json.hpp"
#include "purser/event/v1/delivery.pb.h"

namespace purser {

// How one resource stands with one app.
struct Lane {
  std::string resource_id;
  event::v1::ResourceType type = event::v1::USER;
  // The account there. Kept after it is gone (linked = false): a replay asks for it again.
  bool linked = false;
  std::string remote_id;
  std::string remote_name;
  // What the app last acknowledged, by target; null where it is not known or there is no account.
  nlohmann::json acknowledged;
  bool acknowledged_known = true;
  // The directory's position whose state was last settled here.
  StreamPosition settled = 0;
  event::v1::LaneState state = event::v1::IDLE;
  std::string code;
  std::string message;
  int http_status = 0;
  int tries = 0;
  absl::Time next_try = absl::InfinitePast();
  std::string waits_for;
  std::vector<std::string> left_out;
  StreamPosition mapping_version = 0;
  StreamPosition last_record = 0;  // of the app's stream
};

enum class JobState { kQueued = 1, kRunning = 2, kDone = 3, kFailed = 4, kCancelled = 5 };

struct Job {
  std::string id;
  event::v1::AppCommand::Action action = event::v1::AppCommand::REPLAY;
  JobState state = JobState::kQueued;
  std::string actor;
  std::string reason;
  std::string message;
  uint64_t done = 0;
  uint64_t total = 0;
  uint64_t sent = 0;
  absl::Time from_time = absl::InfinitePast();
  StreamPosition from_position = 0;
  absl::Time to_time = absl::InfinitePast();  // before 1970, as 0 below: none was said
  StreamPosition to_position = 0;
  double resources_per_second = 0;  // 0: as fast as they go
  bool dry_run = false;
  absl::Time asked = absl::InfinitePast();
  std::vector<std::string> resources;  // these alone; empty: all
};

// The app as a whole.
struct AppRow {
  std::string owner_node;
  std::string owner_boot;
  bool released = true;
  // The record by which that node got it from another; what was started before is not its own.
  StreamPosition moved_at = 0;
  event::v1::Basis planned;
  StreamPosition planned_at = 0;  // of the record that said so
  // The highest positions that any record of the stream rests on.
  event::v1::Basis highest;
  // What commands made of it; unset until the first one.
  std::optional<event::v1::AppCommand::Action> commanded;
  bool breaker_open = false;
  bool credentials_refused = false;
  bool not_configured = false;  // what the configuration refers to is not there
  std::string trouble;          // why, redacted
};

// An operation that was started and has no final outcome.
struct OpenOperation {
  event::v1::StartedOperation operation;
  StreamPosition position = 0;
  bool in_doubt = false;
};

// Questions to the fold. One thread at a time; the database outlives it.
class AppReader {
 public:
  explicit AppReader(Database* database) : database_(database) {}

  // While it lives, what is asked is of one moment; nothing is folded meanwhile.
  std::unique_ptr<ReadTransaction> Freeze() const;

  absl::StatusOr<Head> FoldHead() const;
  absl::StatusOr<AppRow> App() const;
  absl::StatusOr<std::optional<Lane>> FindLane(absl::string_view resource_id) const;
  // Lanes after `after` by id, in one of `states` (empty: any), at most `limit`.
  absl::StatusOr<std::vector<Lane>> Lanes(const std::vector<event::v1::LaneState>& states,
                                          absl::string_view after, int limit) const;
  // Every lane there is.
  absl::StatusOr<std::vector<MemberRow>> LaneIds() const;
  // Lanes whose account lacks something that was left out: a reference without an account.
  absl::StatusOr<std::vector<MemberRow>> Incomplete() const;
  absl::StatusOr<std::map<event::v1::LaneState, uint64_t>> CountByState() const;
  absl::StatusOr<uint64_t> CountLinked(event::v1::ResourceType type) const;

  // The resource whose live link is that account.
  absl::StatusOr<std::optional<std::string>> LinkedTo(event::v1::ResourceType type,
                                                      absl::string_view remote_id) const;
  // Those whose last account it was, and that have none since.
  absl::StatusOr<std::vector<std::string>> LetGo(event::v1::ResourceType type,
                                                 absl::string_view remote_id) const;
  // Resources with a live link known there by `name`, in any case.
  absl::StatusOr<std::vector<std::string>> HoldersOfName(event::v1::ResourceType type,
                                                         absl::string_view name) const;
  // Lanes that wait for `resource_id`.
  absl::StatusOr<std::vector<std::string>> WaitersFor(absl::string_view resource_id) const;

  absl::StatusOr<std::optional<OpenOperation>> OpenOperationOf(absl::string_view resource_id) const;
  absl::StatusOr<std::vector<OpenOperation>> OpenOperations() const;

  // The account that `member_id` stood for in `group_id` when it was acknowledged.
  absl::StatusOr<std::optional<std::string>> AcknowledgedMember(absl::string_view group_id,
                                                                absl::string_view member_id) const;
  absl::StatusOr<std::vector<event::v1::MemberReference>> AcknowledgedMembers(
      absl::string_view group_id) const;
  // Groups in which `member_id` was acknowledged.
  absl::StatusOr<std::vector<std::string>> GroupsAcknowledging(absl::string_view member_id) const;

  // Positions of the records about `resource_id`, in order.
  absl::StatusOr<std::vector<StreamPosition>> History(absl::string_view resource_id) const;
  // Resources with a record at or after `position`, up to and with `last`.
  absl::StatusOr<std::vector<std::string>> WithRecordsSince(
      StreamPosition position, StreamPosition last = kLastPosition) const;

  absl::StatusOr<std::optional<Job>> FindJob(absl::string_view id) const;
  absl::StatusOr<std::vector<Job>> Jobs(bool unfinished_only) const;
  // What a dry run found, of resources after `after` by id, at most `limit`.
  absl::StatusOr<std::vector<event::v1::PlannedChange>> Planned(absl::string_view job_id,
                                                                absl::string_view after,
                                                                int limit) const;

  absl::StatusOr<std::string> Digest() const;

 private:
  Database* database_;
};

// The one writer of its file. One thread.
class AppProjection : public Fold {
 public:
  static absl::StatusOr<std::unique_ptr<AppProjection>> Open(const std::string& path,
                                                             const StreamId& stream,
                                                             int cache_kib = 16 << 10);

  const Head& head() const override { return head_; }
  absl::Status Begin() override;
  // Folds one record, whose place is the next one.
  absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) override;
  absl::Status Commit() override;
  void Rollback() override;

  const AppReader& reader() const { return reader_; }

  // Resources whose calls somebody reported who was the owner no more: what was folded since it was
  // asked last, and is committed.
  std::vector<MemberRow> TakeReported();

 private:
  AppProjection(std::unique_ptr<Database> database, Head head);

  absl::Status ApplyStarted(const event::v1::Started& started, StreamPosition position);
  absl::Status ApplyOutcomes(const event::v1::Outcomes& outcomes, StreamPosition position);
  absl::Status ApplyOutcome(const event::v1::Outcome& outcome, StreamPosition position);
  absl::Status ApplyReport(const event::v1::Outcome& outcome, StreamPosition position);
  absl::Status ApplyCommand(const event::v1::Envelope& envelope,
                            const event::v1::AppCommand& command);
  absl::Status ApplyNote(const event::v1::AppNote& note);
  absl::Status ApplyBasis(const event::v1::Basis& basis);
  absl::Status ApplyPayload(const event::v1::Envelope& envelope, const std::string& payload,
                            StreamPosition position);
  absl::Status ReleaseLanes(const event::v1::AppCommand& command);
  absl::Status LinkLane(const event::v1::Outcome& outcome, Lane* lane);
  absl::Status ApplyMemberships(const event::v1::Outcome& outcome, bool gone, const Lane& lane);
  absl::Status ApplyMembers(const event::v1::Outcome& outcome,
                            const event::v1::StartedOperation* operation, const Lane& lane);
  absl::Status CloseOperation(const std::string& operation_id);
  absl::Status SaveLane(const Lane& lane);
  absl::Status Note(absl::string_view resource_id, StreamPosition position);

  std::unique_ptr<Database> database_;
  Head head_;
  Head committed_;
  std::vector<MemberRow> applied_reports_;  // since Begin()
  std::vector<MemberRow> reported_;
  AppReader reader_;
};

using AppReaders = Readers<AppReader>;

}  // namespace purser
