#include "connectors/delivery/app_worker.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace purser::delivery {
namespace {

constexpr absl::Duration kGaugesEvery = absl::Seconds(1);
// Calls of an app that answers within this are recorded as started ahead of their turn.
constexpr absl::Duration kQuickCall = absl::Milliseconds(300);

constexpr char kPending[] = "purser_delivery_pending";
constexpr char kOldest[] = "purser_delivery_oldest_pending_seconds";
constexpr char kParked[] = "purser_parked_lanes";
constexpr char kWaiting[] = "purser_waiting_lanes";
constexpr char kBreaker[] = "purser_breaker_open";
constexpr char kRate[] = "purser_rate_waiting_lanes";

}  // namespace

AppWorker::AppWorker(AppWorkerOptions options)
    : options_(std::move(options)),
      stream_(StreamId::App(options_.app_id)),
      fold_(*options_.fold),
      exchanges_(options_.log, StreamId::Exchanges(options_.app_id), options_.clock),
      random_(options_.jitter_seed) {
  if (auto app = options_.projection->reader().App(); app.ok()) app_ = *std::move(app);
}

AppWorker::~AppWorker() { *gone_ = true; }

void AppWorker::Configure(std::shared_ptr<const AppSettings> settings,
                          std::unique_ptr<connectors::Connector> connector) {
  const bool first = settings_ == nullptr;
  settings_ = std::move(settings);
  if (connector_ != nullptr) retired_.push_back(std::move(connector_));
  connector_ = std::move(connector);
  limit_ = settings_->first_concurrency;
  budget_.Configure(settings_->entry.app.limits().calls_per_second());
  deletes_refused_.clear();
  const bool with_password = settings_->entry.app.credentials().has_password();
  if (health_ == nullptr) {
    health_ = std::make_unique<AppHealth>(with_password);
  } else {
    health_->Reconfigure(with_password, options_.clock->SinceBoot());
  }
  calls_counter_ =
      options_.metrics->GetCounter("purser_delivery_calls_total", "Calls that change the app.",
                                   {{"app", settings_->entry.app.name()}});
  if (owns()) ShowGauges();
  // Carried out by RunOnce(); until then nobody is said to have been planned for it.
  if (!first) everyone_at_ = kNotYet;
  options_.wake();
}

connectors::HttpClient* AppWorker::Metered(connectors::HttpClient* http) {
  if (metered_ == nullptr) {
    metered_ = std::make_unique<MeteredHttpClient>(http, &budget_, options_.clock);
  }
  return metered_.get();
}

void AppWorker::DirectoryMoved() {
  directory_moved_.store(true, std::memory_order_release);
  options_.wake();
}

bool AppWorker::RunOnce() {
  bool worked = writer().RunOnce();
  NoteFold();
  if (settings_ == nullptr) {
    if (stopping_) ownership_ = Ownership::kReleased;
    return worked;
  }
  if (ownership_ == Ownership::kReleased) return Linger() || worked;
  if (ownership_ != Ownership::kOwner && ownership_ != Ownership::kReleasing) {
    fold_.Forget();
    return TakeOwnership() || worked;
  }
  if (!Keeps()) BeginRelease();
  queue_.EndRests(options_.clock->SinceBoot());
  worked |= HearCommands();
  worked |= HearReported();
  worked |= owns() && Follow();
  worked |= RunCheck();
  worked |= RunPaced();
  worked |= CallReady();
  if (!stopping_) {
    if (everyone_at_ == kNotYet) PlanEveryone();
    worked |= RunJobs();
    worked |= TakeReplayed();  // Before a lane that has just been let go is taken again.
    worked |= Dispatch();
    ReportPlanned();
  }
  NoteHealth();
  worked |= Flush();
  exchanges_.Flush(stopping_);
  if (stopping_) worked |= Release();
  if (calls_ == 0 && checks_ == 0) retired_.clear();
  UpdateGauges();
  return worked;
}

void AppWorker::NoteFold() {
  if (!fold_.TakeChanged()) return;
  if (auto app = options_.projection->reader().App(); app.ok()) app_ = *std::move(app);
  jobs_moved_ = counts_moved_ = true;
}

bool AppWorker::idle() const {
  return ownership_ == Ownership::kOwner && queue_.pending() == 0 && queue_.busy() == 0 &&
         calls_ + starting_ == 0 && !flushing_ && outcomes_.empty() && starts_.empty() &&
         notes_.empty();
}

absl::Duration AppWorker::NextDue() const {
  const absl::Duration now = options_.clock->SinceBoot();
  absl::Duration due = std::min(now + kGaugesEvery, options_.writer->NextDue());
  if (settings_ == nullptr) return now + kGaugesEvery;
  const bool tenure = ownership_ == Ownership::kOwner || ownership_ == Ownership::kReleased;
  if (!tenure) return due;
  if (ownership_ == Ownership::kOwner) due = std::min(due, queue_.NextRest());
  for (const absl::Duration release : {release_by_, release_not_before_}) {
    if (release > now) due = std::min(due, release);
  }
  due = std::min(due, exchanges_.NextDue());
  const bool waiting = !outcomes_.empty() || !starts_.empty() || !notes_.empty();
  if (!ready_.empty()) due = std::min(due, ready_.front().submitted + kStartedFor);
  if (waiting && !flushing_) due = std::min(due, flush_not_before_);
  if (!stopping_) due = std::min(due, NextReplayed());
  if (!stopping_ && (Running() || health_->asking() || DryRunning())) {
    due = std::min(due, std::max(health_->NextChange(now), budget_.ReadyAt()));
    if (budget_.ReadyAt() > now) due = std::min(due, budget_.ReadyAt());
  }
  return due;
}

