// `purser serve`: all parts of the product in one process.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/admin/admin_context.h"
#include "broker/admin/server.h"
#include "broker/app/broker_host.h"
#include "broker/app/build_progress.h"
#include "broker/app/delivery_host.h"
#include "broker/app/feed_host.h"
#include "broker/app/front_routes.h"
#include "broker/app/serve_options.h"
#include "broker/app/work_threads.h"
#include "broker/auth/token_table.h"
#include "broker/base/metrics.h"
#include "broker/cluster/membership.h"
#include "broker/eventlog/event_log.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/http/server.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// Its parts in the order in which they are built; they are stopped in reverse.
class PurserServer {
 public:
  explicit PurserServer(ServeOptions options);
  ~PurserServer();

  // Blocks until all is folded, configured and ready; the ports listen before that, so that health
  // can be asked, but not before the log was found. Brokers out of reach are waited for. Cancelled
  // once `stop_asked`, called now and then, says so; else the first error is the one to show.
  absl::Status Start(std::function<bool()> stop_asked);
  // To be called about once a second: what health checks are told of each app.
  void Tick();
  // Takes no more requests, answers what is settled in time, ends deliveries, releases the apps.
  void Stop();

  uint16_t http_port() const { return http_->port(); }
  int grpc_port() const { return admin_->port(); }
  // What made the log stop writing for good; OK while it has not. Any thread.
  bool failed() const { return failed_; }

 private:
  absl::Status CheckOptions() const;
  void CountDropped();
  void TellStandings();
  absl::Status MakeNodes();
  void MakeDelivery(const std::string& models);
  void MakeBroker(const std::string& models);
  absl::Status MakeFeeds(const std::string& models);
  absl::Status StartHttp();
  absl::Status StartAdmin();
  absl::Status StartParts();
  absl::Status Prepare();
  absl::Status PrepareOnce();
  absl::Status WaitReady();
  bool WaitOn();
  void TellProgress();
  AdminContext MakeContext();
  void SubmitRecords(const StreamId& stream, DecideRecords decide, absl::Duration deadline,
                     SubmitDone done);

  const ServeOptions options_;
  MetricsRegistry metrics_;
  auth::TokenTable tokens_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  std::unique_ptr<EventLog> log_;
  std::thread page_check_;
  std::function<void()> end_page_check_;
  std::unique_ptr<Membership> nodes_;
  std::unique_ptr<DeliveryHost> delivery_;
  std::unique_ptr<BrokerHost> broker_;
  std::unique_ptr<FeedHost> feeds_;
  std::unique_ptr<BuildProgress> progress_;
  std::unique_ptr<WorkThreads> short_reads_;
  std::unique_ptr<WorkThreads> long_reads_;
  std::unique_ptr<RefusedRequests> refused_;
  std::unique_ptr<ScimEndpoints> scim_;
  std::unique_ptr<FrontRoutes> routes_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<http::Server> http_;
  AdminContext context_;
  // Of the start.
  std::vector<admin::v1::ConfigFile> config_files_;
  std::function<bool()> stop_asked_;
  double built_ = -1;
  absl::Duration moved_at_ = absl::ZeroDuration();
  absl::Duration told_at_ = absl::ZeroDuration();
};

}  // namespace purser
