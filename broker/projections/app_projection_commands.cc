#include "absl/strings/str_join.h"
#include "broker/base/status.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/fold_file.h"

namespace purser {
namespace {

using event::v1::AppCommand;
using event::v1::AppNote;
using event::v1::Envelope;

}  // namespace

absl::Status AppProjection::ApplyCommand(const Envelope& envelope, const AppCommand& command) {
  switch (command.action()) {
    case AppCommand::START:
    case AppCommand::PAUSE:
    case AppCommand::STOP:
      return database_->Prepare("UPDATE app SET commanded=?")
          .Bind(static_cast<int>(command.action()))
          .Run();
    case AppCommand::RETRY:
    case AppCommand::SKIP:
      for (const std::string& id : command.resource_ids()) {
        RETURN_IF_ERROR(Note(id, head_.position + 1));
      }
      return ReleaseLanes(command);
    case AppCommand::REPLAY:
    case AppCommand::TEST: {
      const absl::Time from = ToTime(command.from_time());
      const absl::Time to = ToTime(command.to_time());
      const absl::Time asked = ToTime(envelope.time());
      return database_
          ->Prepare("INSERT OR IGNORE INTO jobs VALUES(?,?,?,?,?,'',0,0,0,?,?,?,?,?,?,?,?)")
          .Bind(command.job_id())
          .Bind(static_cast<int>(command.action()))
          .Bind(static_cast<int>(JobState::kQueued))
          .Bind(envelope.actor())
          .Bind(envelope.reason())
          .Bind(ToStored(from))
          .Bind(command.from_position())
          .Bind(ToStored(asked))
          .Bind(absl::StrJoin(command.resource_ids(), ","))
          .Bind(ToStored(to))
          .Bind(command.to_position())
          .Bind(static_cast<int64_t>(command.resources_per_second() * 1e6))
          .Bind(command.dry_run() ? 1 : 0)
          .Run();
    }
    case AppCommand::CANCEL_JOB:
      return database_->Prepare("UPDATE jobs SET state=? WHERE id=? AND state<=2")
          .Bind(static_cast<int>(JobState::kCancelled))
          .Bind(command.job_id())
          .Run();
    default:
      return absl::OkStatus();
  }
}

absl::Status AppProjection::ApplyNote(const AppNote& note) {
  const auto app = [&](const char* sql) {
    return database_->Prepare(sql).Bind(note.message()).Run();
  };
  JobState state = JobState::kRunning;
  switch (note.topic()) {
    case AppNote::BREAKER_OPENED:
      return app("UPDATE app SET breaker_open=1, trouble=?");
    case AppNote::BREAKER_CLOSED:
      return app("UPDATE app SET breaker_open=0, trouble=?");
    case AppNote::CREDENTIALS_REFUSED:
      return app("UPDATE app SET credentials_refused=1, not_configured=0, trouble=?");
    case AppNote::NOT_CONFIGURED:
      return app("UPDATE app SET credentials_refused=0, not_configured=1, trouble=?");
    case AppNote::CREDENTIALS_ACCEPTED:
      return app("UPDATE app SET credentials_refused=0, not_configured=0, trouble=?");
    case AppNote::JOB_PROGRESS:
      break;
    case AppNote::JOB_DONE:
      state = JobState::kDone;
      break;
    case AppNote::JOB_FAILED:
      state = JobState::kFailed;
      break;
    case AppNote::JOB_CANCELLED:
      state = JobState::kCancelled;
      break;
    default:
      return absl::OkStatus();
  }
  for (const event::v1::PlannedChange& change : note.planned()) {
    RETURN_IF_ERROR(database_->Prepare("INSERT OR REPLACE INTO planned VALUES(?,?,?)")
                        .Bind(note.job_id())
                        .Bind(change.resource_id())
                        .BindBlob(change.SerializeAsString())
                        .Run());
  }
  return database_
      ->Prepare(
          "UPDATE jobs SET state=?, message=?, done=?, total=?, sent=?"
          " WHERE id=? AND state<=2")
      .Bind(static_cast<int>(state))
      .Bind(note.message())
      .Bind(note.done())
      .Bind(note.total())
      .Bind(note.sent())
      .Bind(note.job_id())
      .Run();
}

}  // namespace purser
