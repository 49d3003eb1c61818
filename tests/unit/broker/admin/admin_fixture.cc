#include "tests/unit/broker/admin/admin_fixture.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/admin/lookup.h"
#include "broker/base/status.h"
#include "broker/eventlog/whole_event.h"

namespace purser {

AdminFixture::AdminFixture() {
  auto log = SqliteEventLog::Create({.folder = folder_ / "log"});
  EXPECT_TRUE(log.ok()) << log.status();
  log_ = *std::move(log);
  context_.log = log_.get();
  context_.control = &control_;
  context_.clock = &clock_;
  context_.ids = &ids_;
  context_.directories = [this](absl::string_view id) {
    FoldOf(StreamId::Directory(id));
    return directory_readers_[std::string(id)].get();
  };
  context_.apps = [this](absl::string_view id) {
    FoldOf(StreamId::App(id));
    return app_readers_[std::string(id)].get();
  };
  context_.submit = [this](const StreamId& stream, const DecideRecords& decide, absl::Duration,
                           const SubmitDone& done) { done(Write(stream, decide)); };
  context_.authenticate = [this](absl::string_view token) -> absl::StatusOr<Caller> {
    if (token == "admin-secret") return admin_;
    if (token == "viewer-secret") return viewer_;
    return absl::UnauthenticatedError("the token is not known");
  };
  context_.templates.yaml = [](absl::string_view) { return absl::string_view(); };
}

Fold* AdminFixture::FoldOf(const StreamId& stream) {
  if (stream == StreamId::Control()) return &control_;
  const std::string& id = stream.id();
  const std::string path = folder_ / absl::StrCat(id, ".db");
  if (stream.kind() == StreamKind::kDirectory) {
    if (directories_[id] == nullptr) {
      directories_[id] = *DirectoryProjection::Open(path, stream);
      directory_readers_[id] = std::make_unique<DirectoryReaders>(path);
    }
    return directories_[id].get();
  }
  if (apps_[id] == nullptr) {
    apps_[id] = *AppProjection::Open(path, stream);
    app_readers_[id] = std::make_unique<AppReaders>(path);
  }
  return apps_[id].get();
}

absl::StatusOr<StreamPosition> AdminFixture::Write(const StreamId& stream,
                                                   const DecideRecords& decide) {
  Fold* fold = FoldOf(stream);
  log_->Open(stream, [](const absl::StatusOr<Head>&) {});
  while (log_->RunOnce(absl::ZeroDuration())) {
  }
  RETURN_IF_ERROR(fold->Begin());
  absl::StatusOr<std::vector<event::v1::Envelope>> decided = decide();
  if (!decided.ok()) {
    fold->Rollback();
    return decided.status();
  }
  const Head base = fold->head();
  Head head = base;
  std::vector<Record> records;
  for (event::v1::Envelope& envelope : *decided) {
    records.push_back(ChainRecord(stream, std::move(envelope), clock_.Now(), &head));
    EXPECT_TRUE(fold->Apply(records.back(), *DecodeRecord(records.back().bytes)).ok());
  }
  if (!records.empty()) {
    absl::Status appended = absl::UnknownError("no answer");
    log_->Append(stream, base, records,
                 [&appended](const AppendResult& result) { appended = result.status; });
    while (log_->RunOnce(absl::ZeroDuration())) {
    }
    RETURN_IF_ERROR(appended);
  }
  RETURN_IF_ERROR(fold->Commit());
  return head.position;
}

StreamPosition AdminFixture::Append(const StreamId& stream, event::v1::Kind kind,
                                    event::v1::ResourceType type, const std::string& id,
                                    const google::protobuf::MessageLite& payload,
                                    const std::string& actor) {
  clock_.Advance(absl::Seconds(1));
  event::v1::Envelope envelope;
  envelope.set_event_id(ids_.NewId(clock_.Now()));
  envelope.set_kind(kind);
  envelope.set_resource_type(type);
  envelope.set_resource_id(id);
  envelope.set_actor(actor);
  envelope.set_payload(payload.SerializeAsString());
  const auto written = Write(stream, [&] {
    return absl::StatusOr<std::vector<event::v1::Envelope>>(
        std::vector<event::v1::Envelope>{envelope});
  });
  EXPECT_TRUE(written.ok()) << written.status();
  return written.value_or(0);
}

std::string AdminFixture::WikiYaml() {
  return R"yaml(directories:
- name: main
apps:
- name: wiki
  connector: scim
  url: https://wiki.example.com/scim/v2
  credentials:
    bearer_token:
      secret: ${env:WIKI_TOKEN}
  users:
    rows:
    - target: userName
      source: userName
      match: 1
      required: true
    - target: title
      source: title
  scope:
    all: true
  mode: automatic
  state: running
)yaml";
}

absl::StatusOr<admin::v1::ApplyResponse> AdminFixture::ApplyText(const std::string& yaml,
                                                                 bool dry_run) {
  admin::v1::ConfigFile file;
  file.set_name("wiki.yaml");
  file.set_text(yaml);
  return ApplyConfiguration(context_, admin_, {file},
                            {.dry_run = dry_run, .request_id = "request-1", .reason = "because"});
}

void AdminFixture::PutWiki() {
  const auto applied = ApplyText(WikiYaml());
  ASSERT_TRUE(applied.ok()) << applied.status();
}

StreamPosition AdminFixture::HeadOf(const StreamId& stream) {
  return FoldOf(stream)->head().position;
}

