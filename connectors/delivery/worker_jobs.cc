#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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
// Resources that a replay has taken and not done with: what a cancel leaves to be read is among
// these.
constexpr size_t kTakenAtOnce = 200;
constexpr absl::Duration kRecordedWithin = absl::Seconds(10);
constexpr char kReplay[] = "replay";

// "create 2, update 5"
std::string NumbersText(const std::map<std::string, int>& numbers) {
  return absl::StrJoin(numbers, ", ", absl::PairFormatter(" "));
}

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
    jobs_[job.id].job = job;
    job.action == AppCommand::REPLAY ? StartReplay(job) : StartTest(job);
    worked = true;
  }
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (live.contains(it->first)) {
      ++it;
      continue;
    }
    const RunningJob ended = std::move(it->second);
    const std::string id = it->first;
    it = jobs_.erase(it);
    CancelReplay(id, ended);
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

// Positions of the directory's stream and of the app's, both ends counted.
struct AppWorker::Span {
  StreamPosition directory_from = 0;
  StreamPosition directory_to = kLastPosition;
  StreamPosition own_from = 0;
  StreamPosition own_to = kLastPosition;
};

// A position of the directory stands, on the app's stream, for the time of its record.
absl::StatusOr<AppWorker::Span> AppWorker::ReplayedSpan(const Job& job) const {
  const StreamId directory = StreamId::Directory(options_.directory_id);
  Span span;
  absl::Time from = job.from_time;
  span.directory_from = job.from_position;
  if (job.from_position != 0) {
    ASSIGN_OR_RETURN(from, TimeAt(job.from_position));
  } else {
    ASSIGN_OR_RETURN(span.directory_from, PositionAt(directory, from));
  }
  ASSIGN_OR_RETURN(span.own_from, PositionAt(stream_, from));
  absl::Time after = absl::InfiniteFuture();
  if (job.to_position != 0) {
    span.directory_to = job.to_position;
    ASSIGN_OR_RETURN(after, TimeAt(job.to_position + 1));
  } else if (job.to_time > absl::UnixEpoch()) {
    after = job.to_time + absl::Microseconds(1);  // Times of jobs are kept in microseconds.
    ASSIGN_OR_RETURN(const StreamPosition first_after, PositionAt(directory, after));
    span.directory_to = first_after - 1;
  }
  if (after != absl::InfiniteFuture()) {
    ASSIGN_OR_RETURN(const StreamPosition first_after, PositionAt(stream_, after));
    span.own_to = first_after - 1;
  }
  return span;
}

// Each resource touched by an event, or with an outcome, within the job's span; of these the ones
// the job names, where it names any.
absl::StatusOr<std::vector<MemberRow>> AppWorker::ReplayedResources(const Job& job) {
  const AppReader& reader = options_.projection->reader();
  ASSIGN_OR_RETURN(auto lease, options_.directory->Take());
  ASSIGN_OR_RETURN(const Span span, ReplayedSpan(job));
  const StreamPosition before = span.directory_from == 0 ? 0 : span.directory_from - 1;
  ASSIGN_OR_RETURN(std::vector<MemberRow> rows, lease->TouchedSince(before, span.directory_to));
  ASSIGN_OR_RETURN(const std::vector<std::string> told,
                   reader.WithRecordsSince(span.own_from, span.own_to));
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
  running.pace.Configure(job.resources_per_second);
  for (const MemberRow& row : *rows) {
    if (!settings_->takes(row.type)) continue;
    const auto lane = options_.projection->reader().FindLane(row.id);
    if (!lane.ok() || (lane->has_value() && (*lane)->state == event::v1::SKIPPED)) continue;
    running.todo.push_back(row);
  }
  running.total = running.todo.size();
  if (running.total == 0) ReportJob(job.id, AppNote::JOB_DONE, "nothing to replay");
}

// What waits in a job is taken as the app, the job's rate and what is taken already allow.
bool AppWorker::TakeReplayed() {
  bool worked = false;
  const bool well = health_->AllowedCalls(options_.clock->SinceBoot(), limit_) > 0;
  for (auto& [id, running] : jobs_) {
    if (!well || running.todo.empty()) continue;
    if (running.job.dry_run) {
      worked |= TakeDryRuns(id, &running);
    } else if (Running()) {
      worked |= MarkUnknown(id, &running);
    }
  }
  return worked;
}

absl::Duration AppWorker::NextReplayed() const {
  const absl::Duration now = options_.clock->SinceBoot();
  absl::Duration due = absl::InfiniteDuration();
  for (const auto& [id, running] : jobs_) {
    if (!running.todo.empty() && !running.pace.Ready(now)) {
      due = std::min(due, running.pace.ReadyAt());
    }
  }
  return due;
}

