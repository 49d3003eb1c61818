#include "broker/admin/services.h"

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/admin/app_service.h"
#include "broker/admin/apply.h"
#include "broker/admin/delivery_service.h"
#include "broker/admin/import_service.h"
#include "broker/admin/job_service.h"
#include "broker/admin/log_service.h"
#include "broker/admin/model_service.h"
#include "broker/admin/parked_service.h"
#include "broker/admin/request_service.h"
#include "broker/admin/token_service.h"
#include "broker/admin/upgrade_service.h"
#include "broker/admin/user_service.h"
#include "broker/auth/bearer.h"
#include "broker/base/log.h"
#include "grpcpp/server_context.h"
#include "purser/admin/v1/admin.grpc.pb.h"

namespace purser {
namespace {

namespace v1 = admin::v1;
using auth::Role;
using grpc::ServerContext;
using grpc::Status;

// How often a watched job is looked at.
constexpr std::chrono::milliseconds kWatchInterval(200);

// Codes mean the same on both sides.
Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return Status::OK;
  return Status(static_cast<grpc::StatusCode>(status.raw_code()), std::string(status.message()));
}

// A fault of ours is told to the operator of the node too.
Status Report(const ServerContext& call, const absl::Status& status) {
  if (absl::IsInternal(status) || absl::IsDataLoss(status) || absl::IsUnknown(status)) {
    LogError("an admin request failed", {{"peer", call.peer()}, {"error", status.message()}});
  }
  return ToGrpc(status);
}

absl::StatusOr<Caller> Authorize(const AdminContext& context, const ServerContext& call,
                                 Role needed) {
  const auto& metadata = call.client_metadata();
  const auto header = metadata.find("authorization");
  if (header == metadata.end()) {
    return absl::UnauthenticatedError("no token: send authorization: Bearer TOKEN");
  }
  const auto token = auth::ParseBearer({header->second.data(), header->second.size()});
  if (!token) return absl::UnauthenticatedError("the authorization is not a bearer token");
  absl::StatusOr<Caller> caller = context.authenticate(*token);
  if (caller.ok() && !auth::Allows(caller->role, needed)) {
    return absl::PermissionDeniedError(absl::StrCat("this takes the role ", auth::RoleName(needed),
                                                    "; the token's is ",
                                                    auth::RoleName(caller->role)));
  }
  return caller;
}

template <typename Request, typename Response>
using Handler = absl::StatusOr<Response> (*)(const AdminContext&, const Caller&, const Request&);

template <typename Request, typename Response>
Status Answer(const AdminContext& context, const ServerContext& call, Role needed,
              Handler<Request, Response> handler, const Request& request, Response* response) {
  const absl::StatusOr<Caller> caller = Authorize(context, call, needed);
  if (!caller.ok()) return ToGrpc(caller.status());
  absl::StatusOr<Response> answer = handler(context, *caller, request);
  if (!answer.ok()) return Report(call, answer.status());
  *response = *std::move(answer);
  return Status::OK;
}

// One line a method: its role, and who answers it.
#define PURSER_RPC(Method, Request, Response, role, handler)                                      \
  Status Method(ServerContext* call, const v1::Request* request, v1::Response* response)          \
      override {                                                                                  \
    return Answer<v1::Request, v1::Response>(context_, *call, role, handler, *request, response); \
  }

class Configurations final : public v1::ConfigService::Service {
 public:
  explicit Configurations(const AdminContext& context) : context_(context) {}
  PURSER_RPC(Apply, ApplyRequest, ApplyResponse, Role::kAdmin, purser::Apply)
  PURSER_RPC(Diff, DiffRequest, ApplyResponse, Role::kViewer, purser::Diff)
  PURSER_RPC(Get, GetConfigRequest, GetConfigResponse, Role::kViewer, GetConfig)

 private:
  const AdminContext& context_;
};

class Apps final : public v1::AppService::Service {
 public:
  explicit Apps(const AdminContext& context) : context_(context) {}
  PURSER_RPC(List, ListAppsRequest, ListAppsResponse, Role::kViewer, ListApps)
  PURSER_RPC(GetStatus, GetAppStatusRequest, AppStatus, Role::kViewer, GetAppStatus)
  PURSER_RPC(Command, CommandAppRequest, CommandAppResponse, Role::kOperator, CommandApp)
  PURSER_RPC(Test, TestAppRequest, Job, Role::kOperator, TestApp)

 private:
  const AdminContext& context_;
};

class Users final : public v1::UserService::Service {
 public:
  explicit Users(const AdminContext& context) : context_(context) {}
  PURSER_RPC(Timeline, TimelineRequest, TimelineResponse, Role::kViewer, purser::Timeline)
  PURSER_RPC(Explain, ExplainRequest, ExplainResponse, Role::kViewer, purser::Explain)

 private:
  const AdminContext& context_;
};

class ParkedLanes final : public v1::ParkedService::Service {
 public:
  explicit ParkedLanes(const AdminContext& context) : context_(context) {}
  PURSER_RPC(List, ListParkedRequest, ListParkedResponse, Role::kViewer, ListParked)
  PURSER_RPC(Retry, ReleaseParkedRequest, ReleaseParkedResponse, Role::kOperator, RetryParked)
  PURSER_RPC(Skip, ReleaseParkedRequest, ReleaseParkedResponse, Role::kOperator, SkipParked)

