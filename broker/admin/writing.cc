#include "broker/admin/writing.h"

#include <memory>
#include <optional>
#include <utility>

#include "broker/base/mutex.h"
#include "broker/base/status.h"
#include "broker/events/sealing.h"

namespace purser {
namespace {

// Outlives the caller where the answer comes after the caller has given up.
struct Answer {
  Mutex mutex;
  CondVar arrived;
  std::optional<absl::StatusOr<StreamPosition>> result ABSL_GUARDED_BY(mutex);
};

}  // namespace

Wish MakeWish(const AdminContext& context, const Caller& caller, const std::string& request_id,
              const std::string& reason) {
  return {caller.actor, request_id.empty() ? context.ids->NewId(context.clock->Now()) : request_id,
          reason};
}

event::v1::Envelope MakeEnvelope(const AdminContext& context, const Wish& wish,
                                 event::v1::Kind kind, event::v1::ResourceType type,
                                 const std::string& resource_id,
                                 const google::protobuf::MessageLite& payload) {
  event::v1::Envelope envelope;
  envelope.set_event_id(context.ids->NewId(context.clock->Now()));
  envelope.set_kind(kind);
  envelope.set_resource_type(type);
  envelope.set_resource_id(resource_id);
  envelope.set_actor(wish.actor);
  envelope.set_request_id(wish.request_id);
  envelope.set_reason(wish.reason);
  SealedPayload sealed = Seal(resource_id, payload.SerializeAsString());
  envelope.set_key_id(std::move(sealed.key_id));
  envelope.set_payload(std::move(sealed.bytes));
  return envelope;
}

absl::StatusOr<StreamPosition> SubmitAndWait(const AdminContext& context, const StreamId& stream,
                                             DecideRecords decide) {
  auto answer = std::make_shared<Answer>();
  const absl::Duration deadline = context.clock->SinceBoot() + kWriteDeadline;
  context.submit(stream, std::move(decide), deadline,
                 [answer](absl::StatusOr<StreamPosition> result) {
                   MutexLock lock(&answer->mutex);
                   answer->result = std::move(result);
                   answer->arrived.NotifyAll();
                 });
  MutexLock lock(&answer->mutex);
  // A second more than the writer has: it knows better what became of the records.
  while (!answer->result && context.clock->SinceBoot() < deadline + absl::Seconds(1)) {
    answer->arrived.WaitFor(&answer->mutex, absl::Milliseconds(100));
  }
  if (!answer->result) {
    return absl::UnavailableError("the log did not answer in time: it may or may not be recorded");
  }
  return *std::move(answer->result);
}

absl::StatusOr<StreamPosition> SubmitCommand(const AdminContext& context, const Wish& wish,
                                             const std::string& app_id,
                                             const event::v1::AppCommand& command) {
  const event::v1::Envelope envelope =
      MakeEnvelope(context, wish, event::v1::APP_COMMAND, event::v1::APP, app_id, command);
  return SubmitAndWait(context, StreamId::App(app_id), [envelope] {
    return absl::StatusOr<std::vector<event::v1::Envelope>>({envelope});
  });
}

}  // namespace purser
