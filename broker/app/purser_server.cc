#include "broker/app/purser_server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/app/bootstrap.h"
#include "broker/app/open_log.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/cli/connection.h"
#include "broker/eventlog/folder_lock.h"
#include "connectors/api/app_client.h"
#include "connectors/catalog/templates/templates.h"

namespace purser {
namespace {

constexpr char kStreamStopped[] = "purser_stream_stopped";
constexpr absl::Duration kTellProgressEvery = absl::Seconds(5);
// A start that came no further for so long is given up.
constexpr absl::Duration kStuckAfter = absl::Minutes(10);
constexpr absl::Duration kPrepareAgainAfter = absl::Milliseconds(200);
// Scans beside each other, and reads that may wait for a thread before one is refused.
constexpr int kLongReads = 2;
constexpr size_t kReadsWaiting = 10'000;
// Of a stop: for what is being pushed. A receiver that takes longer gets it again.
constexpr absl::Duration kPushesWithin = absl::Seconds(2);

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, " cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// From here on the calling thread runs where hardly anybody else wants the processor. Anybody may
// lower a priority.
void YieldToOthers() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 19); }

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
  if (options_.log.empty() && !(options_.broker && options_.connectors)) {
    return absl::InvalidArgumentError(
        "--parts splits Purser over machines that share a log on Kafka: give --log "
        "kafka://HOST:PORT, or leave --parts out");
  }
  return absl::OkStatus();
}

absl::Status PurserServer::Start(std::function<bool()> stop_asked) {
  stop_asked_ = std::move(stop_asked);
  const absl::Status started = StartParts();
  if (!started.ok() && stop_asked_()) return absl::CancelledError("stopped before it was ready");
  return started;
}

absl::Status PurserServer::StartParts() {
  RETURN_IF_ERROR(CheckOptions());
  ASSIGN_OR_RETURN(config_files_, ReadConfigFiles(options_.apply));
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
  TellStandings();
  if (opened.verify_pages) {
    end_page_check_ = std::move(opened.end_verify_pages);
    page_check_ = std::thread([verify = std::move(opened.verify_pages)] {
      YieldToOthers();
      const absl::Status pages = verify();
      if (pages.ok()) LogInfo("the log's pages are whole after an unclean stop");
    });
  }
  RETURN_IF_ERROR(MakeNodes());
  MakeDelivery(models);
  MakeBroker(models);
  RETURN_IF_ERROR(MakeFeeds(models));
  progress_ =
      std::make_unique<BuildProgress>(log_.get(), broker_.get(), delivery_.get(), &SystemClock());
  RETURN_IF_ERROR(delivery_->Start());
  RETURN_IF_ERROR(feeds_->Start());
  RETURN_IF_ERROR(broker_->Start([this] { return !stop_asked_(); }));
  RETURN_IF_ERROR(StartHttp());
  context_ = MakeContext();
  RETURN_IF_ERROR(StartAdmin());
  RETURN_IF_ERROR(Prepare());
  return WaitReady();
}

absl::Status PurserServer::MakeNodes() {
  Membership::Options nodes;
  nodes.role = options_.log.empty()  ? Membership::Role::kAlone
               : options_.connectors ? Membership::Role::kMember
                                     : Membership::Role::kBystander;
  ASSIGN_OR_RETURN(nodes.node_id, NodeId(options_.data, &RandomIdSource(), SystemClock()));
  nodes.boot_id = RandomIdSource().NewId(SystemClock().Now());
  if (options_.broker) nodes.parts.push_back("broker");
  if (options_.connectors) nodes.parts.push_back("connectors");
  nodes.version = std::string(connectors::ProductVersion());
  nodes.log = log_.get();
  nodes.clock = &SystemClock();
  nodes.metrics = &metrics_;
  LogInfo("this node", {{"node", nodes.node_id}, {"boot", nodes.boot_id}});
  nodes_ = std::make_unique<Membership>(std::move(nodes));
  return absl::OkStatus();
}