// Where the app's stream is broken nothing can be recorded; where the directory's is, nobody knows
// what is wanted.
bool AppWorker::LogStands() const {
  return !IsBroken(*options_.log, stream_) &&
         !IsBroken(*options_.log, StreamId::Directory(options_.directory_id));
}

bool AppWorker::Running() const {
  if (!settings_->delivers() || !LogStands()) return false;
  if (app_.commanded) return *app_.commanded == event::v1::AppCommand::START;
  return settings_->entry.app.state() == config::v1::RUNNING;
}

bool AppWorker::Dispatch() {
  if (!Running()) return false;
  bool worked = false;
  // One position of the directory, and one of the app, for all that are planned in this pass.
  std::optional<DirectoryReaders::Lease> directory;
  std::unique_ptr<ReadTransaction> app;
  // A bound, so that one pass over many lanes with nothing to send does not keep calls waiting.
  for (int planned = 0; planned < 32; ++planned) {
    const absl::Duration now = options_.clock->SinceBoot();
    const int allowed = health_->AllowedCalls(now, limit_);
    // While calls are under way the next ones are recorded as started, so that they need not wait
    // for the log; calls that take long leave no time for that.
    const int ahead = allowed == limit_ && call_time_ <= kQuickCall ? limit_ : 0;
    if (calls_ >= allowed || calls_ + starting_ >= allowed + ahead) return worked;
    // Who has begun goes first; whoever is most urgent of the others, once there is a call for it.
    if (!paced_.empty() || !budget_.Ready(now)) return worked;
    if (queue_.pending() == 0) return worked;
    if (!directory) {
      auto lease = options_.directory->Take();
      if (!lease.ok()) return worked;
      directory.emplace(*std::move(lease));
      app = options_.projection->reader().Freeze();
    }
    const std::optional<std::string> id = queue_.Take();
    if (!id) return worked;
    BeginLane(*id, **directory);
    worked = true;
  }
  return worked;
}

void AppWorker::ShowGauges() {
  const MetricLabels labels = {{"app", settings_->entry.app.name()}};
  MetricsRegistry& metrics = *options_.metrics;
  pending_gauge_ =
      metrics.GetGauge(kPending, "Resources whose delivery is due or under way.", labels);
  oldest_gauge_ =
      metrics.GetGauge(kOldest, "How long the oldest pending delivery has waited.", labels);
  parked_gauge_ = metrics.GetGauge(kParked, "Lanes that need an operator or an event.", labels);
  waiting_gauge_ = metrics.GetGauge(kWaiting, "Lanes that wait for another resource.", labels);
  breaker_gauge_ =
      metrics.GetGauge(kBreaker, "1 while the app is at fault and nothing is sent to it.", labels);
  rate_gauge_ = metrics.GetGauge(kRate, "Lanes that wait for the app's calls_per_second.", labels);
}

// They are its owner's to tell.
void AppWorker::HideGauges() {
  for (const char* name : {kPending, kOldest, kParked, kWaiting, kBreaker, kRate}) {
    options_.metrics->Remove(name, {{"app", settings_->entry.app.name()}});
  }
}

void AppWorker::UpdateGauges() {
  const absl::Duration now = options_.clock->SinceBoot();
  if (!owns() || now - gauges_at_ < kGaugesEvery) return;
  gauges_at_ = now;
  if (counts_moved_) {
    auto counts = options_.projection->reader().CountByState();
    if (!counts.ok()) return;
    counts_ = *std::move(counts);
    counts_moved_ = false;
  }
  const std::optional<absl::Duration> oldest = queue_.OldestWait();
  pending_gauge_->Set(static_cast<double>(queue_.Backlog()));
  oldest_gauge_->Set(oldest ? absl::ToDoubleSeconds(now - *oldest) : 0);
  waiting_lanes_.store(queue_.Backlog(), std::memory_order_relaxed);
  oldest_wait_.store(oldest_gauge_->value(), std::memory_order_relaxed);
  settled_.store(queue_.OldestUnsettled(cursor_ + 1) - 1, std::memory_order_relaxed);
  parked_gauge_->Set(static_cast<double>(counts_[event::v1::PARKED]));
  waiting_gauge_->Set(static_cast<double>(counts_[event::v1::WAITING]));
  breaker_gauge_->Set(health_->state() == AppHealth::State::kClosed ? 0 : 1);
  rate_gauge_->Set(budget_.Ready(now) ? 0 : static_cast<double>(paced_.size() + queue_.pending()));
}

}  // namespace purser::delivery
