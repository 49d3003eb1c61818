// A directory and an app on an embedded log, folded as they are written, and the admin API over
// them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/admin/admin_context.h"
#include "broker/admin/apply.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/control_state.h"
#include "broker/projections/directory_projection.h"
#include "gtest/gtest.h"
#include "purser/event/v1/delivery.pb.h"
#include "purser/event/v1/directory.pb.h"
#include "tests/support/temp_dir.h"

namespace purser {

class AdminFixture : public testing::Test {
 protected:
  AdminFixture();

  // Puts the directory `main` and the app `wiki`, which is running, with everyone in scope.
  void PutWiki();
  static std::string WikiYaml();

  const Caller& admin() const { return admin_; }
  const Caller& viewer() const { return viewer_; }
  AdminContext& context() { return context_; }
  FakeClock& clock() { return clock_; }

  std::string directory_id() const { return control_.state()->DirectoryByName("main")->id; }
  std::string app_id() const { return control_.state()->AppByName("wiki")->id; }
  StreamPosition HeadOf(const StreamId& stream);
  event::v1::Envelope LastRecord(const StreamId& stream);

  // Events of the directory, by the identity provider; a second apart.
  StreamPosition CreateUser(const std::string& id, const std::string& attributes);
  StreamPosition ChangeUser(const std::string& id, const std::string& attribute,
                            const std::string& value);
  StreamPosition DeleteUser(const std::string& id);

  // Records of the app's owner.
  void TakeOver();
  void Plan(StreamPosition directory_position);
  void Start(const std::string& id, const std::string& operation, event::v1::OperationKind kind,
             const std::string& changes);
  void Settle(const event::v1::Outcome& outcome);
  // The account `remote_id` now stands for the user, as of `position`.
  void Link(const std::string& id, const std::string& remote_id, StreamPosition position);
  void Park(const std::string& id, StreamPosition position);
  // A record of the app's exchanges.
  void Keep(const event::v1::Exchanges& exchanges);
  // A record of the directory's refused requests.
  void Keep(const event::v1::RefusedRequest& refused);
  void NoteJob(const std::string& job_id, event::v1::AppNote::Topic topic);
  void Tell(const event::v1::AppNote& note);

  absl::StatusOr<admin::v1::ApplyResponse> ApplyText(const std::string& yaml, bool dry_run = false);

 private:
  void KeepOn(const StreamId& stream, const std::string& bytes);
  Fold* FoldOf(const StreamId& stream);
  absl::StatusOr<StreamPosition> Write(const StreamId& stream, const DecideRecords& decide);
  StreamPosition Append(const StreamId& stream, event::v1::Kind kind, event::v1::ResourceType type,
                        const std::string& id, const google::protobuf::MessageLite& payload,
                        const std::string& actor);

  TempDir folder_;
  FakeClock clock_;
  SequentialIdSource ids_;
  std::unique_ptr<SqliteEventLog> log_;
  ControlProjection control_;
  std::map<std::string, std::unique_ptr<DirectoryProjection>> directories_;
  std::map<std::string, std::unique_ptr<DirectoryReaders>> directory_readers_;
  std::map<std::string, std::unique_ptr<AppProjection>> apps_;
  std::map<std::string, std::unique_ptr<AppReaders>> app_readers_;
  const Caller admin_{"token-admin", auth::Role::kAdmin};
  const Caller viewer_{"token-viewer", auth::Role::kViewer};
  AdminContext context_;
};

}  // namespace purser
