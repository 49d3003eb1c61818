#include <algorithm>
#include <utility>

#include "broker/base/status.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
namespace {

constexpr absl::Duration kPlannedEvery = absl::Seconds(10);
constexpr absl::Duration kTakePause = absl::Seconds(1);

}  // namespace

bool AppWorker::TakeOwnership() {
  if (ownership_ == Ownership::kTaking) return false;
  if (ownership_ == Ownership::kRecovering) {
    if (!stopping_ && Keeps()) return DirectoryReached() && Recover();
    // What it took and did not begin with, it releases.
    ownership_ = Ownership::kOwner;
    BeginRelease();
    return Release();
  }
  if (stopping_) {
    EndTenure();
    return true;
  }
  const bool may =
      writer().health().ok() && MayTake(app_) && options_.clock->SinceBoot() >= take_not_before_;
  if (may) Take();
  return may;
}

// Nobody else has taken the app, and it is still this node's to own.
bool AppWorker::Keeps() const {
  return Holds() && (options_.nodes == nullptr || options_.nodes->IsMine(stream_.ToString()));
}

bool AppWorker::MayTake(const AppRow& app) const {
  const Holder holder = {app.owner_node, app.owner_boot, app.released};
  return options_.nodes == nullptr || options_.nodes->MayTake(stream_.ToString(), holder);
}

// Decided on the stream's end: who has folded another's `took-over` writes none.
void AppWorker::Take() {
  ownership_ = Ownership::kTaking;
  WriteRequest write;
  write.deadline = options_.clock->SinceBoot() + kWriteDeadline;
  write.decide = [this](absl::Time at) -> absl::StatusOr<std::vector<event::v1::Envelope>> {
    ASSIGN_OR_RETURN(const AppRow app, options_.projection->reader().App());
    if (!MayTake(app)) return std::vector<event::v1::Envelope>();
    event::v1::TookOver took;
    took.set_node_id(options_.node_id);
    took.set_boot_id(options_.boot_id);
    *took.mutable_basis() = Basis();
    return std::vector<event::v1::Envelope>{
        EnvelopeOf(event::v1::TOOK_OVER, took.SerializeAsString(), at)};
  };
  write.done = [this](const absl::StatusOr<WriteReceipt>& receipt) {
    NoteFold();
    const bool took = receipt.ok() && receipt->first > 0;
    ownership_ = took ? Ownership::kRecovering : Ownership::kNone;
    take_not_before_ = options_.clock->SinceBoot() + kTakePause;
    options_.wake();
  };
  Write(std::move(write));
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
  owns_ = true;
  ShowGauges();
  ResumeHealth();
  // Calls of an earlier process died with it, but may take effect late: their lanes rest first.
  // Those of another node may still be under way, or about to leave.
  const absl::Duration now = options_.clock->SinceBoot();
  for (const OpenOperation& operation : *open) {
    const std::string& id = operation.operation.resource_id();
    WakeLane(id, operation.operation.resource_type(), 0);
    LaneRun* run = queue_.Find(id);
    if (run == nullptr) continue;
    run->settles_after = now + settings_->settling_time;
    if (operation.position > app_.moved_at) continue;
    run->settles_after += kStartedFor + absl::Seconds(operation.operation.timeout().seconds());
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

bool AppWorker::Owns() const {
  const auto app = options_.projection->reader().App();
  return app.ok() && app->owner_boot == options_.boot_id && !app->released;
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
  write.decide = [this, position, control](absl::Time at) {
    event::v1::Planned planned;
    planned.mutable_basis()->set_directory_position(position);
    planned.mutable_basis()->set_control_position(control);
    std::vector<event::v1::Envelope> records;
    if (Owns()) records.push_back(EnvelopeOf(event::v1::PLANNED, planned.SerializeAsString(), at));
    return records;
  };
  write.done = [](const absl::StatusOr<WriteReceipt>&) {};
  Write(std::move(write));
}

void AppWorker::Stop() {
  ending_ = true;
  BeginRelease();
  options_.wake();
}

void AppWorker::BeginRelease() {
  if (std::exchange(stopping_, true)) return;
  release_by_ = options_.clock->SinceBoot() + kReleaseWithin;
}

// Once calls have ended and all outcomes stand, or that takes too long.
bool AppWorker::Release() {
  if (ownership_ != Ownership::kOwner) return false;
  if (!Holds()) {
    EndTenure();
    return true;
  }
  const absl::Duration now = options_.clock->SinceBoot();
  const bool under_way = calls_ + starting_ > 0 || !outcomes_.empty();
  if (flushing_ || now < release_not_before_ || (under_way && now < release_by_)) return false;
  release_not_before_ = now + kTakePause;  // Should it not be written.
  ownership_ = Ownership::kReleasing;
  if (owns()) ReportPlanned();
  WriteRequest write;
  write.deadline = now + kWriteDeadline;
  write.decide = [this](absl::Time at) {
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
  write.done = [this](const absl::StatusOr<WriteReceipt>& receipt) {
    NoteFold();
    // While this node has it nobody else takes it.
    if (!receipt.ok() && !ending_) {
      ownership_ = Ownership::kOwner;
    } else {
      EndTenure();
    }
    options_.wake();
  };
  Write(std::move(write));
  return true;
}

void AppWorker::EndTenure() {
  stopping_ = true;
  ownership_ = Ownership::kReleased;
  if (owns_.exchange(false)) HideGauges();
}

// What is still under way is reported: the owner reads those accounts.
bool AppWorker::Linger() {
  bool worked = AttributeAll();
  worked |= RunPaced();
  worked |= CallReady();
  worked |= Flush();
  exchanges_.Flush(/*now=*/true);
  return worked;
}

bool AppWorker::stopped() const {
  const bool calling =
      calls_ + starting_ + checks_ > 0 || (metered_ != nullptr && metered_->under_way() > 0);
  return ownership_ == Ownership::kReleased && !calling && writes_ == 0 && outcomes_.empty();
}

void AppWorker::Write(WriteRequest request) {
  ++writes_;
  request.done = [this, done = std::move(request.done)](const auto& receipt) {
    --writes_;
    done(receipt);
  };
  writer().Submit(std::move(request));
}

}  // namespace purser::delivery