bool AppWorker::MarkUnknown(const std::string& job_id, RunningJob* running) {
  const absl::Duration now = options_.clock->SinceBoot();
  std::vector<Outcome> unknown;
  std::vector<MemberRow> rows;
  std::set<std::string> rested;
  for (size_t left = running->todo.size(); left > 0 && running->open.size() < kTakenAtOnce &&
                                           rows.size() < kUnknownAtOnce && running->pace.Ready(now);
       --left) {
    const MemberRow row = running->todo.front();
    const auto lane = options_.projection->reader().FindLane(row.id);
    if (!lane.ok()) break;
    running->todo.pop_front();
    if (const LaneRun* run = queue_.Find(row.id); run != nullptr && run->busy) {
      // What is under way may have read the account before the command: its end is waited for.
      running->todo.push_back(row);
      continue;
    }
    if (lane->has_value() && (*lane)->state == event::v1::SKIPPED) continue;
    running->pace.Spend(now);
    running->open.insert(row.id);
    rows.push_back(row);
    if (!lane->has_value()) continue;
    if ((*lane)->state == event::v1::IDLE && (*lane)->acknowledged_known) rested.insert(row.id);
    Outcome outcome;
    outcome.set_resource_type(row.type);
    outcome.set_resource_id(row.id);
    outcome.set_acknowledged_unknown(true);
    outcome.set_lane_state(event::v1::RETRYING);
    outcome.set_code(kReplay);
    outcome.set_message("its account is to be read");
    unknown.push_back(std::move(outcome));
  }
  if (rows.empty()) {
    if (running->done()) JobsAdvanced();  // The last were skipped meanwhile.
    return false;
  }
  outcomes_.push_back({std::move(unknown),
                       [this, job_id, rows, rested] { ReadMarked(job_id, rows, rested); },
                       nullptr});
  return true;
}

// Their lanes go; those of a job that was cancelled meanwhile rest again.
void AppWorker::ReadMarked(const std::string& job_id, const std::vector<MemberRow>& rows,
                           const std::set<std::string>& rested) {
  const auto it = jobs_.find(job_id);
  if (it != jobs_.end()) it->second.rested.insert(rested.begin(), rested.end());
  for (const MemberRow& row : rows) {
    if (it == jobs_.end() && rested.contains(row.id)) {
      BackToRest(row);
      continue;
    }
    WakeLane(row.id, row.type, 0);
    LaneRun* run = queue_.Find(row.id);
    if (run != nullptr && it != jobs_.end()) run->jobs.insert(job_id);
  }
}

// Unless something came between: it is being read, another replay has it, or it was read.
void AppWorker::BackToRest(const MemberRow& row) {
  const LaneRun* run = queue_.Find(row.id);
  const auto lane = options_.projection->reader().FindLane(row.id);
  if (run != nullptr && (run->busy || !run->jobs.empty())) return;
  if (!lane.ok() || !lane->has_value() || (*lane)->code != kReplay || (*lane)->acknowledged_known) {
    return;
  }
  Outcome outcome;
  outcome.set_resource_type(row.type);
  outcome.set_resource_id(row.id);
  outcome.set_acknowledged_believed(true);
  outcome.set_lane_state(event::v1::IDLE);
  outcome.set_code("replay-cancelled");
  outcome.set_message("the replay was cancelled before its account was read");
  // Not taken before that is recorded.
  if (LaneRun* resting = queue_.Find(row.id)) {
    resting->not_before = options_.clock->SinceBoot() + kRecordedWithin;
  }
  const auto recorded = [this, id = row.id] {
    if (LaneRun* rests = queue_.Find(id)) rests->not_before = -absl::InfiniteDuration();
    queue_.Wake(id);
  };
  outcomes_.push_back({{std::move(outcome)}, recorded, nullptr});
}

// Of a job that has ended nothing is open.
void AppWorker::CancelReplay(const std::string& job_id, const RunningJob& running) {
  for (const std::string& id : running.open) {
    LaneRun* run = queue_.Find(id);
    if (run == nullptr || run->jobs.erase(job_id) == 0) continue;
    if (running.rested.contains(id)) BackToRest({id, run->type});
  }
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

void AppWorker::JobsAdvanced() {
  const absl::Duration now = options_.clock->SinceBoot();
  for (auto& [id, job] : jobs_) {
    if (job.total == 0) continue;
    const bool done = job.done();
    const bool soon = now - job.reported < kProgressEvery && job.planned.size() < kUnknownAtOnce;
    if (!done && soon) continue;
    job.reported = now;
    ReportJob(id, done ? AppNote::JOB_DONE : AppNote::JOB_PROGRESS, NumbersText(job.numbers));
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
    RunningJob& job = it->second;
    note.set_total(job.total);
    note.set_done(job.total - job.open.size() - job.todo.size());
    note.set_sent(job.sent);
    note.mutable_planned()->Add(job.planned.begin(), job.planned.end());
    job.planned.clear();
  }
  Note(std::move(note));
  options_.wake();
}

}  // namespace purser::delivery
