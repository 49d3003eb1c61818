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

// Below the threads that answer: where the processor is full, who writes is answered and deliveries
// take what is left, and never less than about a third of what one of those threads gets.
constexpr int kNice = 5;

config::v1::Directory DirectoryOf(const ControlState& state, const AppEntry& entry) {
  const auto it = state.directories.find(entry.directory_id);
  return it == state.directories.end() ? config::v1::Directory() : it->second.directory;
}

}  // namespace

DeliveryHost::DeliveryHost(Options options)
    : options_(std::move(options)), boot_id_(options_.ids->NewId(options_.clock->Now())) {}

DeliveryHost::~DeliveryHost() { Stop(absl::ZeroDuration()); }

absl::Status DeliveryHost::Start() {
  ASSIGN_OR_RETURN(http_, connectors::CurlHttpClient::Create({}));
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void DeliveryHost::Stop(absl::Duration drain) {
  if (!thread_.joinable()) return;
  draining_ = true;
  Post([this] {
    MutexLock lock(&mutex_);
    for (auto& [id, app] : apps_) {
      if (app.worker != nullptr) app.worker->Stop();
    }
  });
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

bool DeliveryHost::RunOnce(absl::Duration max_wait) {
  bool worked = mailbox_.RunOnce(absl::ZeroDuration());
  std::vector<delivery::AppWorker*> workers;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, app] : apps_) {
      if (app.worker != nullptr) workers.push_back(app.worker.get());
    }
  }
  bool stopped = draining_;
  for (delivery::AppWorker* worker : workers) {
    worked |= worker->RunOnce();
    stopped &= worker->stopped();
  }
  if (stopped) drained_ = true;
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
      if (head.ok()) {
        MakeWorker(id);
        return;
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

void DeliveryHost::MakeWorker(const std::string& id) {
  App* app = nullptr;
  {
    MutexLock lock(&mutex_);
    app = &apps_[id];
  }
  DirectoryReaders* directory = options_.directory(app->entry.directory_id);
  if (directory == nullptr) {
    // The directory opens on the other thread; nothing is to be done until it has.
    Post([this, id] { MakeWorker(id); });
    return;
  }
  const std::string path = absl::StrCat(options_.folder, "/app-", id, ".db");
  auto projection = AppProjection::Open(path, StreamId::App(id));
  if (!projection.ok()) {
    LogError("an app's read model cannot be opened",
             {{"app", id}, {"status", projection.status().ToString()}});
    return;
  }
  delivery::AppWorkerOptions worker;
  worker.app_id = id;
  worker.directory_id = app->entry.directory_id;
  worker.node_id = options_.node_id;
  worker.boot_id = boot_id_;
  worker.log = options_.log;
  worker.directory = directory;
  worker.projection = projection->get();
  worker.clock = options_.clock;
  worker.ids = options_.ids;
  worker.metrics = options_.metrics;
  worker.jitter_seed = std::random_device()();
  worker.post = [this](std::function<void()> work) { Post(std::move(work)); };
  worker.wake = [this] { http_->Wake(); };
  auto made = std::make_unique<delivery::AppWorker>(std::move(worker));
  {
    MutexLock lock(&mutex_);
    app->projection = *std::move(projection);
    app->readers = std::make_unique<AppReaders>(path);
    app->worker = std::move(made);
  }
  ConfigureWorker(app);
  NoteConfigured();
  // Nobody waits for it: until it is open, what was exchanged is dropped and counted.
  options_.log->Open(StreamId::Exchanges(id), [](const absl::StatusOr<Head>&) {});
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
  if (stream.kind() != StreamKind::kApp) return;
  MutexLock lock(&mutex_);
  const auto it = apps_.find(stream.id());
  if (it != apps_.end() && it->second.worker != nullptr) it->second.worker->writer().NewRecords();
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
  it->second.worker->writer().Submit(std::move(request));
}

std::optional<DeliveryHost::Waiting> DeliveryHost::WaitingLanes(absl::string_view app_id) const {
  MutexLock lock(&mutex_);
  const auto it = apps_.find(app_id);
  if (it == apps_.end() || it->second.worker == nullptr) return std::nullopt;
  const delivery::AppWorker& worker = *it->second.worker;
  return Waiting{worker.waiting_lanes(), worker.oldest_wait(), worker.settled()};
}

AppReaders* DeliveryHost::Readers(absl::string_view app_id) const {
  MutexLock lock(&mutex_);
  const auto it = apps_.find(app_id);
  return it == apps_.end() ? nullptr : it->second.readers.get();
}

}  // namespace purser
