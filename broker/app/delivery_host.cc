#include "broker/app/delivery_host.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "connectors/api/secrets.h"
#include "connectors/catalog/make_connector.h"
#include "connectors/delivery/app_settings.h"

namespace purser {
namespace {

constexpr absl::Duration kIdle = absl::Milliseconds(100);
// Who has not come round for so long delivers to nobody, whatever the reason: others may.
constexpr absl::Duration kStuck = absl::Minutes(1);

// Below the threads that answer: where the processor is full, who writes is answered and deliveries
// take what is left, and never less than about a third of what one of those threads gets. So do the
// bytes they move.
constexpr int kNice = 5;

config::v1::Directory DirectoryOf(const ControlState& state, const AppEntry& entry) {
  const auto it = state.directories.find(entry.directory_id);
  return it == state.directories.end() ? config::v1::Directory() : it->second.directory;
}

}  // namespace

DeliveryHost::DeliveryHost(Options options) : options_(std::move(options)) {}

DeliveryHost::~DeliveryHost() { Stop(absl::ZeroDuration()); }

absl::Status DeliveryHost::Start() {
  ASSIGN_OR_RETURN(http_, connectors::CurlHttpClient::Create({.nice = kNice}));
  last_turn_ = absl::ToInt64Milliseconds(options_.clock->SinceBoot());
  thread_ = std::thread([this] { Run(); });
  if (options_.nodes->role() == Membership::Role::kMember) {
    beats_ = std::thread([this] { RunBeats(); });
  }
  return absl::OkStatus();
}

void DeliveryHost::BeginStop() {
  if (!thread_.joinable() || draining_.exchange(true)) return;
  Post([this] {
    options_.nodes->Leave();
    MutexLock lock(&mutex_);
    for (auto& [id, app] : apps_) {
      if (app.worker != nullptr) app.worker->Stop();
    }
  });
}

void DeliveryHost::Stop(absl::Duration drain) {
  if (!thread_.joinable()) return;
  BeginStop();
  const absl::Duration until = options_.clock->SinceBoot() + drain;
  Mutex mutex;
  CondVar tick;
  while (!drained_ && options_.clock->SinceBoot() < until) {
    MutexLock lock(&mutex);
    tick.WaitFor(&mutex, absl::Milliseconds(5));
  }
  stop_ = true;
  http_->Wake();
  thread_.join();
  if (beats_.joinable()) beats_.join();
}

void DeliveryHost::Post(std::function<void()> work) {
  mailbox_.Post(std::move(work));
  http_->Wake();
}

void DeliveryHost::Run() {
  // Of this thread alone, on Linux. Where it is refused, nothing is lost but the order.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  while (!stop_) {
    absl::Duration wait = kIdle;
    {
      MutexLock lock(&mutex_);
      const absl::Duration now = options_.clock->SinceBoot();
      for (const auto& [id, app] : apps_) {
        if (app.worker != nullptr) wait = std::min(wait, app.worker->NextDue() - now);
      }
    }
    RunOnce(std::max(wait, absl::ZeroDuration()));
  }
}

void DeliveryHost::RunBeats() {
  while (!stop_) {
    const int64_t now = absl::ToInt64Milliseconds(options_.clock->SinceBoot());
    const bool stuck = absl::Milliseconds(now - last_turn_) > kStuck;
    if (!stuck && options_.nodes->RunOnce()) http_->Wake();
    MutexLock lock(&beats_mutex_);
    beats_due_.WaitFor(&beats_mutex_, kIdle);
  }
}

bool DeliveryHost::RunOnce(absl::Duration max_wait) {
  last_turn_ = absl::ToInt64Milliseconds(options_.clock->SinceBoot());
  bool worked = mailbox_.RunOnce(absl::ZeroDuration());
  JoinOnceFolded();
  std::vector<delivery::AppWorker*> workers;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, app] : apps_) {
      if (app.worker != nullptr) workers.push_back(app.worker.get());
    }
  }
  bool stopped = true;
  bool ended = false;  // somebody's tenure
  for (delivery::AppWorker* worker : workers) {
    worked |= worker->RunOnce();
    stopped &= worker->stopped();
    ended |= worker->stopped();
  }
  if (draining_ && stopped) drained_ = true;
  if (ended && !draining_) RenewWorkers();
  return http_->RunOnce(worked ? absl::ZeroDuration() : max_wait) || worked;
}

