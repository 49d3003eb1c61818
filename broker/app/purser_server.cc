#include "broker/app/purser_server.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/app/bootstrap.h"
#include "broker/app/open_log.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/cli/connection.h"
#include "broker/eventlog/folder_lock.h"
#include "connectors/catalog/templates/templates.h"

namespace purser {
namespace {

constexpr absl::Duration kReadyWithin = absl::Minutes(10);
// Scans beside each other, and reads that may wait for a thread before one is refused.
constexpr int kLongReads = 2;
constexpr size_t kReadsWaiting = 10'000;

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, " cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

PurserServer::PurserServer(ServeOptions options) : options_(std::move(options)) {}

PurserServer::~PurserServer() { Stop(); }

absl::Status PurserServer::CheckOptions() const {
  const bool tls = !options_.tls_certificate.empty() && !options_.tls_key.empty();
  if (options_.dev && (!IsLoopbackAddress(options_.http) || !IsLoopbackAddress(options_.grpc))) {
    return absl::InvalidArgumentError(
        "--dev listens on loopback alone: give --http and --grpc an address of 127.0.0.1");
  }
  if (!options_.dev && !tls) {
    return absl::InvalidArgumentError(
        "give --tls-cert and --tls-key, or --dev for a start on loopback");
  }
  return absl::OkStatus();
}

absl::Status PurserServer::Start() {
  RETURN_IF_ERROR(CheckOptions());
  const std::string models = absl::StrCat(options_.data, "/read");
  std::error_code error;
  std::filesystem::create_directories(models, error);
  if (error) return CannotUseFolder(options_.data, error);
  ASSIGN_OR_RETURN(
      OpenedLog opened,
      OpenLog({options_.data, options_.log, options_.kafka_security}, &SystemClock(),
              [this](const absl::Status& why) {
                LogError("the log can no longer be written; exiting", {{"status", why.ToString()}});
                failed_ = true;
              }));
  log_ = std::move(opened.log);
  CountDropped();
  if (opened.verify_pages) {
    page_check_ = std::thread([verify = std::move(opened.verify_pages)] {
      const absl::Status pages = verify();
      if (pages.ok()) LogInfo("the log's pages are whole after an unclean stop");
    });
  }
  ASSIGN_OR_RETURN(const std::string node_id,
                   NodeId(options_.data, &RandomIdSource(), SystemClock()));
  delivery_ = std::make_unique<DeliveryHost>(
      DeliveryHost::Options{log_.get(), models, node_id, &SystemClock(), &RandomIdSource(),
                            &metrics_, [this](const std::string& id) -> DirectoryReaders* {
                              DirectoryService* directory = broker_->Directory(id);
                              return directory == nullptr ? nullptr : &directory->readers();
                            }});
  broker_ = std::make_unique<BrokerHost>(
      BrokerHost::Options{log_.get(), models, &SystemClock(), &metrics_, &tokens_,
                          [this](std::shared_ptr<const ControlState> state) {
                            delivery_->Configure(state);
                            feeds_->Configure(state);
                          },
                          [this](const StreamId& stream) {
                            delivery_->NewRecords(stream);
                            feeds_->NewRecords(stream);
                          },
                          [this](const std::string& id) {
                            delivery_->DirectoryMoved(id);
                            feeds_->DirectoryMoved();
                          }});
  RETURN_IF_ERROR(MakeFeeds(models, node_id));
  RETURN_IF_ERROR(delivery_->Start());
  RETURN_IF_ERROR(feeds_->Start());
  RETURN_IF_ERROR(broker_->Start());
  RETURN_IF_ERROR(StartHttp());
  context_ = MakeContext();
  RETURN_IF_ERROR(StartAdmin());
  RETURN_IF_ERROR(Prepare());
  return WaitReady();
}

absl::Status PurserServer::MakeFeeds(const std::string& models, const std::string& node_id) {
  FeedHost::Options feeds{log_.get(),        models,   node_id, &SystemClock(),
                          &RandomIdSource(), &metrics_};
  feeds.directory = [this](const std::string& id) { return broker_->Directory(id); };
  if (options_.dev) {
    ASSIGN_OR_RETURN(feeds.dev_key, DevSigningKey(options_.data));
  }
  feeds_ = std::make_unique<FeedHost>(std::move(feeds));
  return absl::OkStatus();
}

void PurserServer::CountDropped() {
  auto dropped =
      metrics_.GetCounter("purser_exchange_records_dropped_total",
                          "Records of exchanges, of up to 64 each, that the log could not take.");
  metrics_.AddCollector(
      [this, dropped] { dropped->Add(log_->unchained_dropped() - dropped->value()); });
}

absl::Status PurserServer::StartHttp() {
  short_reads_ = std::make_unique<WorkThreads>(1, kReadsWaiting);
  long_reads_ = std::make_unique<WorkThreads>(kLongReads, kReadsWaiting);
  ScimEndpoints::Options scim{&tokens_, &SystemClock(), &RandomIdSource()};
  scim.run_read = [this](ReadCost cost, std::function<void()> read) {
    return (cost == ReadCost::kLong ? long_reads_ : short_reads_)->Post(std::move(read));
  };
  refused_ = std::make_unique<RefusedRequests>(log_.get(), &SystemClock(), &metrics_);
  scim.refused = refused_.get();
  scim.feeds = [this](const ScimRequestPtr& request) { feeds_->Handle(request); };
  scim_ = std::make_unique<ScimEndpoints>(scim);
  routes_ = std::make_unique<FrontRoutes>(broker_.get(), scim_.get(), feeds_.get(), &metrics_,
                                          options_.dev);
  http::ServerOptions http;
  http.address = options_.http;
  http.threads = options_.http_threads;
  http.certificate_file = options_.tls_certificate;
  http.key_file = options_.tls_key;
  http.header_timeout = options_.header_timeout;
  http.body_timeout = options_.body_timeout;
  http.body_total_timeout = options_.body_total_timeout;
  http.error_page = &FrontRoutes::ErrorPage;
  ASSIGN_OR_RETURN(http_,
                   http::Server::Start(http, [this](http::Request request, http::Respond respond) {
                     routes_->Handle(std::move(request), std::move(respond));
                   }));
  return absl::OkStatus();
}

absl::Status PurserServer::StartAdmin() {
  AdminServerOptions admin;
  admin.address = options_.grpc;
  ASSIGN_OR_RETURN(admin.certificate, ReadPem(options_.tls_certificate));
  ASSIGN_OR_RETURN(admin.private_key, ReadPem(options_.tls_key));
  ASSIGN_OR_RETURN(admin.client_ca, ReadPem(options_.tls_client_ca));
  ASSIGN_OR_RETURN(admin_, AdminServer::Start(admin, context_));
  return absl::OkStatus();
}

AdminContext PurserServer::MakeContext() {
  AdminContext context;
  context.log = log_.get();
  context.control = &broker_->control();
  context.clock = &SystemClock();
  context.ids = &RandomIdSource();
  context.directories = [this](absl::string_view id) -> DirectoryReaders* {
    DirectoryService* directory = broker_->Directory(std::string(id));
    return directory == nullptr ? nullptr : &directory->readers();
  };
  context.apps = [this](absl::string_view id) { return delivery_->Readers(id); };
  context.services = [this](absl::string_view id) { return broker_->Directory(std::string(id)); };
  context.submit = [this](const StreamId& stream, DecideRecords decide, absl::Duration deadline,
                          SubmitDone done) {
    SubmitRecords(stream, std::move(decide), deadline, std::move(done));
  };
  context.authenticate = [this](absl::string_view token) -> absl::StatusOr<Caller> {
    ASSIGN_OR_RETURN(const auth::Principal principal,
                     tokens_.Authenticate("", token, SystemClock().Now()));
    return Caller{principal.token_id, principal.role};
  };
  context.pending = [this](absl::string_view id) -> std::optional<PendingLanes> {
    const auto waiting = delivery_->WaitingLanes(id);
    if (!waiting) return std::nullopt;
    PendingLanes pending{waiting->lanes, absl::InfinitePast(), waiting->settled};
    if (waiting->lanes > 0) pending.oldest = SystemClock().Now() - waiting->oldest;
    return pending;
  };
  context.templates = connectors::CatalogTemplates();
  return context;
}

void PurserServer::SubmitRecords(const StreamId& stream, DecideRecords decide,
                                 absl::Duration deadline, SubmitDone done) {
  WriteRequest request;
  request.deadline = deadline;
  request.decide = [decide = std::move(decide)](absl::Time) { return decide(); };
  request.done = [done = std::move(done)](const absl::StatusOr<WriteReceipt>& receipt) {
    receipt.ok() ? done(receipt->last) : done(receipt.status());
  };
  if (stream.kind() == StreamKind::kControl) {
    broker_->SubmitControl(std::move(request));
  } else if (stream.kind() == StreamKind::kApp) {
    delivery_->Submit(stream.id(), std::move(request));
  } else {
    request.done(absl::InvalidArgumentError(
        absl::StrCat("commands are not written to ", stream.ToString())));
  }
}

absl::Status PurserServer::Prepare() {
  if (options_.dev) {
    ASSIGN_OR_RETURN(const std::string secret, DevToken(options_.data));
    RETURN_IF_ERROR(PrepareDev(context_, secret));
  } else {
    RETURN_IF_ERROR(PrepareAdminToken(context_, options_.data));
  }
  return ApplyFiles(context_, options_.apply);
}

absl::Status PurserServer::WaitReady() {
  RETURN_IF_ERROR(broker_->WaitCurrent(kReadyWithin));
  const StreamPosition configured = broker_->control().state()->head.position;
  const absl::Duration until = SystemClock().SinceBoot() + kReadyWithin;
  Mutex mutex;
  CondVar tick;
  while (!delivery_->Configured(configured)) {
    if (SystemClock().SinceBoot() > until) {
      return absl::DeadlineExceededError("the apps' streams could not be opened in time");
    }
    MutexLock lock(&mutex);
    tick.WaitFor(&mutex, absl::Milliseconds(5));
  }
  routes_->SetReady(true);
  admin_->SetReady(true);
  admin_->RefreshHealth();
  return absl::OkStatus();
}

void PurserServer::Tick() { admin_->RefreshHealth(); }

void PurserServer::Stop() {
  const absl::Duration until = SystemClock().SinceBoot() + options_.drain_timeout;
  const auto left = [until] {
    return std::max(absl::ZeroDuration(), until - SystemClock().SinceBoot());
  };
  if (routes_ != nullptr) routes_->SetReady(false);
  if (feeds_ != nullptr) feeds_->AnswerWaiting();
  if (http_ != nullptr) http_->Stop(left() / 2);
  if (admin_ != nullptr) admin_->Shutdown(left() / 4);
  if (delivery_ != nullptr) delivery_->Stop(left());
  if (feeds_ != nullptr) feeds_->Stop();
  if (broker_ != nullptr) broker_->Stop();
  if (page_check_.joinable()) page_check_.join();
  http_.reset();
  short_reads_.reset();
  long_reads_.reset();
  admin_.reset();
  delivery_.reset();
  feeds_.reset();
  broker_.reset();
  log_.reset();
}

}  // namespace purser
