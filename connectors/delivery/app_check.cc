#include <utility>

#include "broker/base/log.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {

// Lets `go` make one call: now, or once the app's budget has one. While nothing may be sent, what
// waits goes back to its lane instead.
void AppWorker::Pace(const AttemptPtr& attempt, std::function<void()> go) {
  const absl::Duration now = options_.clock->SinceBoot();
  if (!paced_.empty() || !budget_.Ready(now)) {
    paced_.push_back({attempt, std::move(go)});
    return;
  }
  budget_.Spend(now);
  MakeCall(go);
}

bool AppWorker::RunPaced() {
  const absl::Duration now = options_.clock->SinceBoot();
  const bool may_send = !stopping_ && Running() && health_->AllowedCalls(now, 1) > 0;
  bool worked = false;
  std::deque<PacedCall> waiting = std::exchange(paced_, {});
  for (; !waiting.empty(); waiting.pop_front()) {
    PacedCall& next = waiting.front();
    if (next.attempt == nullptr ? stopping_ : !may_send) {
      if (next.attempt != nullptr) LetGo(next.attempt, absl::ZeroDuration());
    } else if (budget_.Ready(now)) {
      budget_.Spend(now);
      MakeCall(next.go);
    } else {
      paced_.push_back(std::move(next));
      continue;
    }
    worked = true;
  }
  return worked;
}

// One call for which the budget has been spent.
void AppWorker::MakeCall(const std::function<void()>& call) {
  metered_ != nullptr ? metered_->Run(call) : call();
}

bool AppWorker::RunCheck() {
  const absl::Duration now = options_.clock->SinceBoot();
  if (stopping_) return AttributeAll();
  if (!Running() && !health_->asking() && !DryRunning()) return false;
  if (!health_->WantsCheck(now) || !budget_.Ready(now)) return false;
  budget_.Spend(now);
  health_->BeginCheck();
  ++checks_;
  const connectors::Call call = CallOf("", "");
  MakeCall([&] {
    connector_->Check(call, [this, exchange = exchanges_.Begin(call, "check"),
                             gone = gone_](const connectors::Result& result) mutable {
      if (*gone) return;
      exchanges_.End(result, &exchange);
      OnCheck(result);
    });
  });
  return true;
}

void AppWorker::OnCheck(const connectors::Result& result) {
  --checks_;
  health_->OnCheck(result, options_.clock->SinceBoot());
  if (!health_->asking()) AttributeAll();
  options_.wake();
}

bool AppWorker::AttributeAll() {
  const std::vector<Failure> failures = std::exchange(unattributed_, {});
  for (const Failure& failure : failures) Attribute(failure.attempt, failure.result);
  return !failures.empty();
}

// A change of the app's health is a record: everyone can ask for it, and a notice can be sent.
void AppWorker::NoteHealth() {
  const AppHealth::State now = health_->state();
  const AppHealth::State before = std::exchange(noted_health_, now);
  const bool not_configured = now == AppHealth::State::kCredentials && health_->not_configured();
  const std::string missing = not_configured ? health_->trouble() : "";
  const std::string missing_before = std::exchange(noted_missing_, missing);
  if (now == before && missing == missing_before) return;
  breaker_gauge_->Set(now == AppHealth::State::kClosed ? 0 : 1);
  const bool was_open = before == AppHealth::State::kOpen || before == AppHealth::State::kTrial;
  const bool is_open = now == AppHealth::State::kOpen || now == AppHealth::State::kTrial;
  if (was_open && is_open) return;
  event::v1::AppNote note;
  note.set_message(health_->trouble());
  switch (now) {
    case AppHealth::State::kClosed:
      note.set_topic(before == AppHealth::State::kCredentials
                         ? event::v1::AppNote::CREDENTIALS_ACCEPTED
                         : event::v1::AppNote::BREAKER_CLOSED);
      break;
    case AppHealth::State::kOpen:
    case AppHealth::State::kTrial:
      note.set_topic(event::v1::AppNote::BREAKER_OPENED);
      break;
    case AppHealth::State::kCredentials:
      note.set_topic(not_configured ? event::v1::AppNote::NOT_CONFIGURED
                                    : event::v1::AppNote::CREDENTIALS_REFUSED);
      break;
  }
  if (is_open && before == AppHealth::State::kCredentials) {
    event::v1::AppNote accepted;
    accepted.set_topic(event::v1::AppNote::CREDENTIALS_ACCEPTED);
    Note(std::move(accepted));
  } else if (was_open && now == AppHealth::State::kCredentials) {
    event::v1::AppNote closed;
    closed.set_topic(event::v1::AppNote::BREAKER_CLOSED);
    Note(std::move(closed));
  }
  LogWarning(now == AppHealth::State::kClosed ? "app is well again" : "app is not well",
             {{"app", options_.app_id}, {"trouble", health_->trouble()}});
  Note(std::move(note));
}

}  // namespace purser::delivery
