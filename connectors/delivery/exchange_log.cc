#include "connectors/delivery/exchange_log.h"

#include <algorithm>
#include <utility>

#include "broker/eventlog/fold.h"

namespace purser::delivery {
namespace {

using connectors::Verdict;
using event::v1::Exchange;

constexpr absl::Duration kFlushEvery = absl::Milliseconds(200);
// Of one record: some 30 KiB.
constexpr int kBatch = 64;

void SetDuration(absl::Duration duration, google::protobuf::Duration* out) {
  absl::Duration rest;
  out->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  out->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

}  // namespace

const char* CodeOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRefused:
      return "refused";
    case Verdict::kConflict:
      return "conflict";
    case Verdict::kNotFound:
      return "not-found";
    case Verdict::kPrecondition:
      return "changed-meanwhile";
    case Verdict::kThrottled:
      return "throttled";
    case Verdict::kUnauthenticated:
      return "credentials-refused";
    case Verdict::kUnavailable:
      return "unavailable";
    case Verdict::kInDoubt:
      return "in-doubt";
    case Verdict::kNotTheProtocol:
      return "not-the-protocol";
    case Verdict::kUnsupported:
      return "unsupported";
    case Verdict::kDone:
      return "done";
  }
  return "";
}

Exchange ExchangeLog::Begin(const connectors::Call& call, absl::string_view verb) const {
  Exchange exchange;
  SetTime(clock_->Now(), exchange.mutable_time());
  exchange.set_request_id(call.request_id);
  exchange.set_trace_parent(call.trace_parent);
  exchange.set_verb(std::string(verb));
  return exchange;
}

void ExchangeLog::End(const connectors::Result& result, Exchange* exchange) {
  const connectors::Exchange& last = result.exchange;
  if (last.method.empty()) {
    exchange->Clear();
    return;
  }
  const absl::Duration took = clock_->Now() - ToTime(exchange->time());
  SetDuration(std::max(took, absl::ZeroDuration()), exchange->mutable_duration());
  exchange->set_method(last.method);
  exchange->set_url(last.url);
  exchange->set_http_status(static_cast<uint32_t>(std::max(last.status, 0)));
  exchange->set_verdict(CodeOf(result.verdict));
  exchange->set_summary(last.summary);
  if (!result.ok()) exchange->set_message(result.message);
  *batch_.add_exchanges() = *exchange;
  due_ = std::min(due_, clock_->SinceBoot() + kFlushEvery);
  if (batch_.exchanges_size() >= kBatch) Flush(/*now=*/true);
}

void ExchangeLog::Flush(bool now) {
  if (batch_.exchanges_size() == 0 || (!now && clock_->SinceBoot() < due_)) return;
  log_->AppendUnchained(stream_, batch_.SerializeAsString());
  batch_.Clear();
  due_ = absl::InfiniteDuration();
}

absl::Duration ExchangeLog::NextDue() const { return due_; }

}  // namespace purser::delivery
