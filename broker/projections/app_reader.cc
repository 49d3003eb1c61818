#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/fold_file.h"

namespace purser {
namespace {

using event::v1::LaneState;
using event::v1::ResourceType;

#define PURSER_LANE_COLUMNS                                                                       \
  "resource_id, type, linked, remote_id, remote_name, acknowledged, known, settled, state, code," \
  " message, http_status, tries, next_try, waits_for, left_out, mapping_version, last_record"

Lane ReadLane(const Statement& row) {
  Lane lane;
  lane.resource_id = std::string(row.Text(0));
  lane.type = static_cast<ResourceType>(row.Int(1));
  lane.linked = row.Int(2) != 0;
  lane.remote_id = std::string(row.Text(3));
  lane.remote_name = std::string(row.Text(4));
  const absl::string_view text = row.Text(5);
  if (!text.empty()) {
    lane.acknowledged = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  }
  lane.acknowledged_known = row.Int(6) != 0;
  lane.settled = static_cast<StreamPosition>(row.Int(7));
  lane.state = static_cast<LaneState>(row.Int(8));
  lane.code = std::string(row.Text(9));
  lane.message = std::string(row.Text(10));
  lane.http_status = static_cast<int>(row.Int(11));
  lane.tries = static_cast<int>(row.Int(12));
  lane.next_try = FromStored(row.Int(13));
  lane.waits_for = std::string(row.Text(14));
  lane.left_out = absl::StrSplit(row.Text(15), ',', absl::SkipEmpty());
  lane.mapping_version = static_cast<StreamPosition>(row.Int(16));
  lane.last_record = static_cast<StreamPosition>(row.Int(17));
  return lane;
}

absl::StatusOr<std::vector<std::string>> Texts(Statement& rows) {
  std::vector<std::string> texts;
  while (rows.Next()) texts.emplace_back(rows.Text(0));
  RETURN_IF_ERROR(rows.status());
  return texts;
}

absl::StatusOr<std::vector<OpenOperation>> ReadOperations(Statement& rows) {
  std::vector<OpenOperation> operations;
  while (rows.Next()) {
    OpenOperation open;
    const absl::string_view bytes = rows.Blob(0);
    if (!open.operation.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return absl::DataLossError("a stored operation does not decode; rebuild the read model");
    }
    open.position = static_cast<StreamPosition>(rows.Int(1));
    open.in_doubt = rows.Int(2) != 0;
    operations.push_back(std::move(open));
  }
  RETURN_IF_ERROR(rows.status());
  return operations;
}

absl::StatusOr<std::vector<Job>> ReadJobs(Statement& rows) {
  std::vector<Job> jobs;
  while (rows.Next()) {
    Job job;
    job.id = std::string(rows.Text(0));
    job.action = static_cast<event::v1::AppCommand::Action>(rows.Int(1));
    job.state = static_cast<JobState>(rows.Int(2));
    job.actor = std::string(rows.Text(3));
    job.reason = std::string(rows.Text(4));
    job.message = std::string(rows.Text(5));
    job.done = static_cast<uint64_t>(rows.Int(6));
    job.total = static_cast<uint64_t>(rows.Int(7));
    job.sent = static_cast<uint64_t>(rows.Int(8));
    job.from_time = FromStored(rows.Int(9));
    job.from_position = static_cast<StreamPosition>(rows.Int(10));
    job.asked = FromStored(rows.Int(11));
    job.resources = absl::StrSplit(rows.Text(12), ',', absl::SkipEmpty());
    job.to_time = FromStored(rows.Int(13));
    job.to_position = static_cast<StreamPosition>(rows.Int(14));
    job.resources_per_second = static_cast<double>(rows.Int(15)) / 1e6;
    job.dry_run = rows.Int(16) != 0;
    jobs.push_back(std::move(job));
  }
  RETURN_IF_ERROR(rows.status());
  return jobs;
}

#define PURSER_JOB_COLUMNS                                                                  \
  "id, action, state, actor, reason, message, done, total, sent, from_time, from_position," \
  " asked, resources, to_time, to_position, millionths_per_second, dry_run"

}  // namespace

std::unique_ptr<ReadTransaction> AppReader::Freeze() const {
  return std::make_unique<ReadTransaction>(database_);
}

absl::StatusOr<Head> AppReader::FoldHead() const { return ReadFoldHead(*database_, StreamId()); }

absl::StatusOr<AppRow> AppReader::App() const {
  Statement& row = database_->Prepare(
      "SELECT owner_node, owner_boot, released, planned_directory, planned_control,"
      " highest_directory, highest_control, commanded, breaker_open, credentials_refused,"
      " not_configured, trouble, planned_at, moved_at FROM app");
  AppRow app;
  while (row.Next()) {
    app.owner_node = std::string(row.Text(0));
    app.owner_boot = std::string(row.Text(1));
    app.released = row.Int(2) != 0;
    app.planned.set_directory_position(static_cast<uint64_t>(row.Int(3)));
    app.planned.set_control_position(static_cast<uint64_t>(row.Int(4)));
    app.highest.set_directory_position(static_cast<uint64_t>(row.Int(5)));
    app.highest.set_control_position(static_cast<uint64_t>(row.Int(6)));
    if (!row.IsNull(7)) {
      app.commanded = static_cast<event::v1::AppCommand::Action>(row.Int(7));
    }
    app.breaker_open = row.Int(8) != 0;
    app.credentials_refused = row.Int(9) != 0;
    app.not_configured = row.Int(10) != 0;
    app.trouble = std::string(row.Text(11));
    app.planned_at = static_cast<StreamPosition>(row.Int(12));
    app.moved_at = static_cast<StreamPosition>(row.Int(13));
  }
  RETURN_IF_ERROR(row.status());
  return app;
}

absl::StatusOr<std::optional<Lane>> AppReader::FindLane(absl::string_view resource_id) const {
  Statement& row =
      database_->Prepare("SELECT " PURSER_LANE_COLUMNS " FROM lanes WHERE resource_id=?");
  row.Bind(resource_id);
  std::optional<Lane> lane;
  while (row.Next()) lane = ReadLane(row);
  RETURN_IF_ERROR(row.status());
  return lane;
}

absl::StatusOr<std::vector<Lane>> AppReader::Lanes(const std::vector<LaneState>& states,
                                                   absl::string_view after, int limit) const {
  const std::string wanted =
      states.empty() ? ""
                     : absl::StrCat(" AND state IN (",
                                    absl::StrJoin(states, ",",
                                                  [](std::string* out, LaneState state) {
                                                    absl::StrAppend(out, static_cast<int>(state));
                                                  }),
                                    ")");
  Statement& rows = database_->Prepare(absl::StrCat("SELECT " PURSER_LANE_COLUMNS
                                                    " FROM lanes WHERE resource_id>?",
                                                    wanted, " ORDER BY resource_id LIMIT ?"));
  rows.Bind(after).Bind(limit);
  std::vector<Lane> lanes;
  while (rows.Next()) lanes.push_back(ReadLane(rows));
  RETURN_IF_ERROR(rows.status());
  return lanes;
}

absl::StatusOr<std::vector<MemberRow>> AppReader::LaneIds() const {
  return ReadMembers(
      database_->Prepare("SELECT resource_id, type FROM lanes ORDER BY resource_id"));
}

absl::StatusOr<std::vector<MemberRow>> AppReader::Incomplete() const {
  return ReadMembers(database_->Prepare("SELECT resource_id, type FROM lanes WHERE left_out!=''"));
}

absl::StatusOr<std::map<LaneState, uint64_t>> AppReader::CountByState() const {
  Statement& rows = database_->Prepare("SELECT state, count(*) FROM lanes GROUP BY state");
  std::map<LaneState, uint64_t> counts;
  while (rows.Next()) {
    counts[static_cast<LaneState>(rows.Int(0))] = static_cast<uint64_t>(rows.Int(1));
  }
  RETURN_IF_ERROR(rows.status());
  return counts;
}

absl::StatusOr<uint64_t> AppReader::CountLinked(ResourceType type) const {
  Statement& row = database_->Prepare("SELECT count(*) FROM lanes WHERE linked=1 AND type=?");
  row.Bind(static_cast<int>(type));
  uint64_t count = 0;
  while (row.Next()) count = static_cast<uint64_t>(row.Int(0));
  RETURN_IF_ERROR(row.status());
  return count;
}

absl::StatusOr<std::optional<std::string>> AppReader::LinkedTo(ResourceType type,
                                                               absl::string_view remote_id) const {
  ASSIGN_OR_RETURN(
      const std::vector<std::string> ids,
      Texts(database_
                ->Prepare("SELECT resource_id FROM lanes WHERE linked=1 AND type=? AND remote_id=?")
                .Bind(static_cast<int>(type))
                .Bind(remote_id)));
  if (ids.empty()) return std::nullopt;
  return ids.front();
}

absl::StatusOr<std::vector<std::string>> AppReader::LetGo(ResourceType type,
                                                          absl::string_view remote_id) const {
  return Texts(
      database_->Prepare("SELECT resource_id FROM lanes WHERE linked=0 AND type=? AND remote_id=?")
          .Bind(static_cast<int>(type))
          .Bind(remote_id));
}

absl::StatusOr<std::vector<std::string>> AppReader::HoldersOfName(ResourceType type,
                                                                  absl::string_view name) const {
  return Texts(
      database_->Prepare("SELECT resource_id FROM lanes WHERE linked=1 AND type=? AND name_key=?")
          .Bind(static_cast<int>(type))
          .Bind(CaselessKey(name)));
}

absl::StatusOr<std::vector<std::string>> AppReader::WaitersFor(
    absl::string_view resource_id) const {
  return Texts(
      database_->Prepare("SELECT resource_id FROM lanes WHERE waits_for=? AND waits_for!=''")
          .Bind(resource_id));
}

absl::StatusOr<std::optional<OpenOperation>> AppReader::OpenOperationOf(
    absl::string_view resource_id) const {
  ASSIGN_OR_RETURN(
      std::vector<OpenOperation> open,
      ReadOperations(
          database_->Prepare("SELECT bytes, position, in_doubt FROM operations WHERE resource_id=?")
              .Bind(resource_id)));
  if (open.empty()) return std::nullopt;
  return std::move(open.front());
}

absl::StatusOr<std::vector<OpenOperation>> AppReader::OpenOperations() const {
  return ReadOperations(database_->Prepare(
      "SELECT bytes, position, in_doubt FROM operations ORDER BY position, operation_id"));
}

absl::StatusOr<std::optional<std::string>> AppReader::AcknowledgedMember(
    absl::string_view group_id, absl::string_view member_id) const {
  ASSIGN_OR_RETURN(
      const std::vector<std::string> ids,
      Texts(database_
                ->Prepare(
                    "SELECT remote_id FROM acknowledged_members WHERE group_id=? AND member_id=?")
                .Bind(group_id)
                .Bind(member_id)));
  if (ids.empty()) return std::nullopt;
  return ids.front();
}

absl::StatusOr<std::vector<event::v1::MemberReference>> AppReader::AcknowledgedMembers(
    absl::string_view group_id) const {
  Statement& rows = database_->Prepare(
      "SELECT member_id, remote_id FROM acknowledged_members WHERE group_id=? ORDER BY member_id");
  rows.Bind(group_id);
  std::vector<event::v1::MemberReference> members;
  while (rows.Next()) {
    event::v1::MemberReference member;
    member.set_resource_id(std::string(rows.Text(0)));
    member.set_remote_id(std::string(rows.Text(1)));
    members.push_back(std::move(member));
  }
  RETURN_IF_ERROR(rows.status());
  return members;
}

absl::StatusOr<std::vector<std::string>> AppReader::GroupsAcknowledging(
    absl::string_view member_id) const {
  return Texts(database_->Prepare("SELECT group_id FROM acknowledged_members WHERE member_id=?")
                   .Bind(member_id));
}

absl::StatusOr<std::vector<StreamPosition>> AppReader::History(
    absl::string_view resource_id) const {
  Statement& rows =
      database_->Prepare("SELECT position FROM history WHERE resource_id=? ORDER BY position");
  rows.Bind(resource_id);
  std::vector<StreamPosition> positions;
  while (rows.Next()) positions.push_back(static_cast<StreamPosition>(rows.Int(0)));
  RETURN_IF_ERROR(rows.status());
  return positions;
}

absl::StatusOr<std::vector<std::string>> AppReader::WithRecordsSince(StreamPosition position,
                                                                     StreamPosition last) const {
  return Texts(database_
                   ->Prepare("SELECT DISTINCT resource_id FROM history"
                             " WHERE position>=? AND position<=?")
                   .Bind(position)
                   .Bind(last));
}

absl::StatusOr<std::optional<Job>> AppReader::FindJob(absl::string_view id) const {
  ASSIGN_OR_RETURN(
      std::vector<Job> jobs,
      ReadJobs(database_->Prepare("SELECT " PURSER_JOB_COLUMNS " FROM jobs WHERE id=?").Bind(id)));
  if (jobs.empty()) return std::nullopt;
  return std::move(jobs.front());
}

absl::StatusOr<std::vector<Job>> AppReader::Jobs(bool unfinished_only) const {
  return ReadJobs(database_->Prepare(absl::StrCat("SELECT " PURSER_JOB_COLUMNS " FROM jobs",
                                                  unfinished_only ? " WHERE state<=2" : "",
                                                  " ORDER BY asked, id")));
}

absl::StatusOr<std::vector<event::v1::PlannedChange>> AppReader::Planned(absl::string_view job_id,
                                                                         absl::string_view after,
                                                                         int limit) const {
  Statement& rows = database_->Prepare(
      "SELECT bytes FROM planned WHERE job_id=? AND resource_id>? ORDER BY resource_id LIMIT ?");
  rows.Bind(job_id).Bind(after).Bind(limit);
  std::vector<event::v1::PlannedChange> changes;
  while (rows.Next()) {
    const absl::string_view bytes = rows.Blob(0);
    if (!changes.emplace_back().ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return absl::DataLossError("a stored change does not decode; rebuild the read model");
    }
  }
  RETURN_IF_ERROR(rows.status());
  return changes;
}

absl::StatusOr<std::string> AppReader::Digest() const {
  return DigestTables(
      *database_,
      {"SELECT json_array(stream, position, hex(self)) FROM fold",
       "SELECT json_array(resource_id, type, linked, remote_id, remote_name, acknowledged, known,"
       " settled, state, code, tries, waits_for) FROM lanes ORDER BY resource_id",
       "SELECT json_array(operation_id, position, in_doubt) FROM operations ORDER BY operation_id",
       "SELECT json_array(group_id, member_id, remote_id) FROM acknowledged_members"
       " ORDER BY group_id, member_id"});
}

}  // namespace purser