void DeliveryHost::Configure(std::shared_ptr<const ControlState> state) {
  Post([this, state = std::move(state)] {
    state_ = state;
    ConfigureHere(*state);
  });
}

void DeliveryHost::ConfigureHere(const ControlState& state) {
  std::vector<std::string> to_open;
  std::vector<App*> changed;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, entry] : state.apps) {
      App& app = apps_[id];
      const bool moved = app.entry.version != entry.version;
      app.entry = entry;
      if (app.worker == nullptr) {
        if (!std::exchange(app.opening, true)) to_open.push_back(id);
      } else if (moved) {
        changed.push_back(&app);
      }
    }
  }
  for (const std::string& id : to_open) OpenApp(id);
  for (App* app : changed) ConfigureWorker(app);
  NoteConfigured();
}

void DeliveryHost::OpenApp(const std::string& id) {
  options_.log->Open(StreamId::App(id), [this, id](absl::StatusOr<Head> head) {
    Post([this, id, head = std::move(head)] {
      const bool broken = !head.ok() && IsBroken(*options_.log, StreamId::App(id));
      const auto end = broken ? options_.log->KnownHead(StreamId::App(id)) : head;
      if (end.ok()) {
        {
          MutexLock lock(&mutex_);
          apps_[id].opened_at = end->position;
        }
        return MakeApp(id);
      }
      LogError("an app's stream cannot be opened",
               {{"app", id}, {"status", head.status().ToString()}});
      {
        MutexLock lock(&mutex_);
        apps_[id].opening = false;
      }
      if (!draining_) Configure(state_);  // Tried again.
    });
  });
}

void DeliveryHost::MakeApp(const std::string& id) {
  App* app = nullptr;
  {
    MutexLock lock(&mutex_);
    app = &apps_[id];
  }
  if (options_.directory(app->entry.directory_id) == nullptr) {
    // The directory opens on the other thread; nothing is to be done until it has.
    Post([this, id] { MakeApp(id); });
    return;
  }
  const std::string path = absl::StrCat(options_.folder, "/app-", id, ".db");
  auto projection = AppProjection::Open(path, StreamId::App(id));
  if (!projection.ok()) {
    LogError("an app's read model cannot be opened",
             {{"app", id}, {"status", projection.status().ToString()}});
    return;
  }
  App made;
  made.entry = app->entry;
  made.projection = *std::move(projection);
  made.fold = std::make_unique<delivery::OwnerFold>(made.projection.get());
  made.writer = std::make_unique<StreamWriter>(
      options_.log, StreamId::App(id), made.fold.get(), options_.clock,
      [this](std::function<void()> work) { Post(std::move(work)); }, [this] { http_->Wake(); });
  made.worker = NewWorker(id, made);
  {
    MutexLock lock(&mutex_);
    app->projection = std::move(made.projection);
    app->readers = std::make_unique<AppReaders>(path);
    app->fold = std::move(made.fold);
    app->writer = std::move(made.writer);
    app->worker = std::move(made.worker);
  }
  ConfigureWorker(app);
  if (draining_) app->worker->Stop();
  NoteConfigured();
  // Nobody waits for it: until it is open, what was exchanged is dropped and counted.
  options_.log->Open(StreamId::Exchanges(id), [](const absl::StatusOr<Head>&) {});
}

std::unique_ptr<delivery::AppWorker> DeliveryHost::NewWorker(const std::string& id,
                                                             const App& app) {
  delivery::AppWorkerOptions worker;
  worker.app_id = id;
  worker.directory_id = app.entry.directory_id;
  worker.node_id = options_.nodes->node_id();
  worker.boot_id = options_.nodes->boot_id();
  worker.log = options_.log;
  worker.nodes = options_.nodes;
  worker.directory = options_.directory(app.entry.directory_id);
  worker.events =
      events_
          .try_emplace(app.entry.directory_id, std::make_unique<delivery::FollowedEvents>(
                                                   options_.log, app.entry.directory_id))
          .first->second.get();
  worker.projection = app.projection.get();
  worker.fold = app.fold.get();
  worker.writer = app.writer.get();
  worker.clock = options_.clock;
  worker.ids = options_.ids;
  worker.metrics = options_.metrics;
  worker.jitter_seed = std::random_device()();
  worker.wake = [this] { http_->Wake(); };
  return std::make_unique<delivery::AppWorker>(std::move(worker));
}

