// One twin behind its credential, its limits and its faults, with the log of what it was asked.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "broker/base/clock.h"
#include "broker/base/mutex.h"
#include "broker/http/server.h"
#include "connectors/sandbox/call_log.h"
#include "connectors/sandbox/faults.h"
#include "connectors/sandbox/rolling_limits.h"
#include "connectors/sandbox/scheduler.h"
#include "connectors/sandbox/twin.h"

namespace purser::sandbox {

// Thread-safe; blocks nobody: what must wait is left to the scheduler. The scheduler's waiting work
// refers to this, so it is stopped first. The clock and the scheduler outlive it.
class TwinServer {
 public:
  TwinServer(std::string app, std::unique_ptr<Twin> twin, const Clock& clock, Scheduler& scheduler);

  // A call of the application.
  void Serve(http::Request request, http::Respond respond);

  // A question about the twin, or an order to it: `what` is state, calls, stats, faults or
  // settings.
  http::Response Control(absl::string_view what, const http::Request& request);

  const std::string& app() const { return app_; }
  absl::Status SetFaults(const nlohmann::json& document) { return faults_.Set(document); }
  // Members are the twin's own, and latency_ms and limits.
  absl::Status Configure(const nlohmann::json& settings);

 private:
  // A call that is not answered yet; gone unanswered, its connection is closed.
  struct Pending {
    Call call;
    http::Respond respond;
    uint64_t number = 0;
    Fault fault;
  };
  using PendingCall = std::shared_ptr<Pending>;

  void Act(const PendingCall& pending);
  void ActLate(const PendingCall& pending);
  void Stall(const PendingCall& pending);
  void Answer(const PendingCall& pending, http::Response response);
  void Drop(const PendingCall& pending);
  // The answer that the fault makes up, without the application.
  http::Response FaultAnswer(const Fault& fault, int status, absl::string_view message) const;
  void After(absl::Duration delay, std::function<void()> work);
  bool Throttled(const PendingCall& pending);
  nlohmann::json Settings() const;
  http::Response ControlState(const http::Request& request);
  http::Response ControlCalls(const http::Request& request);
  http::Response ControlFaults(const http::Request& request);
  http::Response ControlSettings(const http::Request& request);

  const std::string app_;
  const std::unique_ptr<Twin> twin_;
  const Clock& clock_;
  Scheduler& scheduler_;
  Faults faults_;
  CallLog log_;

  mutable Mutex mutex_;
  RollingLimits limits_ ABSL_GUARDED_BY(mutex_);
  absl::Duration latency_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser::sandbox
