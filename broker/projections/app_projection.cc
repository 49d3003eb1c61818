#include "broker/projections/app_projection.h"

#include <utility>

#include "broker/base/status.h"
#include "broker/events/sealing.h"
#include "broker/projections/fold_file.h"

namespace purser {
namespace {

using event::v1::AppCommand;
using event::v1::AppNote;
using event::v1::Envelope;
using event::v1::Outcome;

constexpr int kLayout = 5;
constexpr char kSchema[] = R"sql(
CREATE TABLE app(
  owner_node TEXT NOT NULL, owner_boot TEXT NOT NULL, released INTEGER NOT NULL,
  planned_directory INTEGER NOT NULL, planned_control INTEGER NOT NULL,
  highest_directory INTEGER NOT NULL, highest_control INTEGER NOT NULL,
  commanded INTEGER, breaker_open INTEGER NOT NULL, credentials_refused INTEGER NOT NULL,
  not_configured INTEGER NOT NULL, trouble TEXT NOT NULL, planned_at INTEGER NOT NULL,
  moved_at INTEGER NOT NULL);
INSERT INTO app VALUES('', '', 1, 0, 0, 0, 0, NULL, 0, 0, 0, '', 0, 0);
CREATE TABLE lanes(
  resource_id TEXT PRIMARY KEY, type INTEGER NOT NULL, linked INTEGER NOT NULL,
  remote_id TEXT NOT NULL, remote_name TEXT NOT NULL, name_key TEXT NOT NULL,
  acknowledged TEXT NOT NULL, known INTEGER NOT NULL, settled INTEGER NOT NULL,
  state INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, http_status INTEGER NOT NULL,
  tries INTEGER NOT NULL, next_try INTEGER NOT NULL, waits_for TEXT NOT NULL,
  left_out TEXT NOT NULL, mapping_version INTEGER NOT NULL, last_record INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE UNIQUE INDEX lanes_by_account ON lanes(type, remote_id) WHERE linked=1;
CREATE INDEX lanes_let_go ON lanes(type, remote_id) WHERE linked=0;
CREATE INDEX lanes_by_name ON lanes(name_key) WHERE linked=1;
CREATE INDEX lanes_by_state ON lanes(state);
CREATE INDEX lanes_incomplete ON lanes(resource_id) WHERE left_out!='';
CREATE INDEX lanes_waiting ON lanes(waits_for) WHERE waits_for!='';
CREATE TABLE operations(operation_id TEXT PRIMARY KEY, resource_id TEXT NOT NULL,
  position INTEGER NOT NULL, in_doubt INTEGER NOT NULL, bytes BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX operations_of ON operations(resource_id);
CREATE TABLE acknowledged_members(group_id TEXT, member_id TEXT, remote_id TEXT NOT NULL,
  PRIMARY KEY(group_id, member_id)) WITHOUT ROWID;
CREATE INDEX acknowledged_of ON acknowledged_members(member_id);
CREATE TABLE history(resource_id TEXT, position INTEGER, PRIMARY KEY(resource_id, position))
  WITHOUT ROWID;
CREATE INDEX history_by_position ON history(position);
CREATE TABLE jobs(id TEXT PRIMARY KEY, action INTEGER NOT NULL, state INTEGER NOT NULL,
  actor TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, done INTEGER NOT NULL,
  total INTEGER NOT NULL, sent INTEGER NOT NULL, from_time INTEGER NOT NULL,
  from_position INTEGER NOT NULL, asked INTEGER NOT NULL,
  resources TEXT NOT NULL, to_time INTEGER NOT NULL, to_position INTEGER NOT NULL,
  millionths_per_second INTEGER NOT NULL, dry_run INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE planned(job_id TEXT, resource_id TEXT, bytes BLOB NOT NULL,
  PRIMARY KEY(job_id, resource_id)) WITHOUT ROWID;
)sql";

template <typename Payload>
absl::StatusOr<Payload> Parse(const std::string& bytes) {
  Payload payload;
  if (!payload.ParseFromString(bytes)) {
    return absl::DataLossError("the payload of an app's record does not decode");
  }
  return payload;
}

}  // namespace

AppProjection::AppProjection(std::unique_ptr<Database> database, Head head)
    : database_(std::move(database)), head_(head), committed_(head), reader_(database_.get()) {}

absl::StatusOr<std::unique_ptr<AppProjection>> AppProjection::Open(const std::string& path,
                                                                   const StreamId& stream,
                                                                   int cache_kib) {
  ASSIGN_OR_RETURN(auto database, OpenFoldFile(path, stream, kLayout, kSchema, cache_kib));
  ASSIGN_OR_RETURN(const Head head, ReadFoldHead(*database, stream));
  return std::unique_ptr<AppProjection>(new AppProjection(std::move(database), head));
}

absl::Status AppProjection::Begin() { return BeginFold(*database_); }

absl::Status AppProjection::Commit() {
  if (const absl::Status status = CommitFold(*database_, head_); !status.ok()) {
    Rollback();
    return status;
  }
  committed_ = head_;
  reported_.insert(reported_.end(), applied_reports_.begin(), applied_reports_.end());
  applied_reports_.clear();
  return absl::OkStatus();
}

std::vector<MemberRow> AppProjection::TakeReported() { return std::exchange(reported_, {}); }

void AppProjection::Rollback() {
  RollbackFold(*database_);
  head_ = committed_;
  applied_reports_.clear();
}

absl::Status AppProjection::Apply(const Record& record, const Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::string payload, purser::Open(envelope.key_id(), envelope.payload()));
  RETURN_IF_ERROR(ApplyPayload(envelope, payload, head_.position + 1));
  head_ = AdvancedHead(head_, record, envelope);
  return absl::OkStatus();
}

absl::Status AppProjection::ApplyPayload(const Envelope& envelope, const std::string& payload,
                                         StreamPosition position) {
  switch (envelope.kind()) {
    case event::v1::TOOK_OVER: {
      ASSIGN_OR_RETURN(const auto took, Parse<event::v1::TookOver>(payload));
      RETURN_IF_ERROR(ApplyBasis(took.basis()));
      return database_
          ->Prepare(
              "UPDATE app SET moved_at=CASE WHEN owner_node=? THEN moved_at ELSE ? END,"
              " owner_node=?, owner_boot=?, released=0")
          .Bind(took.node_id())
          .Bind(position)
          .Bind(took.node_id())
          .Bind(took.boot_id())
          .Run();
    }
    case event::v1::RELEASED: {
      ASSIGN_OR_RETURN(const auto released, Parse<event::v1::Released>(payload));
      RETURN_IF_ERROR(ApplyBasis(released.basis()));
      return database_->Prepare("UPDATE app SET released=1").Run();
    }
    case event::v1::STARTED: {
      ASSIGN_OR_RETURN(const auto started, Parse<event::v1::Started>(payload));
      RETURN_IF_ERROR(ApplyBasis(started.basis()));
      return ApplyStarted(started, position);
    }
    case event::v1::OUTCOMES: {
      ASSIGN_OR_RETURN(const auto outcomes, Parse<event::v1::Outcomes>(payload));
      RETURN_IF_ERROR(ApplyBasis(outcomes.basis()));
      return ApplyOutcomes(outcomes, position);
    }
    case event::v1::PLANNED: {
      ASSIGN_OR_RETURN(const auto planned, Parse<event::v1::Planned>(payload));
      RETURN_IF_ERROR(ApplyBasis(planned.basis()));
      return database_
          ->Prepare("UPDATE app SET planned_directory=?, planned_control=?, planned_at=?")
          .Bind(planned.basis().directory_position())
          .Bind(planned.basis().control_position())
          .Bind(position)
          .Run();
    }
    case event::v1::APP_COMMAND: {
      ASSIGN_OR_RETURN(const auto command, Parse<AppCommand>(payload));
      return ApplyCommand(envelope, command);
    }
    case event::v1::APP_NOTE: {
      ASSIGN_OR_RETURN(const auto note, Parse<AppNote>(payload));
      RETURN_IF_ERROR(ApplyBasis(note.basis()));
      return ApplyNote(note);
    }
    default:
      return absl::OkStatus();
  }
}

absl::Status AppProjection::ApplyBasis(const event::v1::Basis& basis) {
  return database_
      ->Prepare(
          "UPDATE app SET highest_directory=max(highest_directory, ?),"
          " highest_control=max(highest_control, ?)")
      .Bind(basis.directory_position())
      .Bind(basis.control_position())
      .Run();
}

absl::Status AppProjection::Note(absl::string_view resource_id, StreamPosition position) {
  return database_->Prepare("INSERT OR IGNORE INTO history VALUES(?,?)")
      .Bind(resource_id)
      .Bind(position)
      .Run();
}

}  // namespace purser
