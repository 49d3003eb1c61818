#include "broker/admin/model_service.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/mutex.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(20);
constexpr absl::Duration kUsualWait = absl::Seconds(5);

void AddModel(const AdminContext& context, const StreamId& stream, const std::string& name,
              StreamPosition folded, admin::v1::ListModelsResponse* response) {
  admin::v1::Model* model = response->add_models();
  model->set_stream(stream.ToString());
  model->set_name(name);
  model->set_position(folded);
  const auto head = context.log->KnownHead(stream);
  model->set_end(head.ok() ? std::max(head->position, folded) : folded);
  for (const StreamStanding& standing : context.log->Standings()) {
    if (!(standing.stream == stream)) continue;
    model->set_read(standing.read);
    model->set_to_read(standing.to_read);
  }
}

template <typename Readers>
StreamPosition Folded(Readers* readers) {
  if (readers == nullptr) return 0;
  const auto lease = readers->Take();
  if (!lease.ok()) return 0;
  const auto head = (*lease)->FoldHead();
  return head.ok() ? head->position : 0;
}

// What the fold's thread hands to the one that waits.
template <typename Lease>
struct Taken {
  Mutex mutex;
  CondVar changed;
  std::unique_ptr<absl::StatusOr<Lease>> lease ABSL_GUARDED_BY(mutex);
};

// A read transaction sees what is committed at its first read.
template <typename Readers, typename Lease>
absl::StatusOr<Lease> TakeNow(Readers* readers) {
  ASSIGN_OR_RETURN(Lease lease, readers->Take());
  RETURN_IF_ERROR(lease->FoldHead().status());
  return lease;
}

template <typename Readers>
absl::StatusOr<admin::v1::ModelDigest> DigestAt(const AdminContext& context, const StreamId& stream,
                                                StreamPosition position, absl::Duration within,
                                                Readers* readers) {
  using Lease = typename Readers::Lease;
  if (readers == nullptr) {
    return absl::UnavailableError(absl::StrCat(stream.ToString(), " is not there yet"));
  }
  auto taken = std::make_shared<Taken<Lease>>();
  const absl::Duration deadline = context.clock->SinceBoot() + within;
  context.when_at(stream, position, deadline, [taken, readers](const absl::Status& status) {
    auto lease = std::make_unique<absl::StatusOr<Lease>>(
        status.ok() ? TakeNow<Readers, Lease>(readers) : absl::StatusOr<Lease>(status));
    MutexLock lock(&taken->mutex);
    taken->lease = std::move(lease);
    taken->changed.NotifyAll();
  });
  std::unique_ptr<absl::StatusOr<Lease>> lease;
  {
    MutexLock lock(&taken->mutex);
    // Whoever is asked tells by the deadline, unless the program ends.
    while (taken->lease == nullptr && context.clock->SinceBoot() < deadline + absl::Seconds(1)) {
      taken->changed.WaitFor(&taken->mutex, absl::Milliseconds(100));
    }
    lease.swap(taken->lease);
  }
  if (lease == nullptr) return absl::UnavailableError("nobody folds any more");
  RETURN_IF_ERROR(lease->status());
  ASSIGN_OR_RETURN(const Head head, (**lease)->FoldHead());
  admin::v1::ModelDigest digest;
  digest.set_stream(stream.ToString());
  digest.set_position(head.position);
  ASSIGN_OR_RETURN(*digest.mutable_digest(), (**lease)->Digest());
  return digest;
}

}  // namespace

absl::StatusOr<admin::v1::ListModelsResponse> ListModels(const AdminContext& context, const Caller&,
                                                         const admin::v1::ListModelsRequest&) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  admin::v1::ListModelsResponse response;
  for (const auto& [id, entry] : state->directories) {
    AddModel(context, StreamId::Directory(id), entry.directory.name(),
             Folded(context.directories(id)), &response);
  }
  for (const auto& [id, entry] : state->apps) {
    AddModel(context, StreamId::App(id), entry.app.name(), Folded(context.apps(id)), &response);
  }
  if (context.built) response.set_built(context.built());
  return response;
}

absl::StatusOr<admin::v1::ModelDigest> DigestModel(const AdminContext& context, const Caller&,
                                                   const admin::v1::DigestModelRequest& request) {
  ASSIGN_OR_RETURN(const StreamId stream, StreamId::Parse(request.stream()));
  const absl::Duration asked = absl::Milliseconds(request.within_millis());
  const absl::Duration within =
      asked > absl::ZeroDuration() ? std::min(asked, kLongestWait) : kUsualWait;
  const std::shared_ptr<const ControlState> state = context.control->state();
  if (stream.kind() == StreamKind::kDirectory && state->directories.count(stream.id()) > 0) {
    return DigestAt(context, stream, request.position(), within, context.directories(stream.id()));
  }
  if (stream.kind() == StreamKind::kApp && state->apps.count(stream.id()) > 0) {
    return DigestAt(context, stream, request.position(), within, context.apps(stream.id()));
  }
  return absl::NotFoundError(absl::StrCat("there is no read model of ", request.stream()));
}

}  // namespace purser
