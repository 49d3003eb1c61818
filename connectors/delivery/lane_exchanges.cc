#include <utility>

#include "broker/base/status.h"
#include "broker/base/trace_context.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {

// `operation_id` is empty where the call is no operation's.
connectors::Call AppWorker::CallOf(const std::string& operation_id,
                                   const std::string& trace_parent) const {
  connectors::Call call;
  call.request_id = options_.ids->NewId(options_.clock->Now());
  call.operation_id = operation_id.empty() ? call.request_id : operation_id;
  call.trace_parent = FormatTraceParent(
      ParseTraceParent(trace_parent).value_or(TraceBegunBy(call.request_id)), call.request_id);
  call.timeout = settings_->call_timeout;
  return call;
}

connectors::Call AppWorker::BeginCall(Attempt* attempt, const std::string& verb) {
  const std::string& operation_id = attempt->operation.operation_id();
  connectors::Call call = CallOf(operation_id, TraceParentOf(attempt));
  attempt->exchange = exchanges_.Begin(call, verb);
  attempt->exchange.set_resource_type(attempt->type);
  attempt->exchange.set_resource_id(attempt->id);
  attempt->exchange.set_operation_id(operation_id);
  return call;
}

void AppWorker::EndCall(Attempt* attempt, const connectors::Result& result) {
  exchanges_.End(result, &attempt->exchange);
}

void AppWorker::SetExchange(const Attempt& attempt, event::v1::Outcome* outcome) const {
  if (!attempt.exchange.verb().empty()) *outcome->mutable_exchange() = attempt.exchange;
}

// An operation stays in the trace it was started in.
const std::string& AppWorker::TraceParentOf(Attempt* attempt) {
  if (!attempt->operation.trace_parent().empty()) return attempt->operation.trace_parent();
  if (attempt->trace_parent.empty()) {
    attempt->trace_parent = ReadTraceParent(*attempt).value_or("");
  }
  return attempt->trace_parent;
}

// Of the newest event that the attempt rests on; one that came without begins a trace itself.
absl::StatusOr<std::string> AppWorker::ReadTraceParent(const Attempt& attempt) {
  ASSIGN_OR_RETURN(auto directory, options_.directory->Take());
  ASSIGN_OR_RETURN(const StreamPosition position,
                   directory->LastTouch(attempt.id, attempt.wanted.position));
  const LaneRun* run = queue_.Find(attempt.id);
  if (run != nullptr && run->traced_at == position) return run->trace_parent;
  const StreamId stream = StreamId::Directory(options_.directory_id);
  ASSIGN_OR_RETURN(const auto records, options_.log->Read(stream, position - 1, 1, 1));
  if (records.empty()) return absl::NotFoundError("the event is not here");
  ASSIGN_OR_RETURN(const event::v1::Envelope envelope, DecodeRecord(records.front().bytes));
  return TraceParentIn(envelope);
}

}  // namespace purser::delivery
