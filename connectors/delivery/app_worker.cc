#include "connectors/delivery/app_worker.h"

#include <algorithm>
#include <limits>

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
constexpr absl::Duration kTakePause = absl::Seconds(1);
// A call leaves no later than this after its `started` was handed to the log.
constexpr absl::Duration kStartedFor = absl::Seconds(2);
// Calls of an app that answers within this are recorded as started ahead of their turn.
constexpr absl::Duration kQuickCall = absl::Milliseconds(300);
constexpr size_t kBatch = 500;
constexpr size_t kFollowBatch = 500;
constexpr StreamPosition kNotYet = std::numeric_limits<StreamPosition>::max();

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
      fold_(options_.projection),
      exchanges_(options_.log, StreamId::Exchanges(options_.app_id), options_.clock),
      random_(options_.jitter_seed) {
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
  budget_.Configure(settings_->entry.app.limits().calls_per_second());
  deletes_refused_.clear();
  const bool with_password = settings_->entry.app.credentials().has_password();
  if (health_ == nullptr) {
    health_ = std::make_unique<AppHealth>(with_password);
  } else {
    health_->Reconfigure(with_password, options_.clock->SinceBoot());
  }
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
  rate_gauge_ = metrics.GetGauge("purser_rate_waiting_lanes",
                                 "Lanes that wait for the app's calls_per_second.", labels);
  calls_counter_ =
      metrics.GetCounter("purser_delivery_calls_total", "Calls that change the app.", labels);
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
  bool worked = writer_->RunOnce();
  if (settings_ == nullptr || ownership_ == Ownership::kReleased) return worked;
  if (fold_.TakeChanged()) {
    if (auto app = options_.projection->reader().App(); app.ok()) app_ = *std::move(app);
    jobs_moved_ = counts_moved_ = true;
  }
  if (ownership_ != Ownership::kOwner && ownership_ != Ownership::kReleasing) {
    return TakeOwnership() || worked;
  }
  if (app_.owner_boot != options_.boot_id) stopping_ = true;  // Another one took over.
  queue_.EndRests(options_.clock->SinceBoot());
  worked |= HearCommands();
  worked |= Follow();
  worked |= RunCheck();
  worked |= RunPaced();
  worked |= CallReady();
  if (!stopping_) {
    if (everyone_at_ == kNotYet) PlanEveryone();
    worked |= RunJobs();
    worked |= Dispatch();
    worked |= TakeReplayed();
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

bool AppWorker::idle() const {
  return ownership_ == Ownership::kOwner && queue_.pending() == 0 && queue_.busy() == 0 &&
         calls_ + starting_ == 0 && !flushing_ && outcomes_.empty() && starts_.empty() &&
         notes_.empty();
}

absl::Duration AppWorker::NextDue() const {
  const absl::Duration now = options_.clock->SinceBoot();
  absl::Duration due = std::min(now + kGaugesEvery, writer_->NextDue());
  if (settings_ == nullptr || ownership_ == Ownership::kReleased) return now + kGaugesEvery;
  if (ownership_ != Ownership::kOwner) return due;
  due = std::min({due, queue_.NextRest(), exchanges_.NextDue()});
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

bool AppWorker::TakeOwnership() {
  const absl::Duration now = options_.clock->SinceBoot();
  if (stopping_ && ownership_ != Ownership::kTaking) {
    ownership_ = Ownership::kReleased;
    return true;
  }
  if (ownership_ == Ownership::kRecovering) return DirectoryReached() && Recover();
  if (ownership_ != Ownership::kNone || now < take_not_before_ || !writer_->health().ok()) {
    return false;
  }
  ownership_ = Ownership::kTaking;
  WriteRequest write;
  write.deadline = now + kWriteDeadline;
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
    take_not_before_ = options_.clock->SinceBoot() + kTakePause;
    options_.wake();
  };
  writer_->Submit(std::move(write));
  return true;
}

// Nothing is planned on less than what the app's stream rests on.
bool AppWorker::DirectoryReached() const {
  if (settings_->entry.version < app_.highest.control_position()) return false;
  auto lease = options_.directory->Take();
  const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
  return head.ok() && head->position >= app_.highest.directory_position();
}

// Plans again what may not have been settled before this process owned the app.
bool AppWorker::Recover() {
  const AppReader& reader = options_.projection->reader();
  auto lease = options_.directory->Take();
  if (!lease.ok()) return false;
  const auto head = (*lease)->FoldHead();
  const auto open = reader.OpenOperations();
  const auto lanes =
      reader.Lanes({event::v1::RETRYING, event::v1::WAITING, event::v1::PARKED}, "", 1'000'000'000);
  const auto touched = (*lease)->TouchedSince(app_.planned.directory_position());
  const auto incomplete = reader.Incomplete();
  const auto told = reader.WithRecordsSince(app_.planned_at);
  if (!head.ok() || !open.ok() || !lanes.ok() || !touched.ok() || !incomplete.ok() || !told.ok()) {
    return false;
  }
  cursor_ = head->position;
  ownership_ = Ownership::kOwner;
  ResumeHealth();
  // Calls of an earlier process died with it, but may take effect late: their lanes rest first.
  const absl::Duration settled = options_.clock->SinceBoot() + settings_->settling_time;
  for (const OpenOperation& operation : *open) {
    const std::string& id = operation.operation.resource_id();
    WakeLane(id, operation.operation.resource_type(), 0);
    if (LaneRun* run = queue_.Find(id)) run->settles_after = settled;
  }
  RecoverLanes(*lanes);
  for (const MemberRow& lane : *incomplete) {
    WakeLane(lane.id, lane.type, 0);
    if (LaneRun* run = queue_.Find(lane.id)) run->all_members = true;
  }
  const StreamPosition since = app_.planned.directory_position() + 1;
  for (const MemberRow& row : *touched) {
    WakeLane(row.id, row.type, since);
    if (row.type != event::v1::GROUP) continue;
    if (LaneRun* run = queue_.Find(row.id)) run->all_members = true;
    WakeMembersOf(row.id, **lease, since);
  }
  // What refers to an account that came or went is planned by the process that saw it, or here.
  for (const std::string& id : *told) {
    LinkChanged(id);
    const auto lane = reader.FindLane(id);
    if (!lane.ok() || !lane->has_value()) continue;
    WakeLane(id, (*lane)->type, std::max<StreamPosition>(1, since - 1));
    if (LaneRun* run = queue_.Find(id)) run->all_members = (*lane)->type == event::v1::GROUP;
  }
  if (settings_->entry.version > app_.planned.control_position()) everyone_at_ = kNotYet;
  return true;
}

// Lanes that were to be tried again go when it is time; those that need somebody stay.
void AppWorker::RecoverLanes(const std::vector<Lane>& lanes) {
  const absl::Duration now = options_.clock->SinceBoot();
  for (const Lane& lane : lanes) {
    const bool timed = lane.next_try > absl::UnixEpoch();
    if (lane.state == event::v1::PARKED && !timed) continue;
    WakeLane(lane.resource_id, lane.type, 0);
    LaneRun* run = queue_.Find(lane.resource_id);
    if (run == nullptr) continue;
    if (lane.type == event::v1::GROUP) run->all_members = true;
    const absl::Duration left = timed ? lane.next_try - options_.clock->Now() : -now;
    if (left > absl::ZeroDuration() && run->settles_after < now) {
      run->not_before = now + std::min(left, absl::Hours(1));
    }
  }
}

// An app that was at fault stays so until a Check says otherwise.
void AppWorker::ResumeHealth() {
  if (app_.credentials_refused || app_.not_configured) {
    noted_health_ = AppHealth::State::kCredentials;
  } else if (app_.breaker_open) {
    noted_health_ = AppHealth::State::kOpen;
  } else {
    return;
  }
  noted_missing_ = app_.not_configured ? app_.trouble : "";
  health_->Resume(noted_health_, app_.not_configured, app_.trouble, options_.clock->SinceBoot());
}

void AppWorker::PlanEveryone() {
  auto lease = options_.directory->Take();
  const auto lanes = options_.projection->reader().LaneIds();
  if (!lease.ok() || !lanes.ok()) return;
  std::vector<MemberRow> everyone = *lanes;
  for (const event::v1::ResourceType type : {event::v1::USER, event::v1::GROUP}) {
    const auto ids = (*lease)->AllIds(type);
    if (!ids.ok()) return;
    for (const std::string& id : *ids) everyone.push_back({id, type});
  }
  for (const MemberRow& row : everyone) {
    WakeLane(row.id, row.type, 1);
    LaneRun* run = queue_.Find(row.id);
    if (run != nullptr && row.type == event::v1::GROUP) run->all_members = true;
  }
  everyone_at_ = cursor_;
}

bool AppWorker::Follow() {
  if (!directory_moved_.exchange(false, std::memory_order_acq_rel)) return false;
  auto lease = options_.directory->Take();
  const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
  if (head.ok() && cursor_ >= head->position) return false;
  const StreamId stream = StreamId::Directory(options_.directory_id);
  const auto records = options_.log->Read(stream, cursor_, kFollowBatch, 4 << 20);
  // What could not be read or followed is tried again.
  if (!head.ok() || !records.ok() || records->empty()) {
    directory_moved_.store(true);
    return false;
  }
  for (const StoredRecord& record : *records) {
    if (record.position > head->position) break;
    if (const absl::Status followed = FollowRecord(record, **lease); !followed.ok()) {
      directory_moved_.store(true);
      return false;
    }
    cursor_ = record.position;
  }
  if (cursor_ < head->position) directory_moved_.store(true);
  return true;
}

absl::Status AppWorker::FollowRecord(const StoredRecord& record, const DirectoryReader& directory) {
  ASSIGN_OR_RETURN(const auto envelope, DecodeRecord(record.bytes));
  ASSIGN_OR_RETURN(const auto touched, directory.TouchedAt(record.position));
  const bool deleted = envelope.kind() == event::v1::RESOURCE_DELETED;
  bool urgent = deleted;
  bool renamed = false;
  FollowGroup(envelope, &urgent, &renamed);
  const std::string trace_parent = TraceParentIn(envelope);
  for (const MemberRow& row : touched) {
    const bool own = row.id == envelope.resource_id();
    WakeLane(row.id, row.type, record.position, urgent && own);
    LaneRun* run = queue_.Find(row.id);
    if (run != nullptr) {
      run->traced_at = record.position;
      run->trace_parent = trace_parent;
    }
    if (row.type != event::v1::GROUP) continue;
    if (run != nullptr && deleted && envelope.resource_type() == event::v1::USER) {
      run->members.insert(envelope.resource_id());
    }
    if (!own || renamed) WakeMembersOf(row.id, directory, record.position);
  }
  return absl::OkStatus();
}

// Where groups bring users into scope, a group that came into another, or has a new name, may bring
// or take all who are in it.
void AppWorker::WakeMembersOf(const std::string& group, const DirectoryReader& directory,
                              StreamPosition position) {
  if (settings_->scope.assignments.empty()) return;
  std::set<std::string> seen = {group};
  std::vector<std::string> level = {group};
  while (!level.empty()) {
    const std::string next = std::move(level.back());
    level.pop_back();
    directory
        .ForEachMember(next,
                       [&](const std::string& id, event::v1::ResourceType type) {
                         if (type == event::v1::USER) WakeLane(id, type, position);
                         if (type == event::v1::GROUP && seen.insert(id).second) {
                           level.push_back(id);
                         }
                         return true;
                       })
        .IgnoreError();
  }
}

// Which memberships an event is about, and whether it takes access away.
void AppWorker::FollowGroup(const event::v1::Envelope& envelope, bool* urgent, bool* renamed) {
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
      if (change.attribute() == "displayName") *renamed = true;
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
    *renamed = true;
  }
  if ((members.empty() && !cleared) || !settings_->groups.enabled) return;
  LaneRun& run = queue_.Run(envelope.resource_id(), event::v1::GROUP);
  run.members.insert(members.begin(), members.end());
  if (cleared) run.all_members = true;
}

void AppWorker::WakeLane(const std::string& id, event::v1::ResourceType type,
                         StreamPosition position, bool urgent) {
  if (!settings_->takes(type)) return;
  LaneRun& run = queue_.Run(id, type);
  if (position != 0) run.since = run.since == 0 ? position : std::min(run.since, position);
  run.waiting_since = std::min(run.waiting_since, options_.clock->SinceBoot());
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
  // One position of the directory, and one of the app, for all that are planned in this pass.
  std::optional<DirectoryReaders::Lease> directory;
  std::unique_ptr<ReadTransaction> app;
  // A bound, so that one pass over many lanes with nothing to send does not keep calls waiting.
  for (int planned = 0; planned < 200; ++planned) {
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

void AppWorker::FillBatch(Batch* batch) {
  const bool alone = most_outcomes_ == 1;
  const auto full = [&] {
    return alone && batch->outcomes.size() + batch->notes.size() + batch->starts.size() > 0;
  };
  for (; batch->outcomes.size() < kBatch && !full() && !outcomes_.empty(); outcomes_.pop_front()) {
    batch->outcomes.push_back(std::move(outcomes_.front()));
  }
  for (; batch->notes.size() < kBatch && !full() && !notes_.empty(); notes_.pop_front()) {
    batch->notes.push_back(std::move(notes_.front()));
  }
  for (; batch->starts.size() < kBatch && !full() && !starts_.empty(); starts_.pop_front()) {
    batch->starts.push_back(std::move(starts_.front()));
  }
  if (outcomes_.empty() && notes_.empty() && starts_.empty()) most_outcomes_ = kBatch;
}

event::v1::Basis AppWorker::Basis() const {
  event::v1::Basis basis;
  basis.set_directory_position(std::max(cursor_, rests_on_));
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

bool AppWorker::Owns() const {
  const auto app = options_.projection->reader().App();
  return app.ok() && app->owner_boot == options_.boot_id && !app->released;
}

// Decided on the stream's end: this process still owns the app, and no other operation of the lane,
// one that was in doubt and came to stand, is open.
bool AppWorker::MayStart(const Attempt& attempt) const {
  const auto open = options_.projection->reader().OpenOperationOf(attempt.id);
  return open.ok() && (!open->has_value() ||
                       (*open)->operation.operation_id() == attempt.operation.operation_id());
}

absl::StatusOr<std::vector<event::v1::Envelope>> AppWorker::BatchRecords(Batch* batch,
                                                                         absl::Time at) {
  std::vector<event::v1::Envelope> records;
  event::v1::Outcomes outcomes;
  *outcomes.mutable_basis() = Basis();
  for (const PendingOutcome& pending : batch->outcomes) {
    outcomes.mutable_outcomes()->Add(pending.outcomes.begin(), pending.outcomes.end());
  }
  if (outcomes.outcomes_size() > 0) {
    records.push_back(EnvelopeOf(event::v1::OUTCOMES, outcomes.SerializeAsString(), at));
  }
  for (const event::v1::AppNote& note : batch->notes) {
    records.push_back(EnvelopeOf(event::v1::APP_NOTE, note.SerializeAsString(), at));
  }
  event::v1::Started started;
  *started.mutable_basis() = Basis();
  const bool owns = Owns();
  for (PendingStart& start : batch->starts) {
    start.dropped = !owns || !MayStart(*start.attempt);
    if (!start.dropped) *started.add_operations() = start.attempt->operation;
  }
  if (started.operations_size() > 0) {
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
  write.decide = [this, batch](absl::Time at, StreamPosition) {
    return BatchRecords(batch.get(), at);
  };
  write.done = [this, batch, now](const absl::StatusOr<WriteReceipt>& receipt) {
    OnFlushed(batch, receipt.status(), now);
  };
  writer_->Submit(std::move(write));
  return true;
}

void AppWorker::OnFlushed(const std::shared_ptr<Batch>& batch, const absl::Status& status,
                          absl::Duration submitted) {
  flushing_ = false;
  if (!status.ok()) {
    FlushLost(batch, status);
    return;
  }
  for (const PendingOutcome& pending : batch->outcomes) {
    queue_.Release(pending.held);
    pending.recorded();
  }
  for (const PendingStart& start : batch->starts) {
    if (start.dropped) {
      LetGo(start.attempt, kFlushPause);
    } else {
      ready_.push_back({start.attempt, submitted});
    }
  }
  CallReady();
  options_.wake();
}

// Those whose `started` stands go as others end, in the order of the log.
bool AppWorker::CallReady() {
  bool worked = false;
  while (!ready_.empty()) {
    const absl::Duration now = options_.clock->SinceBoot();
    const ReadyCall& next = ready_.front();
    const bool late = now - next.submitted > kStartedFor;
    if (!late && !next.attempt->calls && calls_ >= health_->AllowedCalls(now, limit_)) break;
    const AttemptPtr attempt = next.attempt;
    ready_.pop_front();
    if (late) {
      TooLate(attempt);
    } else {
      MakeCall([&] { Execute(attempt); });
    }
    worked = true;
  }
  return worked;
}

void AppWorker::TooLate(const AttemptPtr& attempt) {
  event::v1::Outcome outcome = OutcomeOf(*attempt);
  // An operation sent again may have taken effect the first time.
  const bool again = attempt->operation.again();
  outcome.set_result(again ? event::v1::IN_DOUBT : event::v1::NO_EFFECT);
  outcome.set_wanted_position(0);
  outcome.set_lane_state(event::v1::RETRYING);
  outcome.set_code("late");
  outcome.set_message("recorded as started, it could not leave within 2 s; nothing was sent");
  Record(attempt, std::move(outcome));
}

// Outcomes are told again until they stand. A start that does not stand was never called; one that
// came to stand all the same is found open, read and settled.
void AppWorker::FlushLost(const std::shared_ptr<Batch>& batch, const absl::Status& status) {
  flush_not_before_ = options_.clock->SinceBoot() + kFlushPause;
  for (const PendingStart& start : batch->starts) LetGo(start.attempt, kFlushPause);
  const bool hopeless = !IsRetryable(status) && status.code() != absl::StatusCode::kAborted;
  if (hopeless && batch->outcomes.size() + batch->notes.size() == 1) {
    // Its operation stays open, and is read and settled anew.
    LogError("an outcome could not be recorded", {{"app", options_.app_id}});
    for (const PendingOutcome& pending : batch->outcomes) {
      queue_.Release(pending.held);
      if (pending.attempt != nullptr) LetGo(pending.attempt, absl::Minutes(1));
    }
    return;
  }
  if (hopeless) most_outcomes_ = 1;
  outcomes_.insert(outcomes_.begin(), std::make_move_iterator(batch->outcomes.begin()),
                   std::make_move_iterator(batch->outcomes.end()));
  notes_.insert(notes_.begin(), batch->notes.begin(), batch->notes.end());
}

void AppWorker::LetGo(const AttemptPtr& attempt, absl::Duration rest) {
  EndCalling(attempt);
  queue_.Rest(attempt->id, options_.clock->SinceBoot() + rest);
  queue_.Release(attempt->id);
}

void AppWorker::ReportPlanned() {
  const absl::Duration now = options_.clock->SinceBoot();
  if (now - planned_at_ < kPlannedEvery && ownership_ != Ownership::kReleasing) return;
  planned_at_ = now;
  const StreamPosition oldest = queue_.OldestUnsettled(cursor_ + 1) - 1;
  const StreamPosition before = app_.planned.directory_position();
  const StreamPosition position = std::max(before, oldest);
  const StreamPosition control =
      oldest >= everyone_at_ ? settings_->entry.version : app_.planned.control_position();
  // A lane that an account's coming woke holds `oldest` back: what is told before is done.
  if (oldest < before || (position == before && control == app_.planned.control_position())) return;
  WriteRequest write;
  write.deadline = now + kWriteDeadline;
  write.decide = [this, position, control](absl::Time at, StreamPosition) {
    event::v1::Planned planned;
    planned.mutable_basis()->set_directory_position(position);
    planned.mutable_basis()->set_control_position(control);
    std::vector<event::v1::Envelope> records;
    if (Owns()) records.push_back(EnvelopeOf(event::v1::PLANNED, planned.SerializeAsString(), at));
    return records;
  };
  write.done = [](const absl::StatusOr<WriteReceipt>&) {};
  writer_->Submit(std::move(write));
}

void AppWorker::UpdateGauges() {
  const absl::Duration now = options_.clock->SinceBoot();
  if (now - gauges_at_ < kGaugesEvery) return;
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
  parked_gauge_->Set(static_cast<double>(counts_[event::v1::PARKED]));
  waiting_gauge_->Set(static_cast<double>(counts_[event::v1::WAITING]));
  breaker_gauge_->Set(health_->state() == AppHealth::State::kClosed ? 0 : 1);
  rate_gauge_->Set(budget_.Ready(now) ? 0 : static_cast<double>(paced_.size() + queue_.pending()));
}

void AppWorker::Stop() {
  stopping_ = true;
  options_.wake();
}

// Once calls have ended and all outcomes stand.
bool AppWorker::Release() {
  if (ownership_ != Ownership::kOwner || calls_ + starting_ > 0 || flushing_ ||
      !outcomes_.empty()) {
    return false;
  }
  if (app_.owner_boot != options_.boot_id) {
    ownership_ = Ownership::kReleased;
    return true;
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
    std::vector<event::v1::Envelope> records;
    if (Owns()) {
      records.push_back(EnvelopeOf(event::v1::RELEASED, released.SerializeAsString(), at));
    }
    return records;
  };
  write.done = [this](const absl::StatusOr<WriteReceipt>&) {
    ownership_ = Ownership::kReleased;
    options_.wake();
  };
  writer_->Submit(std::move(write));
  return true;
}

}  // namespace purser::delivery