void PurserServer::MakeDelivery(const std::string& models) {
  DeliveryHost::Options delivery{log_.get(),        models,   nodes_.get(), &SystemClock(),
                                 &RandomIdSource(), &metrics_};
  delivery.directory = [this](const std::string& id) -> DirectoryReaders* {
    DirectoryService* directory = broker_->Directory(id);
    return directory == nullptr ? nullptr : &directory->readers();
  };
  delivery_ = std::make_unique<DeliveryHost>(std::move(delivery));
}

void PurserServer::MakeBroker(const std::string& models) {
  BrokerHost::Options broker{log_.get(), models, &SystemClock(), &metrics_, &tokens_};
  broker.on_configuration = [this](std::shared_ptr<const ControlState> state) {
    delivery_->Configure(state);
    feeds_->Configure(state);
  };
  broker.on_records = [this](const StreamId& stream) {
    delivery_->NewRecords(stream);
    feeds_->NewRecords(stream);
  };
  broker.on_folded = [this](const std::string& id) {
    delivery_->DirectoryMoved(id);
    feeds_->DirectoryMoved();
  };
  broker_ = std::make_unique<BrokerHost>(std::move(broker));
}

absl::Status PurserServer::MakeFeeds(const std::string& models) {
  FeedHost::Options feeds{log_.get(),        models,   nodes_.get(), &SystemClock(),
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

void PurserServer::TellStandings() {
  auto told = std::make_shared<std::map<StreamId, std::string>>();  // the reason that is shown
  metrics_.AddCollector([this, told] {
    for (const StreamStanding& standing : log_->Standings()) {
      const MetricLabels labels = {{"stream", standing.stream.ToString()}};
      const auto count = [&](const char* name, const char* help, uint64_t now) {
        const auto counter = metrics_.GetCounter(name, help, labels);
        counter->Add(now - counter->value());
      };
      count("purser_foreign_records_total", "Records on a stream that are not Purser's.",
            standing.foreign);
      count("purser_records_too_large_total", "Records that the log did not take for their size.",
            standing.too_large);
      const bool stands = standing.trouble == StreamTrouble::kNone;
      const std::string reason(stands ? "none" : TroubleName(standing.trouble));
      std::string& shown = (*told)[standing.stream];
      const auto stopped = [&](const std::string& why) {
        return MetricLabels{{"stream", standing.stream.ToString()}, {"reason", why}};
      };
      if (!shown.empty() && shown != reason) metrics_.Remove(kStreamStopped, stopped(shown));
      shown = reason;
      metrics_.GetGauge(kStreamStopped, "1 while a stream takes no writes.", stopped(reason))
          ->Set(stands ? 0 : 1);
    }
  });
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
  routes_ = std::make_unique<FrontRoutes>(broker_.get(), options_.broker ? scim_.get() : nullptr,
                                          feeds_.get(), &metrics_, options_.dev);
  routes_->SetProgress([this] { return stopping_ ? "stopping\n" : progress_->Look().ToString(); });
  TellProgress();
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
  context.nodes = [this] { return nodes_->Nodes(); };
  context.templates = connectors::CatalogTemplates();
  context.when_at = [this](const StreamId& stream, StreamPosition position, absl::Duration deadline,
                           std::function<void(absl::Status)> done) {
    if (stream.kind() == StreamKind::kApp) {
      return delivery_->WhenAt(stream.id(), position, deadline, std::move(done));
    }
    DirectoryService* directory = broker_->Directory(stream.id());
    if (directory == nullptr) return done(absl::UnavailableError("it is not open yet"));
    directory->writer().WhenAt(position, deadline, std::move(done));
  };
  context.built = [this] { return progress_->Look().built; };
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
  told_at_ = moved_at_ = SystemClock().SinceBoot();
  absl::Status prepared = PrepareOnce();
  while (IsRetryable(prepared) && WaitOn()) {
    LogWarning("waiting for the log", {{"why", prepared.message()}});
    absl::SleepFor(kPrepareAgainAfter);
    prepared = PrepareOnce();
  }
  return prepared;
}

absl::Status PurserServer::PrepareOnce() {
  RETURN_IF_ERROR(PrepareLog(context_));
  if (options_.dev) {
    ASSIGN_OR_RETURN(const std::string secret, DevToken(options_.data));
    RETURN_IF_ERROR(PrepareDev(context_, secret));
  } else {
    RETURN_IF_ERROR(PrepareAdminToken(context_, options_.data));
  }
  return ApplyFiles(context_, config_files_);
}

absl::Status PurserServer::WaitReady() {
  told_at_ = moved_at_ = SystemClock().SinceBoot();
  RETURN_IF_ERROR(broker_->WaitCurrent([this] { return WaitOn(); }));
  const StreamPosition configured = broker_->control().state()->head.position;
  Mutex mutex;
  CondVar tick;
  while (!delivery_->Configured(configured) || !delivery_->Folded()) {
    if (!WaitOn()) return absl::DeadlineExceededError("the apps' streams were not read in time");
    MutexLock lock(&mutex);
    tick.WaitFor(&mutex, absl::Milliseconds(5));
  }
  delivery_->Join();
  progress_->SetDone();
  routes_->SetReady(true);
  admin_->SetReady(true);
  admin_->RefreshHealth();
  return absl::OkStatus();
}

// However long the log is, as long as it goes on.
bool PurserServer::WaitOn() {
  if (stop_asked_()) return false;
  const absl::Duration now = SystemClock().SinceBoot();
  if (now < told_at_ + kTellProgressEvery) return true;
  told_at_ = now;
  const Progress progress = progress_->Look();
  if (std::exchange(built_, progress.built) != progress.built) moved_at_ = now;
  std::vector<LogField> fields = {{"percent", static_cast<int>(100 * progress.built)}};
  if (progress.left != absl::InfiniteDuration()) {
    fields.push_back({"left_seconds", absl::ToInt64Seconds(progress.left)});
  }
  LogInfo("building the read models", fields);
  return now < moved_at_ + kStuckAfter;
}

void PurserServer::TellProgress() {
  auto ready = metrics_.GetGauge("purser_ready", "1 once the node is ready.");
  auto built = metrics_.GetGauge("purser_read_models_built_ratio",
                                 "How much of the read models of the start is built.");
  metrics_.AddCollector([this, ready, built] {
    ready->Set(routes_->ready() ? 1 : 0);
    built->Set(progress_->Look().built);
  });
}

void PurserServer::Tick() { admin_->RefreshHealth(); }

void PurserServer::Stop() {
  const absl::Duration until = SystemClock().SinceBoot() + options_.drain_timeout;
  const auto left = [until] {
    return std::max(absl::ZeroDuration(), until - SystemClock().SinceBoot());
  };
  stopping_ = true;
  if (routes_ != nullptr) routes_->SetReady(false);
  if (delivery_ != nullptr) delivery_->BeginStop();
  if (feeds_ != nullptr) feeds_->BeginStop();
  if (http_ != nullptr) http_->Stop(left() / 2);
  if (admin_ != nullptr) admin_->Shutdown(left() / 4);
  if (delivery_ != nullptr) delivery_->Stop(left());
  if (feeds_ != nullptr) feeds_->Stop(std::min(left(), kPushesWithin));
  if (broker_ != nullptr) broker_->Stop();
  if (page_check_.joinable()) {
    end_page_check_();
    page_check_.join();
  }
  http_.reset();
  short_reads_.reset();
  long_reads_.reset();
  admin_.reset();
  delivery_.reset();
  feeds_.reset();
  broker_.reset();
  log_.reset();
  nodes_.reset();
}

}  // namespace purser
