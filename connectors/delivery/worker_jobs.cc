#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/eventlog/fold.h"
#include "connectors/delivery/app_worker.h"

namespace purser::delivery {
namespace {

using event::v1::AppCommand;
using event::v1::AppNote;
using event::v1::Outcome;

constexpr absl::Duration kProgressEvery = absl::Seconds(1);
// Outcomes of one record, so that a replay of everyone is no record of megabytes.
constexpr size_t kUnknownAtOnce = 200;

}  // namespace

bool AppWorker::RunJobs() {
  if (!jobs_moved_) return false;
  const auto jobs = options_.projection->reader().Jobs(/*unfinished_only=*/true);
  if (!jobs.ok()) return false;
  jobs_moved_ = false;
  bool worked = false;
  std::set<std::string> live;
  for (const Job& job : *jobs) {
    live.insert(job.id);
    // A job that an earlier process had begun is begun again: reading twice changes nothing.
    if (jobs_.contains(job.id)) continue;
    jobs_[job.id] = {};
    job.action == AppCommand::REPLAY ? StartReplay(job) : StartTest(job);
    worked = true;
  }
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    it = live.contains(it->first) ? std::next(it) : jobs_.erase(it);
  }
  return worked;
}

// The first position whose record is at or after `time`; one past the head where none is.
absl::StatusOr<StreamPosition> AppWorker::PositionAt(const StreamId& stream,
                                                     absl::Time time) const {
  ASSIGN_OR_RETURN(const Head head, options_.log->KnownHead(stream));
  StreamPosition low = 1;
  StreamPosition high = head.position + 1;
  while (low < high) {
    const StreamPosition middle = low + (high - low) / 2;
    ASSIGN_OR_RETURN(const auto records, options_.log->Read(stream, middle - 1, 1, 1));
    if (records.empty()) return high;
    ASSIGN_OR_RETURN(const auto envelope, DecodeRecord(records.front().bytes));
    ToTime(envelope.time()) < time ? low = middle + 1 : high = middle;
  }
  return low;
}

// The log time of that record of the directory; for ever after where there is none yet.
absl::StatusOr<absl::Time> AppWorker::TimeAt(StreamPosition position) const {
  const StreamId stream = StreamId::Directory(options_.directory_id);
  ASSIGN_OR_RETURN(const auto records, options_.log->Read(stream, position - 1, 1, 1));
  if (records.empty()) return absl::InfiniteFuture();
  ASSIGN_OR_RETURN(const auto envelope, DecodeRecord(records.front().bytes));
  return ToTime(envelope.time());
}

// Each resource touched by an event, or with an outcome, at or after the job's beginning; of these
// the ones the job names, where it names any.
absl::StatusOr<std::vector<MemberRow>> AppWorker::ReplayedResources(const Job& job) {
  const AppReader& reader = options_.projection->reader();
  ASSIGN_OR_RETURN(auto lease, options_.directory->Take());
  StreamPosition from = job.from_position;
  if (from == 0) {
    ASSIGN_OR_RETURN(from, PositionAt(StreamId::Directory(options_.directory_id), job.from_time));
  }
  ASSIGN_OR_RETURN(std::vector<MemberRow> rows, lease->TouchedSince(from == 0 ? 0 : from - 1));
  absl::Time time = job.from_time;
  if (job.from_position != 0) {
    ASSIGN_OR_RETURN(time, TimeAt(job.from_position));
  }
  ASSIGN_OR_RETURN(const StreamPosition own, PositionAt(stream_, time));
  ASSIGN_OR_RETURN(const std::vector<std::string> told, reader.WithRecordsSince(own));
  std::set<std::string> seen;
  for (const MemberRow& row : rows) seen.insert(row.id);
  for (const std::string& id : told) {
    if (!seen.insert(id).second) continue;
    ASSIGN_OR_RETURN(const std::optional<Lane> lane, reader.FindLane(id));
    if (lane) rows.push_back({id, lane->type});
  }
  if (job.resources.empty()) return rows;
  const std::set<std::string> asked(job.resources.begin(), job.resources.end());
  std::erase_if(rows, [&](const MemberRow& row) { return !asked.contains(row.id); });
  return rows;
}

