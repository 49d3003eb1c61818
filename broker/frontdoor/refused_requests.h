// The requests that a directory refused, kept on an unchained stream of its own, so that an
// operator can ask why somebody is not there at all.
#pragma once

#include <cstdint>
#include <memory>

#include "broker/base/clock.h"
#include "broker/base/metrics.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/event_log.h"
#include "broker/frontdoor/scim_request.h"
#include "broker/http/server.h"
#include "purser/event/v1/directory.pb.h"

namespace purser {

// True where an operator would look for it: every refused write, and reads that were refused for
// what they asked or for who asked. A look-up that finds nothing is none of them.
bool IsRefused(const http::Request& request, int status);

// What is kept of it: names of attributes, the error, and through the seal whom it was about.
event::v1::RefusedRequest RedactRefused(const ScimRequest& request, const http::Response& response,
                                        absl::Time at);

// Thread-safe. Best effort: never waits, and keeps at most so many a second that nobody who hammers
// on the door fills the disk or drives out what others did; the rest is counted.
class RefusedRequests {
 public:
  // All outlive it.
  RefusedRequests(EventLog* log, const Clock* clock, MetricsRegistry* metrics);

  // Keeps it where it is to be kept.
  void Note(const ScimRequest& request, const http::Response& response);

 private:
  // So many a second in the long run, and up to `burst` at once.
  class Allowance {
   public:
    Allowance(double per_second, double burst)
        : per_second_(per_second), burst_(burst), left_(burst) {}
    bool Take(absl::Duration now);

   private:
    const double per_second_;
    const double burst_;
    double left_;
    absl::Duration last_ = absl::ZeroDuration();  // SinceBoot
  };

  bool Admit(bool known_client);

  EventLog* const log_;
  const Clock* const clock_;
  std::shared_ptr<Counter> dropped_;
  Mutex mutex_;
  Allowance known_ ABSL_GUARDED_BY(mutex_);
  // Of those without a valid token, who may be anybody.
  Allowance unknown_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