 private:
  const AdminContext& context_;
};

class Requests final : public v1::RequestService::Service {
 public:
  explicit Requests(const AdminContext& context) : context_(context) {}
  PURSER_RPC(List, ListRequestsRequest, ListRequestsResponse, Role::kViewer, ListRequests)

 private:
  const AdminContext& context_;
};

class Imports final : public v1::ImportService::Service {
 public:
  explicit Imports(const AdminContext& context) : context_(context) {}
  PURSER_RPC(CheckPaths, CheckPathsRequest, CheckPathsResponse, Role::kViewer, purser::CheckPaths)
  PURSER_RPC(Put, PutLinesRequest, PutLinesResponse, Role::kOperator, PutLines)

 private:
  const AdminContext& context_;
};

class Deliveries final : public v1::DeliveryService::Service {
 public:
  explicit Deliveries(const AdminContext& context) : context_(context) {}
  PURSER_RPC(List, ListDeliveriesRequest, ListDeliveriesResponse, Role::kViewer, ListDeliveries)

 private:
  const AdminContext& context_;
};

class Replays final : public v1::ReplayService::Service {
 public:
  explicit Replays(const AdminContext& context) : context_(context) {}
  PURSER_RPC(Start, StartReplayRequest, Job, Role::kOperator, StartReplay)
  PURSER_RPC(ListPlanned, ListPlannedRequest, ListPlannedResponse, Role::kViewer,
             ListPlannedChanges)

 private:
  const AdminContext& context_;
};

class Jobs final : public v1::JobService::Service {
 public:
  explicit Jobs(const AdminContext& context) : context_(context) {}
  PURSER_RPC(List, ListJobsRequest, ListJobsResponse, Role::kViewer, ListJobs)
  PURSER_RPC(Get, GetJobRequest, Job, Role::kViewer, GetJob)
  PURSER_RPC(Cancel, CancelJobRequest, Job, Role::kOperator, CancelJob)

  Status Watch(ServerContext* call, const v1::GetJobRequest* request,
               grpc::ServerWriter<v1::Job>* writer) override {
    const absl::StatusOr<Caller> caller = Authorize(context_, *call, Role::kViewer);
    if (!caller.ok()) return ToGrpc(caller.status());
    const auto pause = [call] {
      std::this_thread::sleep_for(kWatchInterval);
      return !call->IsCancelled();
    };
    const auto send = [writer](const v1::Job& job) { return writer->Write(job); };
    return Report(*call, WatchJob(context_, *caller, *request, send, pause));
  }

 private:
  const AdminContext& context_;
};

class Tokens final : public v1::TokenService::Service {
 public:
  explicit Tokens(const AdminContext& context) : context_(context) {}
  PURSER_RPC(Mint, MintTokenRequest, MintTokenResponse, Role::kAdmin, purser::MintToken)
  PURSER_RPC(List, ListTokensRequest, ListTokensResponse, Role::kAdmin, ListTokens)
  PURSER_RPC(Revoke, RevokeTokenRequest, RevokeTokenResponse, Role::kAdmin, RevokeToken)

 private:
  const AdminContext& context_;
};

class Upgrades final : public v1::UpgradeService::Service {
 public:
  explicit Upgrades(const AdminContext& context) : context_(context) {}
  PURSER_RPC(GetStatus, GetUpgradeStatusRequest, UpgradeStatus, Role::kViewer, GetUpgradeStatus)
  PURSER_RPC(Finalize, FinalizeUpgradeRequest, UpgradeStatus, Role::kAdmin, FinalizeUpgrade)

 private:
  const AdminContext& context_;
};

class Models final : public v1::ModelService::Service {
 public:
  explicit Models(const AdminContext& context) : context_(context) {}
  PURSER_RPC(List, ListModelsRequest, ListModelsResponse, Role::kViewer, ListModels)
  PURSER_RPC(Digest, DigestModelRequest, ModelDigest, Role::kViewer, DigestModel)

 private:
  const AdminContext& context_;
};

class Logs final : public v1::LogService::Service {
 public:
  explicit Logs(const AdminContext& context) : context_(context) {}

  Status Verify(ServerContext* call, const v1::VerifyLogRequest* request,
                grpc::ServerWriter<v1::VerifyLogUpdate>* writer) override {
    const absl::StatusOr<Caller> caller = Authorize(context_, *call, Role::kViewer);
    if (!caller.ok()) return ToGrpc(caller.status());
    const auto send = [writer](const v1::VerifyLogUpdate& update) { return writer->Write(update); };
    return Report(*call, VerifyLog(context_, *caller, *request, send));
  }

 private:
  const AdminContext& context_;
};

#undef PURSER_RPC

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeServices(const AdminContext& context) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<Configurations>(context));
  services.push_back(std::make_unique<Apps>(context));
  services.push_back(std::make_unique<Users>(context));
  services.push_back(std::make_unique<ParkedLanes>(context));
  services.push_back(std::make_unique<Requests>(context));
  services.push_back(std::make_unique<Imports>(context));
  services.push_back(std::make_unique<Deliveries>(context));
  services.push_back(std::make_unique<Replays>(context));
  services.push_back(std::make_unique<Jobs>(context));
  services.push_back(std::make_unique<Tokens>(context));
  services.push_back(std::make_unique<Models>(context));
  services.push_back(std::make_unique<Upgrades>(context));
  services.push_back(std::make_unique<Logs>(context));
  return services;
}

}  // namespace purser
