#include "tests/support/delivery/delivery_rig.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/whole_event.h"
#include "connectors/delivery/app_settings.h"
#include "gtest/gtest.h"

namespace purser {
namespace {

constexpr char kEnterprise[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
// More turns than this without anything becoming due is a loop that never rests.
constexpr int kMostTurns = 200'000;

// Files that are gone in a second need no disk.
[[maybe_unused]] const bool kInMemory =
    std::filesystem::exists("/dev/shm") && setenv("TMPDIR", "/dev/shm", 0) == 0;

void AddRow(config::v1::ResourceMapping* mapping, const std::string& target,
            const std::string& source, uint32_t match = 0, bool required = false,
            bool reference = false) {
  config::v1::MappingRow* row = mapping->add_rows();
  row->set_target(target);
  row->set_source(source);
  row->set_match(match);
  row->set_required(required);
  row->set_reference(reference);
}

}  // namespace

config::v1::App PlainApp() {
  config::v1::App app;
  app.set_name("plain");
  app.set_connector("scim");
  app.set_mode(config::v1::AUTOMATIC);
  app.set_state(config::v1::RUNNING);
  app.mutable_scope()->set_all(true);
  app.mutable_credentials()->mutable_bearer_token()->set_secret("${env:TOKEN}");
  config::v1::ResourceMapping* users = app.mutable_users();
  users->set_enabled(config::v1::ON);
  AddRow(users, "userName", "userName", 1, true);
  AddRow(users, "active", "active");
  AddRow(users, "title", "title");
  AddRow(users, "nickName", "nickName");
  AddRow(users, absl::StrCat(kEnterprise, ":manager"), absl::StrCat(kEnterprise, ":manager"), 0,
         false, true);
  config::v1::ResourceMapping* groups = app.mutable_groups();
  groups->set_enabled(config::v1::ON);
  AddRow(groups, "displayName", "displayName", 1, true);
  AddRow(groups, "members", "members");
  return app;
}

DeliveryRig::DeliveryRig(FakeAppOptions options, config::v1::App app_config)
    : log(&clock), app(&clock, options), config(std::move(app_config)) {
  Start();
}

void DeliveryRig::Start() {
  log.SetListener([this](const StreamId& stream) {
    if (stream == directory_stream_) directory_writer_->NewRecords();
    if (stream == stream_) writer_->NewRecords();
  });
  log.Open(directory_stream_, [](const absl::StatusOr<Head>&) {});
  log.Open(stream_, [](const absl::StatusOr<Head>&) {});
  const auto run = [](const std::function<void()>& closure) { closure(); };
  directory_ = *DirectoryProjection::Open(dir_ / "directory.db", directory_stream_, 1024);
  readers_ = std::make_unique<DirectoryReaders>(dir_ / "directory.db");
  events_ = std::make_unique<delivery::FollowedEvents>(&log, "d1");
  directory_writer_ =
      std::make_unique<StreamWriter>(&log, directory_stream_, directory_.get(), &clock, run, [] {});
  projection_ = *AppProjection::Open(dir_ / "app.db", stream_, 1024);
  fold_ = std::make_unique<delivery::OwnerFold>(projection_.get());
  writer_ = std::make_unique<StreamWriter>(&log, stream_, fold_.get(), &clock, run, [] {});
  const std::string boot = absl::StrCat("boot-", ++boots_);
  worker_ = std::make_unique<delivery::AppWorker>(
      delivery::AppWorkerOptions{.app_id = "app1",
                                 .directory_id = "d1",
                                 .node_id = "node",
                                 .boot_id = boot,
                                 .log = &log,
                                 .directory = readers_.get(),
                                 .events = events_.get(),
                                 .projection = projection_.get(),
                                 .fold = fold_.get(),
                                 .writer = writer_.get(),
                                 .clock = &clock,
                                 .ids = &ids,
                                 .metrics = &metrics_,
                                 .jitter_seed = static_cast<uint64_t>(boots_),
                                 .wake = [] {}});
  directory_folded_ = 0;
  Reconfigure();
}

void DeliveryRig::Reconfigure() {
  AppEntry entry;
  entry.id = "app1";
  entry.directory_id = "d1";
  entry.app = config;
  entry.version = config_version;
  auto settings = delivery::CompileSettings(entry, {});
  ASSERT_TRUE(settings.ok()) << settings.status();
  auto connector = app.Connect();
  if (wrap_connector) connector = wrap_connector(std::move(connector));
  worker_->Configure(*settings, std::move(connector));
}

void DeliveryRig::Crash(bool appends_stand) {
  log.Crash(appends_stand);
  app.Crash();
  worker_.reset();
  writer_.reset();
  fold_.reset();
  projection_.reset();
  directory_writer_.reset();
  events_.reset();
  readers_.reset();
  directory_.reset();
}

void DeliveryRig::Stop() {
  worker_->Stop();
  for (int second = 0; second < 120 && !worker_->stopped(); ++second) RunFor(absl::Seconds(1));
  EXPECT_TRUE(worker_->stopped());
  Crash();
}

absl::Duration DeliveryRig::NextDue() const {
  return std::min({worker_->NextDue(), app.NextDue(), log.NextDue()});
}

void DeliveryRig::Pump() {
  for (int turn = 0; turn < kMostTurns; ++turn) {
    bool worked = log.RunOnce(absl::ZeroDuration());
    worked |= directory_writer_->RunOnce();
    if (directory_writer_->folded() != directory_folded_) {
      directory_folded_ = directory_writer_->folded();
      worker_->DirectoryMoved();
    }
    worked |= worker_->RunOnce();
    worked |= app.RunOnce();
    if (!worked) return;
  }
  Complain("it never rests");
}

void DeliveryRig::RunFor(absl::Duration duration) {
  const absl::Duration end = clock.SinceBoot() + duration;
  while (true) {
    Pump();
    const absl::Duration now = clock.SinceBoot();
    if (now >= end || restless_) return;
    const absl::Duration due = std::max(NextDue(), now + absl::Milliseconds(1));
    clock.Advance(std::min(due, end) - now);
  }
}

void DeliveryRig::Complain(const std::string& what) {
  restless_ = true;
  if (complaints == nullptr) {
    ADD_FAILURE() << what;
  } else {
    complaints->push_back(what);
  }
}

void DeliveryRig::ForgetProjection() {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(dir_ / absl::StrCat("app.db", suffix));
  }
}

void DeliveryRig::Settle() {
  for (int minute = 0; minute < 60; ++minute) {
    RunFor(absl::Minutes(1));
    const auto counts = *reader().CountByState();
    if (!counts.contains(event::v1::RETRYING) && reader().OpenOperations()->empty() &&
        reader().Jobs(true)->empty() && worker_->idle()) {
      return;
    }
  }
  Complain("it never settles");
}

template <typename Payload>
void DeliveryRig::Write(event::v1::Kind kind, event::v1::ResourceType type, const std::string& id,
                        const Payload& payload) {
  WriteRequest write;
  write.deadline = clock.SinceBoot() + absl::Seconds(10);
  write.decide = [=, this](absl::Time at) {
    event::v1::Envelope envelope;
    envelope.set_event_id(ids.NewId(at));
    envelope.set_trace_parent(trace_parent);
    envelope.set_kind(kind);
    envelope.set_resource_type(type);
    envelope.set_resource_id(id);
    envelope.set_payload(payload.SerializeAsString());
    return std::vector<event::v1::Envelope>{envelope};
  };
  bool written = false;
  write.done = [&](const absl::StatusOr<WriteReceipt>& receipt) {
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    written = true;
  };
  directory_writer_->Submit(std::move(write));
  for (int turn = 0; turn < 1000 && !written; ++turn) {
    directory_writer_->RunOnce();
    if (!log.RunOnce(absl::ZeroDuration())) clock.Advance(absl::Milliseconds(1));
  }
  EXPECT_TRUE(written);
}

void DeliveryRig::CreateUser(const std::string& id, const std::string& user_name,
                             nlohmann::json more) {
  more["userName"] = user_name;
  event::v1::ResourceCreated created;
  created.set_attributes(more.dump());
  Write(event::v1::RESOURCE_CREATED, event::v1::USER, id, created);
}

void DeliveryRig::Change(const std::string& id, const std::string& attribute,
                         const nlohmann::json& value) {
  event::v1::ResourceChanged changed;
  event::v1::AttributeChange* change = changed.add_changes();
  change->set_attribute(attribute);
  if (!value.is_null()) change->set_value(value.dump());
  Write(event::v1::RESOURCE_CHANGED, event::v1::USER, id, changed);
}

void DeliveryRig::SetManager(const std::string& id, const std::string& manager) {
  event::v1::ResourceChanged changed;
  event::v1::AttributeChange* change = changed.add_changes();
  change->set_schema(kEnterprise);
  change->set_attribute("manager");
  change->set_value(nlohmann::json{{"value", manager}}.dump());
  Write(event::v1::RESOURCE_CHANGED, event::v1::USER, id, changed);
}

void DeliveryRig::Delete(const std::string& id, event::v1::ResourceType type) {
  Write(event::v1::RESOURCE_DELETED, type, id, event::v1::ResourceDeleted());
}

void DeliveryRig::CreateGroup(const std::string& id, const std::string& name,
                              const std::vector<std::string>& members) {
  event::v1::ResourceCreated created;
  created.set_attributes(nlohmann::json{{"displayName", name}}.dump());
  for (const std::string& member : members) {
    created.add_members()->set_id(member);
    created.mutable_members()->rbegin()->set_type(event::v1::USER);
  }
  Write(event::v1::RESOURCE_CREATED, event::v1::GROUP, id, created);
}

void DeliveryRig::ChangeMembers(const std::string& group, const std::vector<std::string>& added,
                                const std::vector<std::string>& removed) {
  event::v1::ResourceChanged changed;
  for (const std::string& member : added) {
    changed.add_members_added()->set_id(member);
    changed.mutable_members_added()->rbegin()->set_type(event::v1::USER);
  }
  for (const std::string& member : removed) changed.add_members_removed(member);
  Write(event::v1::RESOURCE_CHANGED, event::v1::GROUP, group, changed);
}

void DeliveryRig::RenameGroup(const std::string& id, const std::string& name) {
  event::v1::ResourceChanged changed;
  event::v1::AttributeChange* change = changed.add_changes();
  change->set_attribute("displayName");
  change->set_value(nlohmann::json(name).dump());
  Write(event::v1::RESOURCE_CHANGED, event::v1::GROUP, id, changed);
}

void DeliveryRig::Command(event::v1::AppCommand command) {
  WriteRequest write;
  write.deadline = clock.SinceBoot() + absl::Seconds(10);
  write.decide = [command](absl::Time) {
    event::v1::Envelope envelope;
    envelope.set_kind(event::v1::APP_COMMAND);
    envelope.set_resource_type(event::v1::APP);
    envelope.set_resource_id("app1");
    envelope.set_payload(command.SerializeAsString());
    return std::vector<event::v1::Envelope>{envelope};
  };
  write.done = [this](const absl::StatusOr<WriteReceipt>& receipt) {
    // A log that fails at random may lose it.
    if (complaints == nullptr) {
      EXPECT_TRUE(receipt.ok()) << receipt.status();
    }
  };
  worker_->writer().Submit(std::move(write));
  Pump();
}

void DeliveryRig::Command(event::v1::AppCommand::Action action,
                          const std::vector<std::string>& ids_named) {
  event::v1::AppCommand command;
  command.set_action(action);
  for (const std::string& id : ids_named) command.add_resource_ids(id);
  Command(command);
}

void DeliveryRig::TakeOver(const std::string& boot) {
  WriteRequest write;
  write.deadline = clock.SinceBoot() + absl::Seconds(10);
  write.decide = [boot](absl::Time) {
    event::v1::TookOver took;
    took.set_boot_id(boot);
    event::v1::Envelope envelope;
    envelope.set_kind(event::v1::TOOK_OVER);
    envelope.set_payload(took.SerializeAsString());
    return std::vector<event::v1::Envelope>{envelope};
  };
  write.done = [](const absl::StatusOr<WriteReceipt>&) {};
  worker_->writer().Submit(std::move(write));
  Pump();
}

std::string DeliveryRig::Replay(const std::vector<std::string>& ids) {
  event::v1::AppCommand command;
  command.set_action(event::v1::AppCommand::REPLAY);
  command.set_job_id(absl::StrCat("job-", ++jobs_));
  command.mutable_from_time()->set_seconds(1);
  for (const std::string& id : ids) command.add_resource_ids(id);
  Command(command);
  return command.job_id();
}

Lane DeliveryRig::LaneOf(const std::string& id) const {
  const auto lane = projection_->reader().FindLane(id);
  return lane.ok() && lane->has_value() ? **lane : Lane();
}

std::vector<event::v1::StartedOperation> DeliveryRig::Started() const {
  std::vector<event::v1::StartedOperation> operations;
  for (const event::v1::Envelope& envelope : Records()) {
    event::v1::Started started;
    if (envelope.kind() != event::v1::STARTED || !started.ParseFromString(envelope.payload())) {
      continue;
    }
    operations.insert(operations.end(), started.operations().begin(), started.operations().end());
  }
  return operations;
}

std::vector<event::v1::Exchange> DeliveryRig::Exchanges() const {
  std::vector<event::v1::Exchange> kept;
  const auto found = log.unchained.find(StreamId::Exchanges("app1"));
  if (found == log.unchained.end()) return kept;
  for (const std::string& bytes : found->second) {
    event::v1::Exchanges batch;
    EXPECT_TRUE(batch.ParseFromString(bytes));
    kept.insert(kept.end(), batch.exchanges().begin(), batch.exchanges().end());
  }
  return kept;
}

double DeliveryRig::Gauge(const std::string& name) const {
  return const_cast<MetricsRegistry&>(metrics_)
      .GetGauge(name, "", {{"app", config.name()}})
      ->value();
}

void DeliveryRig::ExpectRebuiltEqual() {
  auto rebuilt = *AppProjection::Open(dir_ / "rebuilt.db", stream_, 1024);
  const auto records = log.Read(stream_, rebuilt->head().position, SIZE_MAX, SIZE_MAX);
  ASSERT_TRUE(rebuilt->Begin().ok());
  for (const StoredRecord& record : *records) {
    const auto event = ReadEvent(log, stream_, record.position);
    ASSERT_TRUE(event.ok()) << event.status();
    const absl::Status applied = rebuilt->Apply({record.bytes}, *event);
    ASSERT_TRUE(applied.ok()) << applied;
  }
  ASSERT_TRUE(rebuilt->Commit().ok());
  if (*rebuilt->reader().Digest() != *projection_->reader().Digest()) {
    Complain("a fold made anew is another");
  }
}

}  // namespace purser