// Who released an app, or lost it, stands by for it again.
void DeliveryHost::RenewWorkers() {
  std::vector<App*> ended;
  {
    MutexLock lock(&mutex_);
    for (auto& [id, app] : apps_) {
      if (app.worker != nullptr && app.worker->stopped()) ended.push_back(&app);
    }
  }
  for (App* app : ended) {
    auto renewed = NewWorker(app->entry.id, *app);
    {
      MutexLock lock(&mutex_);
      app->worker.swap(renewed);
    }
    ConfigureWorker(app);
  }
}

StreamPosition DeliveryHost::Folded(const std::string& app_id) const {
  MutexLock lock(&mutex_);
  const auto it = apps_.find(app_id);
  return it == apps_.end() || it->second.writer == nullptr ? 0 : it->second.writer->folded();
}

bool DeliveryHost::Folded() const {
  MutexLock lock(&mutex_);
  return std::all_of(apps_.begin(), apps_.end(), [](const auto& entry) {
    const App& app = entry.second;
    return app.worker == nullptr || app.writer->folded() >= app.opened_at;
  });
}

void DeliveryHost::WhenAt(const std::string& app_id, StreamPosition position,
                          absl::Duration deadline, std::function<void(absl::Status)> done) {
  MutexLock lock(&mutex_);
  const auto it = apps_.find(app_id);
  if (it == apps_.end() || it->second.worker == nullptr) {
    return done(absl::UnavailableError(absl::StrCat("app ", app_id, " is not open yet")));
  }
  it->second.writer->WhenAt(position, deadline, std::move(done));
}

void DeliveryHost::JoinOnceFolded() {
  if (joined_ || !may_join_ || !Folded()) return;
  joined_ = true;
  options_.nodes->Join();
}

void DeliveryHost::ConfigureWorker(App* app) {
  auto settings = delivery::CompileSettings(app->entry, DirectoryOf(*state_, app->entry));
  auto connector = connectors::MakeConnector(app->entry.app, app->worker->Metered(http_.get()),
                                             connectors::ProcessSecrets());
  if (!settings.ok() || !connector.ok()) {
    const absl::Status& why = settings.ok() ? connector.status() : settings.status();
    LogError("an app's configuration cannot be delivered by",
             {{"app", app->entry.id}, {"status", why.ToString()}});
    return;
  }
  app->worker->Configure(*std::move(settings), *std::move(connector));
}

void DeliveryHost::NoteConfigured() {
  MutexLock lock(&mutex_);
  for (const auto& [id, app] : apps_) {
    if (app.worker == nullptr) return;
  }
  if (state_ != nullptr) configured_ = state_->head.position;
}

void DeliveryHost::NewRecords(const StreamId& stream) {
  if (stream.kind() == StreamKind::kHeartbeats) {
    options_.nodes->NewRecords();
    MutexLock lock(&beats_mutex_);
    beats_due_.NotifyAll();
  }
  if (stream.kind() != StreamKind::kApp) return;
  MutexLock lock(&mutex_);
  const auto it = apps_.find(stream.id());
  if (it != apps_.end() && it->second.worker != nullptr) it->second.writer->NewRecords();
}

void DeliveryHost::DirectoryMoved(const std::string& directory_id) {
  MutexLock lock(&mutex_);
  for (auto& [id, app] : apps_) {
    if (app.worker != nullptr && app.entry.directory_id == directory_id) {
      app.worker->DirectoryMoved();
    }
  }
}

void DeliveryHost::Submit(const std::string& app_id, WriteRequest request) {
  MutexLock lock(&mutex_);
  const auto it = apps_.find(app_id);
  if (it == apps_.end() || it->second.worker == nullptr) {
    request.done(absl::UnavailableError(absl::StrCat("app ", app_id, " is not open yet")));
    return;
  }
  it->second.writer->Submit(std::move(request));
}

std::optional<DeliveryHost::Waiting> DeliveryHost::WaitingLanes(absl::string_view app_id) const {
  MutexLock lock(&mutex_);
  const auto it = apps_.find(app_id);
  const bool owned = it != apps_.end() && it->second.worker != nullptr && it->second.worker->owns();
  if (!owned) return std::nullopt;
  const delivery::AppWorker& worker = *it->second.worker;
  return Waiting{worker.waiting_lanes(), worker.oldest_wait(), worker.settled()};
}

AppReaders* DeliveryHost::Readers(absl::string_view app_id) const {
  MutexLock lock(&mutex_);
  const auto it = apps_.find(app_id);
  return it == apps_.end() ? nullptr : it->second.readers.get();
}

}  // namespace purser
