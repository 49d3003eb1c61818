#include <algorithm>
#include <utility>

#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/events/sealing.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
namespace {

constexpr absl::Duration kFlushPause = absl::Milliseconds(200);
constexpr size_t kBatch = 500;

}  // namespace

// What one write of the app's stream holds.
struct AppWorker::Batch {
  std::vector<PendingOutcome> outcomes;
  std::vector<PendingStart> starts;
  std::vector<event::v1::AppNote> notes;
};

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
  outcomes.set_boot_id(options_.boot_id);
  for (const PendingOutcome& pending : batch->outcomes) {
    outcomes.mutable_outcomes()->Add(pending.outcomes.begin(), pending.outcomes.end());
  }
  if (outcomes.outcomes_size() > 0) {
    records.push_back(EnvelopeOf(event::v1::OUTCOMES, outcomes.SerializeAsString(), at));
  }
  const bool owns = Owns();
  for (const event::v1::AppNote& note : batch->notes) {
    if (owns) records.push_back(EnvelopeOf(event::v1::APP_NOTE, note.SerializeAsString(), at));
  }
  event::v1::Started started;
  *started.mutable_basis() = Basis();
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
  write.decide = [this, batch](absl::Time at) { return BatchRecords(batch.get(), at); };
  write.done = [this, batch, now](const absl::StatusOr<WriteReceipt>& receipt) {
    OnFlushed(batch, receipt.status(), now);
  };
  Write(std::move(write));
  return true;
}

void AppWorker::OnFlushed(const std::shared_ptr<Batch>& batch, const absl::Status& status,
                          absl::Duration submitted) {
  flushing_ = false;
  NoteFold();
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

// Those whose `started` stands go as others end, in the order of the log; none once the app is
// another's, who reads their accounts.
bool AppWorker::CallReady() {
  bool worked = false;
  while (!ready_.empty()) {
    const absl::Duration now = options_.clock->SinceBoot();
    const ReadyCall& next = ready_.front();
    const bool late = now - next.submitted > kStartedFor;
    const bool void_now = !Holds();
    if (!late && !void_now && !next.attempt->calls && calls_ >= health_->AllowedCalls(now, limit_))
      break;
    const AttemptPtr attempt = next.attempt;
    ready_.pop_front();
    if (void_now) {
      LetGo(attempt, absl::ZeroDuration());
    } else if (late) {
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

}  // namespace purser::delivery
