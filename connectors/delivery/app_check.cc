#include "broker/base/log.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {

bool AppWorker::RunCheck() {
  if (!Running() && !health_->asking()) return false;
  if (stopping_ || !health_->WantsCheck(options_.clock->SinceBoot())) return false;
  health_->BeginCheck();
  connectors::Call call;
  call.request_id = options_.ids->NewId(options_.clock->Now());
  call.operation_id = call.request_id;
  call.timeout = settings_->call_timeout;
  connector_->Check(call, [this, gone = gone_](const connectors::Result& result) {
    if (!*gone) OnCheck(result);
  });
  return true;
}

void AppWorker::OnCheck(const connectors::Result& result) {
  const AppHealth::State before = health_->state();
  health_->OnCheck(result, options_.clock->SinceBoot());
  NoteHealth(before);
  if (health_->asking()) return;
  std::vector<Failure> failures = std::move(unattributed_);
  unattributed_.clear();
  for (const Failure& failure : failures) Attribute(failure.attempt, failure.result);
  options_.wake();
}

// A change of the app's health is a record: everyone can ask for it, and a notice can be sent.
void AppWorker::NoteHealth(AppHealth::State before) {
  const AppHealth::State now = health_->state();
  if (now == before) return;
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
      note.set_topic(event::v1::AppNote::CREDENTIALS_REFUSED);
      break;
  }
  if (before == AppHealth::State::kCredentials && now != AppHealth::State::kClosed) {
    event::v1::AppNote accepted;
    accepted.set_topic(event::v1::AppNote::CREDENTIALS_ACCEPTED);
    Note(std::move(accepted));
  }
  LogWarning(now == AppHealth::State::kClosed ? "app is well again" : "app is not well",
             {{"app", options_.app_id}, {"trouble", health_->trouble()}});
  Note(std::move(note));
}

}  // namespace purser::delivery
