#include "tests/simulation/product/product_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/arbitrated/arbitrated_event_log.h"
#include "connectors/delivery/app_settings.h"

namespace purser::simulation {
namespace {

void RunHere(const std::function<void()>& work) { work(); }

}  // namespace

ProductNode::ProductNode(const Around& around, const Identity& identity)
    : around_(around), identity_(identity), clock_(around.clock, identity.clock_ahead) {
  OpenLog();
  membership_ = std::make_unique<Membership>(Membership::Options{.role = Membership::Role::kMember,
                                                                 .node_id = identity_.node_id,
                                                                 .boot_id = identity_.boot_id,
                                                                 .parts = {},
                                                                 .log = log_,
                                                                 .clock = &clock_});
  control_writer_ =
      std::make_unique<StreamWriter>(log_, StreamId::Control(), &control_, &clock_, RunHere, [] {});
  endpoints_ = std::make_unique<ScimEndpoints>(
      ScimEndpoints::Options{.tokens = &tokens_, .clock = &clock_, .ids = around_.ids});
  Open(StreamId::Control(), [this](const Head&) { control_open_ = true; });
}

ProductNode::~ProductNode() = default;

void ProductNode::OpenLog() {
  auto transport =
      std::make_unique<MemoryTransport>(around_.cluster, *around_.clock, identity_.seed);
  transport_ = transport.get();
  auto table = *RecordStore::Open(absl::StrCat(identity_.folder, "/log.db"),
                                  {.synchronous = Synchronous::kNormal});
  real_log_ = std::make_unique<ArbitratedEventLog>(around_.bugs->In(std::move(transport)),
                                                   std::move(table), /*lock=*/nullptr, clock_,
                                                   *around_.ids, identity_.seed + 1);
  planted_log_ = around_.bugs->Over(real_log_.get());
  log_ = planted_log_ != nullptr ? planted_log_.get() : real_log_.get();
  log_->SetListener([this](const StreamId& stream) { OnRecords(stream); });
}

void ProductNode::Open(const StreamId& stream, std::function<void(const Head&)> opened) {
  log_->Open(stream, [this, stream, opened = std::move(opened)](const absl::StatusOr<Head>& head) {
    if (head.ok()) return opened(*head);
    inbox_->push_back([this, stream, opened] { Open(stream, opened); });
  });
}

void ProductNode::OnRecords(const StreamId& stream) {
  if (stream.kind() == StreamKind::kControl) control_writer_->NewRecords();
  if (stream.kind() == StreamKind::kHeartbeats) membership_->NewRecords();
  if (stream.kind() == StreamKind::kDirectory && directory_) directory_->writer().NewRecords();
  if (stream.kind() != StreamKind::kApp) return;
  const auto app = apps_.find(stream.id());
  if (app != apps_.end() && app->second.writer != nullptr) app->second.writer->NewRecords();
}

bool ProductNode::RunInbox() {
  const std::deque<std::function<void()>> work = std::exchange(*inbox_, {});
  for (const auto& one : work) one();
  return !work.empty();
}

bool ProductNode::RunOnce() {
  bool worked = RunInbox();
  worked |= log_->RunOnce(absl::ZeroDuration());
  worked |= membership_->RunOnce();
  if (control_open_) worked |= control_writer_->RunOnce();
  FollowControl();
  if (directory_ != nullptr) worked |= directory_->writer().RunOnce();
  for (auto& [id, app] : apps_) {
    if (app.worker == nullptr && app.open && directory_ != nullptr) MakeApp(id, &app);
  }
  FollowDirectory();
  for (auto& [id, app] : apps_) {
    if (app.worker == nullptr) continue;
    worked |= app.worker->RunOnce();
    if (app.worker->stopped() && !stopping_) RenewWorker(&app);
  }
  JoinOnceFolded();
  return worked;
}

absl::Duration ProductNode::NextDue() const {
  if (!inbox_->empty()) return clock_.SinceBoot();
  absl::Duration due = std::min(transport_->next_due(),
                                static_cast<const ArbitratedEventLog&>(*real_log_).NextDue());
  due = std::min(due, control_writer_->NextDue());
  if (directory_ != nullptr) due = std::min(due, directory_->writer().NextDue());
  for (const auto& [id, app] : apps_) {
    if (app.worker != nullptr) due = std::min(due, app.worker->NextDue());
  }
  return due;
}

void ProductNode::Handle(http::Request request, http::Respond respond) {
  respond = around_.bugs->Over(request, std::move(respond));
  endpoints_->Handle(std::move(request), std::move(respond), directory_.get(), "/scim/v2", {});
}

bool ProductNode::SubmitToApp(const std::string& id, WriteRequest request) {
  const auto app = apps_.find(id);
  if (app == apps_.end() || app->second.writer == nullptr) return false;
  app->second.writer->Submit(std::move(request));
  return true;
}

void ProductNode::FollowControl() {
  const std::shared_ptr<const ControlState> state = control_.state();
  if (state->head.position == configured_) return;
  configured_ = state->head.position;
  for (const auto& [id, tokens] : state->tokens) {
    tokens_.Put(id, {tokens.begin(), tokens.end()});
  }
  if (state->directories.contains(kDirectory) && !std::exchange(directory_opening_, true)) {
    Open(StreamId::Directory(kDirectory), [this](const Head&) { OpenDirectory(); });
  }
  for (const auto& [id, entry] : state->apps) {
    const auto [it, fresh] = apps_.try_emplace(id);
    App* app = &it->second;
    const bool moved = app->entry.version != entry.version;
    app->entry = entry;
    if (fresh) {
      Open(StreamId::App(id), [app](const Head& head) {
        app->open = true;
        app->opened_at = head.position;
      });
    }
    if (app->worker != nullptr && moved) Configure(app);
  }
}

void ProductNode::OpenDirectory() {
  directory_ = *DirectoryService::Open(absl::StrCat(identity_.folder, "/directory.db"), kDirectory,
                                       log_, &clock_, RunHere, [] {});
}

void ProductNode::MakeApp(const std::string& id, App* app) {
  const std::string path = absl::StrCat(identity_.folder, "/", id, ".db");
  app->projection = *AppProjection::Open(path, StreamId::App(id), 1024);
  app->readers = std::make_unique<AppReaders>(path);
  app->fold = std::make_unique<delivery::OwnerFold>(app->projection.get());
  app->planted_fold = around_.bugs->Over(app->fold.get());
  Fold* fold = app->planted_fold != nullptr ? app->planted_fold.get() : app->fold.get();
  app->writer =
      std::make_unique<StreamWriter>(log_, StreamId::App(id), fold, &clock_, RunHere, [] {});
  RenewWorker(app);
}

void ProductNode::RenewWorker(App* app) {
  if (events_ == nullptr) {
    events_ = std::make_unique<delivery::FollowedEvents>(log_, app->entry.directory_id);
  }
  delivery::AppWorkerOptions options;
  options.app_id = app->entry.id;
  options.directory_id = app->entry.directory_id;
  options.node_id = identity_.node_id;
  options.boot_id = identity_.boot_id;
  options.log = log_;
  options.nodes = membership_.get();
  options.directory = &directory_->readers();
  options.events = events_.get();
  options.projection = app->projection.get();
  options.fold = app->fold.get();
  options.writer = app->writer.get();
  options.clock = &clock_;
  options.ids = around_.ids;
  options.metrics = &metrics_;
  options.jitter_seed = identity_.seed + ++workers_;
  options.wake = [] {};
  app->worker = std::make_unique<delivery::AppWorker>(std::move(options));
  Configure(app);
}

void ProductNode::Configure(App* app) {
  auto settings = delivery::CompileSettings(app->entry, {});
  FakeApp* there = around_.apps.at(app->entry.id);
  auto connector = there->Connect([inbox = std::weak_ptr(inbox_)](std::function<void()> reply) {
    if (auto alive = inbox.lock()) alive->push_back(std::move(reply));
  });
  app->worker->Configure(*std::move(settings), around_.bugs->In(std::move(connector), there));
}

void ProductNode::FollowDirectory() {
  if (directory_ == nullptr || directory_->writer().folded() == directory_told_) return;
  directory_told_ = directory_->writer().folded();
  for (auto& [id, app] : apps_) {
    if (app.worker != nullptr) app.worker->DirectoryMoved();
  }
}

// As a node that serves joins those that deliver: once its read model is there.
void ProductNode::JoinOnceFolded() {
  if (joined_ || stopping_ || directory_ == nullptr || apps_.empty()) return;
  for (const auto& [id, app] : apps_) {
    if (app.worker == nullptr || app.writer->folded() < app.opened_at) return;
  }
  joined_ = true;
  membership_->Join();
}

void ProductNode::BeginStop() {
  stopping_ = true;
  membership_->Leave();
  for (auto& [id, app] : apps_) {
    if (app.worker != nullptr) app.worker->Stop();
  }
}

bool ProductNode::stopped() const {
  return std::all_of(apps_.begin(), apps_.end(), [](const auto& app) {
    return app.second.worker == nullptr || app.second.worker->stopped();
  });
}

delivery::AppWorker* ProductNode::worker(const std::string& app) {
  const auto it = apps_.find(app);
  return it == apps_.end() ? nullptr : it->second.worker.get();
}

AppReaders* ProductNode::readers(const std::string& app) {
  const auto it = apps_.find(app);
  return it == apps_.end() ? nullptr : it->second.readers.get();
}

absl::Status ProductNode::Health() const {
  absl::Status health = control_writer_->health();
  if (directory_ != nullptr) health.Update(directory_->writer().health());
  for (const auto& [id, app] : apps_) {
    if (app.writer != nullptr) health.Update(app.writer->health());
  }
  return health;
}

}  // namespace purser::simulation
