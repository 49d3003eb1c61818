#include "connectors/delivery/app_worker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "purser/event/v1/directory.pb.h"

namespace purser::delivery {
namespace {

constexpr absl::Duration kPlannedEvery = absl::Seconds(10);
constexpr absl::Duration kGaugesEvery = absl::Seconds(1);
constexpr absl::Duration kWriteDeadline = absl::Seconds(10);
constexpr absl::Duration kFlushPause = absl::Milliseconds(200);
// A call leaves no later than this after its `started` was handed to the log.
constexpr absl::Duration kStartedFor = absl::Seconds(2);
constexpr size_t kBatch = 500;
constexpr size_t kFollowBatch = 500;

template <typename Payload>
absl::StatusOr<Payload> OpenPayload(const event::v1::Envelope& envelope) {
  ASSIGN_OR_RETURN(const std::string bytes, Open(envelope.key_id(), envelope.payload()));
  Payload payload;
  if (!payload.ParseFromString(bytes)) return absl::DataLossError("a payload does not decode");
  return payload;
}

}  // namespace

// What one write of the app's stream holds.
struct AppWorker::Batch {
  std::vector<PendingOutcome> outcomes;
  std::vector<PendingStart> starts;
  std::vector<event::v1::AppNote> notes;
};

AppWorker::AppWorker(AppWorkerOptions options)
    : options_(std::move(options)),
      stream_(StreamId::App(options_.app_id)),
      fold_(options_.projection) {
  writer_ = std::make_unique<StreamWriter>(options_.log, stream_, &fold_, options_.clock,
                                           options_.post, options_.wake);
}

AppWorker::~AppWorker() { *gone_ = true; }

void AppWorker::Configure(std::shared_ptr<const AppSettings> settings,
                          std::unique_ptr<connectors::Connector> connector) {
  const bool first = settings_ == nullptr;
  settings_ = std::move(settings);
  if (connector_ != nullptr) retired_.push_back(std::move(connector_));
  connector_ = std::move(connector);
  limit_ = settings_->first_concurrency;
  deletes_refused_ = false;
  health_ = std::make_unique<AppHealth>(settings_->entry.app.credentials().has_password());
  const MetricLabels labels = {{"app", settings_->entry.app.name()}};
  MetricsRegistry& metrics = *options_.metrics;
  pending_gauge_ = metrics.GetGauge("purser_delivery_pending",
                                    "Resources whose delivery is due or under way.", labels);
  oldest_gauge_ = metrics.GetGauge("purser_delivery_oldest_pending_seconds",
                                   "How long the oldest pending delivery has waited.", labels);
  parked_gauge_ =
      metrics.GetGauge("purser_parked_lanes", "Lanes that need an operator or an event.", labels);
  waiting_gauge_ =
      metrics.GetGauge("purser_waiting_lanes", "Lanes that wait for another resource.", labels);
  breaker_gauge_ = metrics.GetGauge(
      "purser_breaker_open", "1 while the app is at fault and nothing is sent to it.", labels);
  calls_counter_ =
      metrics.GetCounter("purser_delivery_calls_total", "Calls that change the app.", labels);
  if (!first && ownership_ == Ownership::kOwner) PlanEveryone();
  options_.wake();
}

void AppWorker::DirectoryMoved() {
  directory_moved_.store(true, std::memory_order_release);
  options_.wake();
}

bool AppWorker::RunOnce() {
  bool worked = writer_->RunOnce();
  if (settings_ == nullptr || ownership_ == Ownership::kReleased) return worked;
  if (fold_.TakeChanged()) {
    if (auto app = options_.projection->reader().App(); app.ok()) app_ = *std::move(app);
  }
  if (ownership_ != Ownership::kOwner && ownership_ != Ownership::kReleasing) {
    return TakeOwnership() || worked;
  }
  worked |= HearCommands();
  worked |= Follow();
  worked |= RunCheck();
  if (!stopping_) {
    worked |= RunJobs();
    worked |= Dispatch();
    ReportPlanned();
  }
  worked |= Flush();
  if (stopping_) worked |= Release();
  if (calls_ == 0) retired_.clear();
  UpdateGauges();
  return worked;
}

bool AppWorker::idle() const {
  return ownership_ == Ownership::kOwner && queue_.pending() == 0 && queue_.busy() == 0 &&
         calls_ == 0 && !flushing_ && outcomes_.empty() && starts_.empty() && notes_.empty();
}

absl::Duration AppWorker::NextDue() const {
  absl::Duration due = std::min(queue_.NextRest(), gauges_at_ + kGaugesEvery);
  if (health_ != nullptr) due = std::min(due, health_->NextChange(options_.clock->SinceBoot()));
  return due;
}

bool AppWorker::TakeOwnership() {
  if (stopping_ && ownership_ != Ownership::kTaking) {
    ownership_ = Ownership::kReleased;
    return true;
  }
  if (ownership_ == Ownership::kRecovering) {
    auto lease = options_.directory->Take();
    const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
    if (!head.ok() || head->position < app_.highest.directory_position()) return false;
    Recover();
    return true;
  }
  if (ownership_ != Ownership::kNone || !writer_->health().ok()) return false;
  ownership_ = Ownership::kTaking;
  WriteRequest write;
  write.deadline = options_.clock->SinceBoot() + kWriteDeadline;
  write.decide = [this](absl::Time at, StreamPosition) {
    event::v1::TookOver took;
    took.set_node_id(options_.node_id);
    took.set_boot_id(options_.boot_id);
    *took.mutable_basis() = Basis();
    return std::vector<event::v1::Envelope>{
        EnvelopeOf(event::v1::TOOK_OVER, took.SerializeAsString(), at)};
  };
  write.done = [this](const absl::StatusOr<WriteReceipt>& receipt) {
    ownership_ = receipt.ok() ? Ownership::kRecovering : Ownership::kNone;
    options_.wake();
  };
  writer_->Submit(std::move(write));
  return true;
}

// Plans again what may not have been settled before this process owned the app.
void AppWorker::Recover() {
  const AppReader& reader = options_.projection->reader();
  auto lease = options_.directory->Take();
  if (!lease.ok()) return;
  const auto head = (*lease)->FoldHead();
  const auto open = reader.OpenOperations();
  const auto lanes = reader.Lanes({event::v1::RETRYING, event::v1::WAITING}, "", 1'000'000'000);
  const auto touched = (*lease)->TouchedSince(app_.planned.directory_position());
  const auto incomplete = reader.Incomplete();
  if (!head.ok() || !open.ok() || !lanes.ok() || !touched.ok() || !incomplete.ok()) return;
  cursor_ = head->position;
  planned_ = app_.planned.directory_position();
  ownership_ = Ownership::kOwner;
  const StreamPosition since = planned_ + 1;
  // Calls of an earlier process died with it, but may take effect late: their lanes rest first.
  const absl::Duration settled = options_.clock->SinceBoot() + settings_->settling_time;
  for (const OpenOperation& operation : *open) {
    queue_.Run(operation.operation.resource_id(), operation.operation.resource_type());
    queue_.Rest(operation.operation.resource_id(), settled);
  }
  for (const Lane& lane : *lanes) {
    const LaneRun* run = queue_.Find(lane.resource_id);
    if (run == nullptr || !run->rests_until) WakeLane(lane.resource_id, lane.type, 0);
  }
  for (const MemberRow& lane : *incomplete) {
    WakeLane(lane.id, lane.type, 0);
    if (LaneRun* run = queue_.Find(lane.id)) run->all_members = true;
  }
  for (const MemberRow& row : *touched) {
    WakeLane(row.id, row.type, since);
    LaneRun* run = queue_.Find(row.id);
    if (run != nullptr && row.type == event::v1::GROUP) run->all_members = true;
    if (run != nullptr) run->latest = head->position;
  }
  if (settings_->entry.version > app_.planned.control_position()) PlanEveryone();
}

void AppWorker::PlanEveryone() {
  auto lease = options_.directory->Take();
  const auto lanes = options_.projection->reader().Lanes({}, "", 1'000'000'000);
  if (!lease.ok() || !lanes.ok()) return;
  for (const Lane& lane : *lanes) WakeLane(lane.resource_id, lane.type, 1);
  for (const event::v1::ResourceType type : {event::v1::USER, event::v1::GROUP}) {
    const auto ids = (*lease)->AllIds(type);
    if (!ids.ok()) continue;
    for (const std::string& id : *ids) {
      WakeLane(id, type, 1);
      LaneRun* run = queue_.Find(id);
      if (run != nullptr && type == event::v1::GROUP) run->all_members = true;
    }
  }
}

bool AppWorker::Follow() {
  if (!directory_moved_.exchange(false, std::memory_order_acq_rel)) return false;
  auto lease = options_.directory->Take();
  const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
  if (!head.ok()) return false;
  if (cursor_ >= head->position) return false;
  const StreamId stream = StreamId::Directory(options_.directory_id);
  const auto records = options_.log->Read(stream, cursor_, kFollowBatch, 4 << 20);
  if (!records.ok()) return false;
  for (const StoredRecord& record : *records) {
    if (record.position > head->position) break;
    FollowRecord(record, **lease);
    cursor_ = record.position;
  }
  if (cursor_ < head->position) directory_moved_.store(true);
  return true;
}

void AppWorker::FollowRecord(const StoredRecord& record, const DirectoryReader& directory) {
  const auto envelope = DecodeRecord(record.bytes);
  const auto touched = directory.TouchedAt(record.position);
  if (!envelope.ok() || !touched.ok()) return;
  bool urgent = envelope->kind() == event::v1::RESOURCE_DELETED;
  FollowGroup(*envelope, &urgent);
  const bool user_deleted = urgent && envelope->resource_type() == event::v1::USER &&
                            envelope->kind() == event::v1::RESOURCE_DELETED;
  for (const MemberRow& row : *touched) {
    WakeLane(row.id, row.type, record.position, urgent && row.id == envelope->resource_id());
    LaneRun* run = queue_.Find(row.id);
    if (user_deleted && run != nullptr && row.type == event::v1::GROUP) {
      run->members.insert(envelope->resource_id());
    }
  }
}

// Which memberships an event is about, and whether it takes access away.
void AppWorker::FollowGroup(const event::v1::Envelope& envelope, bool* urgent) {
  std::vector<std::string> members;
  bool cleared = false;
  const auto collect = [&](const auto& added, const auto& removed) {
    for (const auto& member : added) members.push_back(member.id());
    for (const auto& member : removed) members.push_back(member);
  };
  if (envelope.kind() == event::v1::RESOURCE_CHANGED) {
    const auto changed = OpenPayload<event::v1::ResourceChanged>(envelope);
    if (!changed.ok()) return;
    collect(changed->members_added(), changed->members_removed());
    cleared = changed->members_cleared();
    for (const event::v1::AttributeChange& change : changed->changes()) {
      if (change.attribute() == "active" && change.value() == "false") *urgent = true;
    }
  } else if (envelope.resource_type() != event::v1::GROUP) {
    return;
  } else if (envelope.kind() == event::v1::RESOURCE_CREATED) {
    const auto created = OpenPayload<event::v1::ResourceCreated>(envelope);
    if (created.ok()) collect(created->members(), std::vector<std::string>());
  } else if (envelope.kind() == event::v1::RESOURCE_REPLACED) {
    const auto replaced = OpenPayload<event::v1::ResourceReplaced>(envelope);
    if (replaced.ok()) collect(replaced->members_added(), replaced->members_removed());
    cleared = replaced.ok() && replaced->members_cleared();
  }
  if ((members.empty() && !cleared) || !settings_->groups.enabled) return;
  LaneRun& run = queue_.Run(envelope.resource_id(), event::v1::GROUP);
  run.members.insert(members.begin(), members.end());
  if (cleared) run.all_members = true;
}

void AppWorker::WakeLane(const std::string& id, event::v1::ResourceType type,
                         StreamPosition position, bool urgent) {
  if (type == event::v1::GROUP && !settings_->groups.enabled) return;
  LaneRun& run = queue_.Run(id, type);
  if (run.since == 0) run.since = position;
  run.latest = std::max(run.latest, position);
  if (!run.queued && !run.busy) run.waiting_since = options_.clock->SinceBoot();
  queue_.Wake(id, urgent);
}

bool AppWorker::HearCommands() {
  bool heard = false;
  for (const event::v1::AppCommand& command : fold_.TakeCommands()) {
    heard = true;
    if (command.action() != event::v1::AppCommand::RETRY) continue;
    std::vector<std::string> ids(command.resource_ids().begin(), command.resource_ids().end());
    const auto lanes =
        options_.projection->reader().Lanes({event::v1::RETRYING}, "", 1'000'000'000);
    if (!lanes.ok()) continue;
    for (const Lane& lane : *lanes) {
      if (lane.code != "retry") continue;
      WakeLane(lane.resource_id, lane.type, 0);
      if (LaneRun* run = queue_.Find(lane.resource_id)) {
        run->refused_members.clear();
        run->tries = 0;
        if (lane.type == event::v1::GROUP) run->all_members = true;
      }
    }
  }
  return heard;
}

bool AppWorker::Running() const {
  if (!settings_->delivers()) return false;
  if (app_.commanded) return *app_.commanded == event::v1::AppCommand::START;
  return settings_->entry.app.state() == config::v1::RUNNING;
}

bool AppWorker::Dispatch() {
  if (!Running()) return false;
  bool worked = false;
  // A bound, so that one pass over many lanes with nothing to send does not keep calls waiting.
  for (int planned = 0; planned < 200; ++planned) {
    const absl::Duration now = options_.clock->SinceBoot();
    if (calls_ >= health_->AllowedCalls(now, limit_)) return worked;
    const std::optional<std::string> id = queue_.Take(now);
    if (!id) return worked;
    BeginLane(*id);
    worked = true;
  }
  return worked;
}

void AppWorker::FillBatch(Batch* batch) {
  for (size_t n = 0; n < kBatch && !outcomes_.empty(); ++n) {
    batch->outcomes.push_back(std::move(outcomes_.front()));
    outcomes_.pop_front();
  }
  for (size_t n = 0; n < kBatch && !starts_.empty(); ++n) {
    batch->starts.push_back(std::move(starts_.front()));
    starts_.pop_front();
  }
  batch->notes.assign(std::make_move_iterator(notes_.begin()),
                      std::make_move_iterator(notes_.end()));
  notes_.clear();
}

event::v1::Basis AppWorker::Basis() const {
  event::v1::Basis basis;
  basis.set_directory_position(cursor_);
  basis.set_control_position(settings_->entry.version);
  return basis;
}

event::v1::Envelope AppWorker::EnvelopeOf(event::v1::Kind kind, const std::string& payload,
                                          absl::Time at) const {
  event::v1::Envelope envelope;
  envelope.set_event_id(options_.ids->NewId(at));
  envelope.set_kind(kind);
  envelope.set_resource_type(event::v1::APP);
  envelope.set_resource_id(options_.app_id);
  envelope.set_actor("purser");
  SealedPayload sealed = Seal(options_.app_id, payload);
  envelope.set_key_id(std::move(sealed.key_id));
  envelope.set_payload(std::move(sealed.bytes));
  return envelope;
}

std::vector<event::v1::Envelope> AppWorker::BatchRecords(const Batch& batch, absl::Time at) const {
  std::vector<event::v1::Envelope> records;
  if (!batch.outcomes.empty()) {
    event::v1::Outcomes outcomes;
    *outcomes.mutable_basis() = Basis();
    for (const PendingOutcome& pending : batch.outcomes) {
      for (const event::v1::Outcome& outcome : pending.outcomes) {
        *outcomes.add_outcomes() = outcome;
      }
    }
    records.push_back(EnvelopeOf(event::v1::OUTCOMES, outcomes.SerializeAsString(), at));
  }
  for (const event::v1::AppNote& note : batch.notes) {
    records.push_back(EnvelopeOf(event::v1::APP_NOTE, note.SerializeAsString(), at));
  }
  if (!batch.starts.empty()) {
    event::v1::Started started;
    *started.mutable_basis() = Basis();
    for (const PendingStart& start : batch.starts) {
      *started.add_operations() = start.attempt->operation;
    }
    records.push_back(EnvelopeOf(event::v1::STARTED, started.SerializeAsString(), at));
  }
  return records;
}

bool AppWorker::Flush() {
  if (flushing_ || (outcomes_.empty() && starts_.empty() && notes_.empty())) return false;
  const absl::Duration now = options_.clock->SinceBoot();
  if (now < flush_not_before_) return false;
  flushing_ = true;
  auto batch = std::make_shared<Batch>();
  FillBatch(batch.get());
  WriteRequest write;
  write.deadline = now + kWriteDeadline;
  write.decide = [this, batch](absl::Time at, StreamPosition) { return BatchRecords(*batch, at); };
  write.done = [this, batch, now](const absl::StatusOr<WriteReceipt>& receipt) {
    OnFlushed(batch, receipt.ok(), now);
  };
  writer_->Submit(std::move(write));
  return true;
}

void AppWorker::OnFlushed(const std::shared_ptr<Batch>& batch, bool ok, absl::Duration submitted) {
  flushing_ = false;
  const absl::Duration now = options_.clock->SinceBoot();
  if (!ok) {
    // Outcomes are told again until they stand. A start that does not stand was never called; one
    // that came to stand all the same is found open, read and settled.
    flush_not_before_ = now + kFlushPause;
    outcomes_.insert(outcomes_.begin(), std::make_move_iterator(batch->outcomes.begin()),
                     std::make_move_iterator(batch->outcomes.end()));
    notes_.insert(notes_.begin(), batch->notes.begin(), batch->notes.end());
    for (const PendingStart& start : batch->starts) {
      EndCalling(start.attempt);
      queue_.Rest(start.attempt->id, flush_not_before_);
      queue_.Release(start.attempt->id);
    }
    return;
  }
  for (const PendingOutcome& pending : batch->outcomes) pending.recorded();
  for (const PendingStart& start : batch->starts) {
    if (now - submitted <= kStartedFor) {
      Execute(start.attempt);
      continue;
    }
    event::v1::Outcome outcome = OutcomeOf(*start.attempt);
    outcome.set_result(event::v1::NO_EFFECT);
    outcome.set_lane_state(event::v1::RETRYING);
    outcome.set_code("late");
    outcome.set_message("the log took longer than a call may wait; nothing was sent");
    Record(start.attempt, std::move(outcome));
  }
  options_.wake();
}

void AppWorker::ReportPlanned() {
  const absl::Duration now = options_.clock->SinceBoot();
  if (now - planned_at_ < kPlannedEvery && !stopping_) return;
  planned_at_ = now;
  const StreamPosition oldest = queue_.OldestUnsettled(cursor_ + 1) - 1;
  const bool config_moved = settings_->entry.version > app_.planned.control_position();
  if (oldest <= planned_ && !config_moved) return;
  planned_ = std::max(planned_, oldest);
  WriteRequest write;
  write.deadline = now + kWriteDeadline;
  write.decide = [this, position = planned_](absl::Time at, StreamPosition) {
    event::v1::Planned planned;
    *planned.mutable_basis() = Basis();
    planned.mutable_basis()->set_directory_position(position);
    return std::vector<event::v1::Envelope>{
        EnvelopeOf(event::v1::PLANNED, planned.SerializeAsString(), at)};
  };
  write.done = [](const absl::StatusOr<WriteReceipt>&) {};
  writer_->Submit(std::move(write));
}

void AppWorker::UpdateGauges() {
  const absl::Duration now = options_.clock->SinceBoot();
  if (now - gauges_at_ < kGaugesEvery) return;
  gauges_at_ = now;
  const auto counts = options_.projection->reader().CountByState();
  if (!counts.ok()) return;
  const auto count = [&](event::v1::LaneState state) {
    const auto it = counts->find(state);
    return it == counts->end() ? 0.0 : static_cast<double>(it->second);
  };
  const std::optional<absl::Duration> oldest = queue_.OldestWait();
  pending_gauge_->Set(static_cast<double>(queue_.pending()) + calls_ + count(event::v1::RETRYING));
  oldest_gauge_->Set(oldest ? absl::ToDoubleSeconds(now - *oldest) : 0);
  waiting_lanes_.store(static_cast<uint64_t>(pending_gauge_->value()), std::memory_order_relaxed);
  oldest_wait_.store(oldest_gauge_->value(), std::memory_order_relaxed);
  parked_gauge_->Set(count(event::v1::PARKED));
  waiting_gauge_->Set(count(event::v1::WAITING));
  breaker_gauge_->Set(health_->state() == AppHealth::State::kClosed ? 0 : 1);
}

void AppWorker::Stop() {
  stopping_ = true;
  options_.wake();
}

// Once calls have ended and all outcomes stand.
bool AppWorker::Release() {
  if (ownership_ != Ownership::kOwner || calls_ > 0 || flushing_ || !outcomes_.empty()) {
    return false;
  }
  ownership_ = Ownership::kReleasing;
  ReportPlanned();
  WriteRequest write;
  write.deadline = options_.clock->SinceBoot() + kWriteDeadline;
  write.decide = [this](absl::Time at, StreamPosition) {
    event::v1::Released released;
    released.set_node_id(options_.node_id);
    released.set_boot_id(options_.boot_id);
    *released.mutable_basis() = Basis();
    return std::vector<event::v1::Envelope>{
        EnvelopeOf(event::v1::RELEASED, released.SerializeAsString(), at)};
  };
  write.done = [this](const absl::StatusOr<WriteReceipt>&) {
    ownership_ = Ownership::kReleased;
    options_.wake();
  };
  writer_->Submit(std::move(write));
  return true;
}

}  // namespace purser::delivery