void AppWorker::StartReplay(const Job& job) {
  auto rows = ReplayedResources(job);
  if (!rows.ok()) {
    ReportJob(job.id, AppNote::JOB_FAILED, std::string(rows.status().message()));
    return;
  }
  RunningJob& running = jobs_[job.id];
  std::vector<Outcome> unknown;
  std::vector<MemberRow> woken;
  const auto flush = [&] {
    outcomes_.push_back({std::move(unknown),
                         [this, id = job.id, woken] {
                           for (const MemberRow& row : woken) {
                             WakeLane(row.id, row.type, 0);
                             LaneRun* run = queue_.Find(row.id);
                             if (run != nullptr) run->jobs.insert(id);
                           }
                         },
                         nullptr});
    unknown.clear();
    woken.clear();
  };
  for (const MemberRow& row : *rows) {
    if (!settings_->takes(row.type)) continue;
    const auto lane = options_.projection->reader().FindLane(row.id);
    if (!lane.ok() || (lane->has_value() && (*lane)->state == event::v1::SKIPPED)) continue;
    running.open.insert(row.id);
    woken.push_back(row);
    if (lane->has_value()) {
      Outcome outcome;
      outcome.set_resource_type(row.type);
      outcome.set_resource_id(row.id);
      outcome.set_acknowledged_unknown(true);
      outcome.set_lane_state(event::v1::RETRYING);
      outcome.set_code("replay");
      outcome.set_message("its account is to be read");
      unknown.push_back(std::move(outcome));
    }
    if (woken.size() >= kUnknownAtOnce) flush();
  }
  running.total = running.open.size();
  if (!woken.empty()) flush();
  if (running.total == 0) ReportJob(job.id, AppNote::JOB_DONE, "nothing to replay");
}

void AppWorker::StartTest(const Job& job) {
  Pace(nullptr, [this, id = job.id] {
    ++checks_;
    const connectors::Call call = CallOf("", "");
    connector_->Check(call, [this, id, exchange = exchanges_.Begin(call, "check"),
                             gone = gone_](const connectors::Result& result) mutable {
      if (*gone) return;
      --checks_;
      exchanges_.End(result, &exchange);
      OnTested(id, result);
    });
  });
}

void AppWorker::OnTested(const std::string& job_id, const connectors::Result& result) {
  if (!result.ok()) {
    const std::string& hint = settings_->entry.app.test_hint();
    ReportJob(job_id, AppNote::JOB_FAILED,
              hint.empty() ? result.message : absl::StrCat(result.message, "; ", hint));
    return;
  }
  if (health_->state() == AppHealth::State::kCredentials) {
    health_->ProbeNow(options_.clock->SinceBoot());
  }
  ReportJob(job_id, AppNote::JOB_DONE, "the app answers and takes the credentials");
}

void AppWorker::JobLaneDone(const std::string&) {
  const absl::Duration now = options_.clock->SinceBoot();
  for (auto& [id, job] : jobs_) {
    if (job.total == 0) continue;
    const bool done = job.open.empty();
    if (!done && now - job.reported < kProgressEvery) continue;
    job.reported = now;
    ReportJob(id, done ? AppNote::JOB_DONE : AppNote::JOB_PROGRESS);
    if (done) job.total = 0;  // Told once; the fold takes it off the list.
  }
}

void AppWorker::ReportJob(const std::string& job_id, AppNote::Topic topic,
                          const std::string& message) {
  const auto it = jobs_.find(job_id);
  AppNote note;
  note.set_topic(topic);
  note.set_job_id(job_id);
  note.set_message(message);
  if (it != jobs_.end()) {
    note.set_total(it->second.total);
    note.set_done(it->second.total - it->second.open.size());
    note.set_sent(it->second.sent);
  }
  Note(std::move(note));
  options_.wake();
}

}  // namespace purser::delivery