event::v1::Envelope AdminFixture::LastRecord(const StreamId& stream) {
  const auto envelope = ReadEvent(*log_, stream, HeadOf(stream));
  EXPECT_TRUE(envelope.ok()) << envelope.status();
  return envelope.value_or(event::v1::Envelope());
}

StreamPosition AdminFixture::CreateUser(const std::string& id, const std::string& attributes) {
  event::v1::ResourceCreated created;
  created.set_attributes(attributes);
  return Append(StreamId::Directory(directory_id()), event::v1::RESOURCE_CREATED, event::v1::USER,
                id, created, "token-idp");
}

StreamPosition AdminFixture::ChangeUser(const std::string& id, const std::string& attribute,
                                        const std::string& value) {
  event::v1::ResourceChanged changed;
  event::v1::AttributeChange* change = changed.add_changes();
  change->set_attribute(attribute);
  change->set_value(value);
  return Append(StreamId::Directory(directory_id()), event::v1::RESOURCE_CHANGED, event::v1::USER,
                id, changed, "token-idp");
}

StreamPosition AdminFixture::DeleteUser(const std::string& id) {
  return Append(StreamId::Directory(directory_id()), event::v1::RESOURCE_DELETED, event::v1::USER,
                id, event::v1::ResourceDeleted(), "token-idp");
}

void AdminFixture::TakeOver() {
  event::v1::TookOver took;
  took.set_node_id("node-1");
  took.set_boot_id("boot-1");
  Append(StreamId::App(app_id()), event::v1::TOOK_OVER, event::v1::APP, app_id(), took, "purser");
}

void AdminFixture::Plan(StreamPosition directory_position) {
  event::v1::Planned planned;
  planned.mutable_basis()->set_directory_position(directory_position);
  Append(StreamId::App(app_id()), event::v1::PLANNED, event::v1::APP, app_id(), planned, "purser");
}

void AdminFixture::Start(const std::string& id, const std::string& operation,
                         event::v1::OperationKind kind, const std::string& changes) {
  event::v1::Started started;
  event::v1::StartedOperation* out = started.add_operations();
  out->set_operation_id(operation);
  out->set_resource_type(event::v1::USER);
  out->set_resource_id(id);
  out->set_kind(kind);
  out->set_sealed_changes(changes);
  out->set_try_number(1);
  Append(StreamId::App(app_id()), event::v1::STARTED, event::v1::APP, app_id(), started, "purser");
}

void AdminFixture::Settle(const event::v1::Outcome& outcome) {
  event::v1::Outcomes outcomes;
  *outcomes.add_outcomes() = outcome;
  Append(StreamId::App(app_id()), event::v1::OUTCOMES, event::v1::APP, app_id(), outcomes,
         "purser");
}

void AdminFixture::Link(const std::string& id, const std::string& remote_id,
                        StreamPosition position) {
  event::v1::Outcome outcome;
  outcome.set_resource_type(event::v1::USER);
  outcome.set_resource_id(id);
  outcome.set_result(event::v1::ALREADY_SO);
  outcome.mutable_link()->set_remote_id(remote_id);
  outcome.mutable_link()->set_remote_name(id);
  outcome.set_lane_state(event::v1::IDLE);
  outcome.set_wanted_position(position);
  Settle(outcome);
}

void AdminFixture::Park(const std::string& id, StreamPosition position) {
  event::v1::Outcome outcome;
  outcome.set_resource_type(event::v1::USER);
  outcome.set_resource_id(id);
  outcome.set_result(event::v1::NO_EFFECT);
  outcome.set_lane_state(event::v1::PARKED);
  outcome.set_code("refused");
  outcome.set_message("the title is too long");
  outcome.set_http_status(400);
  outcome.set_tries(3);
  outcome.set_wanted_position(position);
  outcome.mutable_exchange()->set_verb("create");
  outcome.mutable_exchange()->set_method("POST");
  outcome.mutable_exchange()->set_url("https://wiki.example.com/scim/v2/Users");
  outcome.mutable_exchange()->set_http_status(400);
  outcome.mutable_exchange()->set_verdict("refused");
  outcome.mutable_exchange()->set_summary("sent userName, title; scimType invalidValue");
  Settle(outcome);
}

void AdminFixture::Keep(const event::v1::Exchanges& exchanges) {
  KeepOn(StreamId::Exchanges(app_id()), exchanges.SerializeAsString());
}

void AdminFixture::Keep(const event::v1::RefusedRequest& refused) {
  KeepOn(StreamId::Requests(directory_id()), refused.SerializeAsString());
}

void AdminFixture::KeepOn(const StreamId& stream, const std::string& bytes) {
  log_->Open(stream, [](const absl::StatusOr<Head>&) {});
  log_->AppendUnchained(stream, bytes);
  while (log_->RunOnce(absl::ZeroDuration())) {
  }
}

void AdminFixture::NoteJob(const std::string& job_id, event::v1::AppNote::Topic topic) {
  event::v1::AppNote note;
  note.set_topic(topic);
  note.set_job_id(job_id);
  note.set_done(2);
  note.set_total(2);
  Tell(note);
}

void AdminFixture::Tell(const event::v1::AppNote& note) {
  Append(StreamId::App(app_id()), event::v1::APP_NOTE, event::v1::APP, app_id(), note, "purser");
}

}  // namespace purser
