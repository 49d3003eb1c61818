// What was exchanged with one app, as its stream of exchanges keeps it: redacted, best effort, in
// batches. It is not the truth: that is in the outcomes.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/eventlog/event_log.h"
#include "connectors/api/connector.h"
#include "purser/event/v1/delivery.pb.h"

namespace purser::delivery {

// Short and stable: what outcomes and exchanges call a verdict, "refused".
const char* CodeOf(connectors::Verdict verdict);

// One thread. Never waits for the log, and holds at most a batch: where the log is out of reach it
// drops the records, and counts them.
class ExchangeLog {
 public:
  // Both outlive it.
  ExchangeLog(EventLog* log, const StreamId& stream, const Clock* clock)
      : log_(log), stream_(stream), clock_(clock) {}

  // What is known of a call that is about to leave.
  event::v1::Exchange Begin(const connectors::Call& call, absl::string_view verb) const;

  // Adds what came of it, and keeps it. Where nothing was sent there was no exchange: `exchange` is
  // cleared and not kept.
  void End(const connectors::Result& result, event::v1::Exchange* exchange);

  // Hands the batch to the log once it is due, or at once where `now` is said.
  void Flush(bool now = false);
  // SinceBoot of when it is due; infinite where there is nothing.
  absl::Duration NextDue() const;

 private:
  EventLog* const log_;
  const StreamId stream_;
  const Clock* const clock_;
  event::v1::Exchanges batch_;
  absl::Duration due_ = absl::InfiniteDuration();
};

}  // namespace purser::delivery
