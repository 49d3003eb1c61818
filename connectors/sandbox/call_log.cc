#include "connectors/sandbox/call_log.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

constexpr size_t kCallsKept = 200'000;
constexpr size_t kBodiesKept = 20'000;
constexpr size_t kBodyBytesKept = 64 << 10;

std::string QueryText(const http::Request& request) {
  std::string text;
  for (const auto& [name, value] : request.query) {
    absl::StrAppend(&text, text.empty() ? "" : "&", name, value.empty() ? "" : "=", value);
  }
  return text;
}

bool IsWrite(absl::string_view operation) {
  for (absl::string_view start :
       {"Create", "Patch", "Replace", "Delete", "Update", "Enable", "Disable"}) {
    if (absl::StartsWith(operation, start)) return true;
  }
  return false;
}

}  // namespace

std::string CallLog::SubjectOfWrite(const Entry& entry) {
  if (!IsWrite(entry.operation)) return "";
  return entry.name.empty() ? entry.id : entry.name;
}

uint64_t CallLog::Begin(const Call& call, absl::Time now) {
  Entry entry;
  entry.begun = now;
  entry.method = call.request.method;
  entry.path = call.request.path;
  entry.query = QueryText(call.request);
  entry.operation = call.operation;
  entry.id = call.id;
  entry.name = call.name;
  entry.operation_id = call.operation_id;
  entry.request_id = std::string(call.request.Header("X-Request-Id"));
  entry.trace_parent = std::string(call.request.Header("traceparent"));
  entry.body = call.request.body.substr(0, kBodyBytesKept);
  const std::string subject = SubjectOfWrite(entry);
  MutexLock lock(&mutex_);
  entry.number = next_++;
  ++by_operation_[entry.operation];
  most_in_flight_ = std::max(most_in_flight_, ++in_flight_);
  if (!subject.empty() && ++writing_[subject] > 1) {
    entry.overlaps = true;
    ++overlaps_;
  }
  if (entries_.size() >= kCallsKept) entries_.pop_front();
  if (entries_.size() >= kBodiesKept) {
    std::string().swap(entries_[entries_.size() - kBodiesKept].body);
  }
  entries_.push_back(std::move(entry));
  return entries_.back().number;
}

void CallLog::Finish(uint64_t number, int status, absl::string_view fault, absl::Time now) {
  MutexLock lock(&mutex_);
  if (entries_.empty() || number < entries_.front().number) return;
  Entry& entry = entries_[number - entries_.front().number];
  if (entry.finished) return;
  entry.finished = true;
  entry.status = status;
  entry.fault = std::string(fault);
  entry.took = now - entry.begun;
  --in_flight_;
  ++by_status_[status];
  const auto writing = writing_.find(SubjectOfWrite(entry));
  if (writing != writing_.end() && --writing->second == 0) writing_.erase(writing);
}

void CallLog::Clear() {
  MutexLock lock(&mutex_);
  entries_.clear();
  by_operation_.clear();
  by_status_.clear();
  writing_.clear();
  in_flight_ = most_in_flight_ = overlaps_ = 0;
}

json CallLog::Describe(const Entry& entry, bool with_body) {
  json call = {{"n", entry.number},
               {"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", entry.begun, absl::UTCTimeZone())},
               {"method", entry.method},
               {"path", entry.path},
               {"query", entry.query},
               {"operation", entry.operation},
               {"id", entry.id},
               {"name", entry.name},
               {"status", entry.status},
               {"answered", entry.finished && entry.status != 0},
               {"under_way", !entry.finished},
               {"duration_ms", absl::ToDoubleMilliseconds(entry.took)},
               {"overlaps", entry.overlaps},
               {"request_id", entry.request_id},
               {"trace_parent", entry.trace_parent}};
  if (!entry.operation_id.empty()) call["operation_id"] = entry.operation_id;
  if (!entry.fault.empty()) call["fault"] = entry.fault;
  if (with_body) {
    json body = json::parse(entry.body, nullptr, /*allow_exceptions=*/false);
    call["body"] = body.is_discarded() ? json(entry.body) : std::move(body);
  }
  return call;
}

json CallLog::List(uint64_t since, bool with_bodies) const {
  std::deque<Entry> wanted;
  {
    MutexLock lock(&mutex_);
    const uint64_t first = entries_.empty() ? 0 : entries_.front().number;
    const uint64_t skipped = since < first ? 0 : since - first + 1;
    if (skipped < entries_.size()) {
      wanted.assign(entries_.begin() + static_cast<int64_t>(skipped), entries_.end());
    }
  }
  json calls = json::array();
  for (const Entry& entry : wanted) calls.push_back(Describe(entry, with_bodies));
  return calls;
}

json CallLog::Stats() const {
  MutexLock lock(&mutex_);
  json operations = json::object();
  for (const auto& [operation, count] : by_operation_) operations[operation] = count;
  json statuses = json::object();
  for (const auto& [status, count] : by_status_) statuses[absl::StrCat(status)] = count;
  return {{"in_flight", in_flight_},
          {"most_in_flight", most_in_flight_},
          {"overlaps", overlaps_},
          {"by_operation", operations},
          {"by_status", statuses}};
}

}  // namespace purser::sandbox
