// One app's deliveries: follows the directory, plans each lane, calls the connector, records what
// came of it.
//
// The rules it keeps, each in DESIGN's words: one call a lane; no call before its `started` is
// valid, nor later than 2 s after; a started operation is settled before a newer one; a link is
// exclusive; the app's fault stops nobody's lane for good, a resource's fault stops its own alone.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/metrics.h"
#include "broker/cluster/membership.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/projections/app_projection.h"
#include "broker/projections/directory_reader.h"
#include "connectors/api/connector.h"
#include "connectors/delivery/app_health.h"
#include "connectors/delivery/app_settings.h"
#include "connectors/delivery/call_budget.h"
#include "connectors/delivery/exchange_log.h"
#include "connectors/delivery/followed_events.h"
#include "connectors/delivery/lane_queue.h"
#include "connectors/delivery/owner_fold.h"
#include "connectors/delivery/plan.h"
#include "connectors/delivery/wanted.h"

namespace purser::delivery {

// What a worker is given; all of it outlives the worker.
struct AppWorkerOptions {
  std::string app_id;
  std::string directory_id;
  std::string node_id;
  std::string boot_id;
  EventLog* log = nullptr;
  // Which node delivers; its ids are those above. Null: nobody else does.
  Membership* nodes = nullptr;
  DirectoryReaders* directory = nullptr;
  // Of the directory; workers of other apps on the same thread may share it.
  FollowedEvents* events = nullptr;
  AppProjection* projection = nullptr;
  // Of the app's stream, over the projection. Others write through it too.
  OwnerFold* fold = nullptr;
  StreamWriter* writer = nullptr;
  const Clock* clock = nullptr;
  IdSource* ids = nullptr;
  MetricsRegistry* metrics = nullptr;
  uint64_t jitter_seed = 0;    // of the random share of each pause
  std::function<void()> wake;  // makes the driving thread call RunOnce()
};

// It stands by until this node is to own the app, takes it over, and releases it when it is told to
// stop or the app is another node's to own. That is one tenure: who stands by again is a new
// worker.
//
// Driven by one thread, which also drives the connector's HTTP client. DirectoryMoved(), and
// writer().Submit() and NewRecords(), are for any thread.
class AppWorker {
 public:
  explicit AppWorker(AppWorkerOptions options);
  ~AppWorker();

  // The configuration to deliver by, the first or a newer version: everyone is planned again.
  void Configure(std::shared_ptr<const AppSettings> settings,
                 std::unique_ptr<connectors::Connector> connector);

  // `http`, counting what the app's calls_per_second allows: for the connector that Configure() is
  // given. The worker owns it, and it outlives the connector; `http` outlives the worker.
  connectors::HttpClient* Metered(connectors::HttpClient* http);

  // The directory's fold has come further.
  void DirectoryMoved();

  // The app's stream: operators' commands are submitted here.
  StreamWriter& writer() { return *options_.writer; }

  // Does what can be done now; true if anything was.
  bool RunOnce();
  // SinceBoot of the next thing that is due by itself.
  absl::Duration NextDue() const;

  // Lanes that wait to be sent, how long the oldest has, and the position of the directory up to
  // which all is settled or stands in a record; a second old at most. Any thread.
  uint64_t waiting_lanes() const { return waiting_lanes_.load(std::memory_order_relaxed); }
  absl::Duration oldest_wait() const {
    return absl::Seconds(oldest_wait_.load(std::memory_order_relaxed));
  }
  StreamPosition settled() const { return settled_.load(std::memory_order_relaxed); }
  // It delivers to the app; what is above is about nothing where it does not. Any thread.
  bool owns() const { return owns_.load(std::memory_order_relaxed); }

  // Starts nothing more; once calls under way have ended, releases the app. After 5 s it does so
  // all the same, and reports what those calls come to later.
  void Stop();
  // The tenure has ended: nothing is under way that still needs the worker.
  bool stopped() const;

  // True where nothing is due or under way, but what waits for a time to come.
  bool idle() const;

 private:
  static constexpr absl::Duration kWriteDeadline = absl::Seconds(10);
  // A call leaves no later than this after its `started` was handed to the log.
  static constexpr absl::Duration kStartedFor = absl::Seconds(2);
  // Calls that take longer than this keep nobody waiting for the app.
  static constexpr absl::Duration kReleaseWithin = absl::Seconds(5);
  static constexpr StreamPosition kNotYet = std::numeric_limits<StreamPosition>::max();

  enum class Ownership { kNone, kTaking, kRecovering, kOwner, kReleasing, kReleased };

  // One lane's business from Take() to Release().
  struct Attempt {
    std::string id;
    event::v1::ResourceType type = event::v1::USER;
    Lane lane;
    Wanted wanted;
    event::v1::StartedOperation operation;  // operation_id empty: none was started
    ValueChanges changes;
    event::v1::Exchange exchange;  // the last one, or the one under way; without a verb: none
    std::string trace_parent;      // of the event that its wanted state comes from
    bool calls = false;            // counts among the calls under way
    bool starts = false;           // counts among those whose `started` is written, or stands
    absl::Duration called_at = absl::ZeroDuration();  // SinceBoot
    bool settling = false;
    StreamPosition looked_up_at = 0;  // of the app's fold, when its last look-up was sent
  };
  using AttemptPtr = std::shared_ptr<Attempt>;
  using Recorded = std::function<void()>;
  struct PendingOutcome {
    std::vector<event::v1::Outcome> outcomes;
    Recorded recorded;
    AttemptPtr attempt;  // null: a job's
    std::string held;    // another lane that does nothing until it is recorded; or empty
  };
  struct PendingStart {
    AttemptPtr attempt;
    bool dropped = false;  // by the decision: it may not be started any more
  };
  // A call whose `started` stands, that waits for one of those under way to end.
  struct ReadyCall {
    AttemptPtr attempt;
    absl::Duration submitted;  // SinceBoot, of the record
  };
  // A call, or a start, that waits for the app's budget.
  struct PacedCall {
    AttemptPtr attempt;  // null: a job's
    std::function<void()> go;
  };
  struct Batch;
  struct Failure {
    AttemptPtr attempt;
    connectors::Result result;
  };
  struct RunningJob {
    Job job;
    std::deque<MemberRow> todo;  // not taken yet
    std::set<std::string> open;  // taken, and not done
    CallBudget pace;             // of resources
    // Of those that are open: idle until this job, so that they may go back to rest.
    std::set<std::string> rested;
    uint64_t total = 0;
    uint64_t sent = 0;
    absl::Duration reported = absl::ZeroDuration();
    // Of a dry run: what it found and has not told yet, and how often of each kind.
    std::vector<event::v1::PlannedChange> planned;
    std::map<std::string, int> numbers;
    std::map<std::string, int> failures;  // of reading an account

    bool done() const { return todo.empty() && open.empty(); }
  };
  struct DryRun;
  using DryRunPtr = std::shared_ptr<DryRun>;

  // app_worker.cc
  bool Running() const;
  bool LogStands() const;
  bool Dispatch();
  void ShowGauges();
  void HideGauges();
  void UpdateGauges();
  void Note(event::v1::AppNote note) { notes_.push_back(std::move(note)); }

  // app_ownership.cc: from taking the app over to letting it go, and what is told in between.
  bool TakeOwnership();
  bool MayTake(const AppRow& app) const;
  void Take();
  bool DirectoryReached() const;
  bool Recover();
  void RecoverLanes(const std::vector<Lane>& lanes);
  void ResumeHealth();
  void PlanEveryone();
  void ReportPlanned();
  bool Keeps() const;
  bool Owns() const;
  bool Holds() const { return app_.owner_boot == options_.boot_id && !app_.released; }
  void BeginRelease();
  bool Release();
  void EndTenure();
  bool Linger();
  void NoteFold();
  void Write(WriteRequest request);

  // app_following.cc: what events and commands wake.
  bool Follow();
  void FollowEvent(const FollowedEvent& event, const DirectoryReader& directory);
  void WakeMembersOf(const std::string& group, const DirectoryReader& directory,
                     StreamPosition position);
  void WakeLane(const std::string& id, event::v1::ResourceType type, StreamPosition position,
                bool urgent = false);
  bool HearCommands();
  bool HearReported();

  // app_records.cc: records of the app's stream, and the calls that wait for theirs.
  bool Flush();
  void FillBatch(Batch* batch);
  absl::StatusOr<std::vector<event::v1::Envelope>> BatchRecords(Batch* batch, absl::Time at);
  bool MayStart(const Attempt& attempt) const;
  void OnFlushed(const std::shared_ptr<Batch>& batch, const absl::Status& status,
                 absl::Duration submitted);
  void FlushLost(const std::shared_ptr<Batch>& batch, const absl::Status& status);
  bool CallReady();
  void TooLate(const AttemptPtr& attempt);
  void LetGo(const AttemptPtr& attempt, absl::Duration rest);
  event::v1::Basis Basis() const;
  event::v1::Envelope EnvelopeOf(event::v1::Kind kind, const std::string& payload,
                                 absl::Time at) const;

  // app_check.cc: how often the app may be called, and its own health.
  void Pace(const AttemptPtr& attempt, std::function<void()> go);
  bool RunPaced();
  void MakeCall(const std::function<void()>& call);
  bool RunCheck();
  void OnCheck(const connectors::Result& result);
  bool AttributeAll();
  void NoteHealth();

  // lane_steps.cc: what is to be done for a lane.
  void BeginLane(const std::string& id, const DirectoryReader& directory);
  absl::Status PlanLane(const AttemptPtr& attempt, const DirectoryReader& directory);
  bool StaysAsItIs(const Attempt& attempt, const LaneRun& run,
                   const DirectoryReader& directory) const;
  connectors::Capabilities CapabilitiesFor(event::v1::ResourceType type) const;
  void DoStep(const AttemptPtr& attempt, const Plan& plan);
  void Settled(const AttemptPtr& attempt, const std::string& skipped = "");
  void ParkMissing(const AttemptPtr& attempt, const std::vector<std::string>& missing);
  void StartCall(const AttemptPtr& attempt, event::v1::OperationKind kind, ValueChanges changes);
  bool WaitForName(const AttemptPtr& attempt, const ValueChanges& changes);
  bool KeepsForGood(const std::string& holder, event::v1::ResourceType type) const;
  bool IsRing(const std::string& id, const std::string& holder) const;
  void RenameAside(const AttemptPtr& attempt);
  void WaitFor(const AttemptPtr& attempt, const std::string& holder);
  event::v1::Outcome OutcomeOf(const Attempt& attempt) const;
  void Record(const AttemptPtr& attempt, event::v1::Outcome outcome);
  void Finish(const AttemptPtr& attempt, bool counts = true);
  void AfterRecord(const AttemptPtr& attempt, bool link_changed);
  void RestAfter(const Attempt& attempt, const Lane& lane, bool link_changed);
  void LinkChanged(const std::string& id);
  void JoinGroups(const Attempt& attempt, const DirectoryReader& directory);
  void Park(const AttemptPtr& attempt, const std::string& code, const std::string& message);

  // lane_matching.cc: reading accounts and linking them.
  void ReadAccount(const AttemptPtr& attempt);
  void OnRead(const AttemptPtr& attempt, const connectors::Result& result,
              const std::vector<connectors::RemoteResource>& found);
  void Match(const AttemptPtr& attempt, size_t index);
  void OnMatched(const AttemptPtr& attempt, size_t index, const connectors::Result& result,
                 std::vector<connectors::RemoteResource> found);
  bool WasLetGo(const Attempt& attempt, const std::string& remote_id) const;
  void NoMatch(const AttemptPtr& attempt);
  void LinkTo(const AttemptPtr& attempt, const connectors::RemoteResource& account);
  bool HandOver(const AttemptPtr& attempt, const std::string& holder,
                const connectors::RemoteResource& account);
  void SetObserved(const Attempt& attempt, const connectors::RemoteResource& account,
                   event::v1::Outcome* outcome) const;

  // lane_calls.cc: one call and what it came to.
  void Execute(const AttemptPtr& attempt);
  void OnWritten(const AttemptPtr& attempt, const connectors::Result& result,
                 const connectors::RemoteResource& account);
  void OnEffect(const AttemptPtr& attempt, const connectors::Result& result,
                const connectors::RemoteResource& account);
  void OnMembers404(const AttemptPtr& attempt, const connectors::Result& result);
  void OnGone(const AttemptPtr& attempt);
  void OnConflict(const AttemptPtr& attempt, const connectors::Result& result);
  void OnFailure(const AttemptPtr& attempt, const connectors::Result& result);
  void Attribute(const AttemptPtr& attempt, const connectors::Result& result);
  void AttributeRefusal(const AttemptPtr& attempt, const connectors::Result& result,
                        event::v1::Outcome outcome);
  void AttributeNoVerdict(const AttemptPtr& attempt, const connectors::Result& result,
                          event::v1::Outcome outcome);
  bool SplitChunk(const AttemptPtr& attempt);
  connectors::Call CallOf(const std::string& operation_id, const std::string& trace_parent) const;
  connectors::Call BeginCall(Attempt* attempt, const std::string& verb);
  void EndCall(Attempt* attempt, const connectors::Result& result);
  void SetExchange(const Attempt& attempt, event::v1::Outcome* outcome) const;
  const std::string& TraceParentOf(Attempt* attempt);
  absl::StatusOr<std::string> ReadTraceParent(const Attempt& attempt);
  void BeginStarting(const AttemptPtr& attempt);
  void BeginCalling(const AttemptPtr& attempt);
  void EndCalling(const AttemptPtr& attempt);
  mapping::Generate Generator() const;
  std::string ResourceOf(const std::string& remote_id) const;
  absl::Duration Backoff(int tries, absl::Duration first, absl::Duration most);

  // lane_settling.cc: operations whose reply was lost.
  void Settle(const AttemptPtr& attempt, const OpenOperation& open);
  void OnSettlingRead(const AttemptPtr& attempt, const connectors::Result& result,
                      const std::vector<connectors::RemoteResource>& found);
  void OnSettlingFind(const AttemptPtr& attempt, const connectors::Result& result,
                      const std::vector<connectors::RemoteResource>& found);
  void SendAgain(const AttemptPtr& attempt);

  // group_members.cc
  bool ChangeMembers(const AttemptPtr& attempt, const DirectoryReader& directory);
  void GatherMembers(const std::string& group, const DirectoryReader& directory, LaneRun* run);
  bool SkipMember(const std::string& member, const LaneRun& run) const;
  absl::StatusOr<bool> MemberWanted(const std::string& group, const std::string& member,
                                    const DirectoryReader& directory, std::string* remote_id,
                                    bool* waits);
  bool LeavesGroupsFirst(const AttemptPtr& attempt);

  // worker_jobs.cc
  bool RunJobs();
  void StartReplay(const Job& job);
  bool TakeReplayed();
  bool MarkUnknown(const std::string& job_id, RunningJob* running);
  void ReadMarked(const std::string& job_id, const std::vector<MemberRow>& rows,
                  const std::set<std::string>& rested);
  void BackToRest(const MemberRow& row);
  void CancelReplay(const std::string& job_id, const RunningJob& running);
  absl::Duration NextReplayed() const;
  absl::StatusOr<std::vector<MemberRow>> ReplayedResources(const Job& job);
  struct Span;
  absl::StatusOr<Span> ReplayedSpan(const Job& job) const;
  absl::StatusOr<StreamPosition> PositionAt(const StreamId& stream, absl::Time time) const;
  absl::StatusOr<absl::Time> TimeAt(StreamPosition position) const;
  void StartTest(const Job& job);
  void OnTested(const std::string& job_id, const connectors::Result& result);
  void JobsAdvanced();
  void ReportJob(const std::string& job_id, event::v1::AppNote::Topic topic,
                 const std::string& message = "");

  // dry_run.cc: what a replay would send.
  bool DryRunning() const;
  bool TakeDryRuns(const std::string& job_id, RunningJob* running);
  void StartDryRun(const std::string& job_id, const MemberRow& row);
  void StepDryRun(const DryRunPtr& dry);
  void ReadDry(const DryRunPtr& dry);
  void FindDry(const DryRunPtr& dry, size_t index);
  void OnFoundDry(const DryRunPtr& dry, size_t index, const connectors::Result& result,
                  const std::vector<connectors::RemoteResource>& found);
  void OnReadDry(const DryRunPtr& dry, const connectors::Result& result,
                 const std::vector<connectors::RemoteResource>& found);
  event::v1::Exchange BeginDry(const DryRun& dry, const connectors::Call& call,
                               const char* verb) const;
  void OnUnreadDry(const DryRunPtr& dry, const connectors::Result& result);
  absl::Status CountMembers(const DryRun& dry, event::v1::PlannedChange* change);
  bool HeldByAnother(const MemberRow& row, const std::string& remote_id) const;
  void EndDryRun(const DryRunPtr& dry, event::v1::PlannedChange change);

  const AppWorkerOptions options_;
  const StreamId stream_;
  OwnerFold& fold_;
  ExchangeLog exchanges_;
  std::mt19937_64 random_;

  std::shared_ptr<const AppSettings> settings_;
  std::unique_ptr<connectors::Connector> connector_;
  std::vector<std::unique_ptr<connectors::Connector>> retired_;  // until their calls have ended
  std::unique_ptr<AppHealth> health_;
  AppHealth::State noted_health_ = AppHealth::State::kClosed;  // what the stream says of it
  std::string noted_missing_;                                  // and of what is not configured
  int checks_ = 0;                                             // under way
  CallBudget budget_;
  std::unique_ptr<MeteredHttpClient> metered_;
  std::deque<PacedCall> paced_;
  std::set<event::v1::ResourceType> deletes_refused_;  // the app answered that it has no DELETE

  Ownership ownership_ = Ownership::kNone;
  bool stopping_ = false;
  bool ending_ = false;                                   // Stop() was called
  absl::Duration release_by_ = absl::InfiniteDuration();  // SinceBoot
  absl::Duration release_not_before_ = absl::ZeroDuration();
  int writes_ = 0;  // of its own, not answered yet
  std::atomic<bool> owns_{false};
  absl::Duration take_not_before_ = absl::ZeroDuration();
  AppRow app_;
  LaneQueue queue_;
  int calls_ = 0;
  int starting_ = 0;
  absl::Duration call_time_ = absl::ZeroDuration();  // of late, on average
  int limit_ = 4;
  int good_answers_ = 0;
  StreamPosition cursor_ = 0;  // of the directory: what it was followed to
  std::atomic<bool> directory_moved_{true};
  // The highest position that anything was planned on; the one at which everyone was planned for
  // the configuration as it is.
  StreamPosition rests_on_ = 0;
  StreamPosition everyone_at_ = 0;
  absl::Duration planned_at_ = absl::ZeroDuration();
  absl::Duration gauges_at_ = absl::ZeroDuration();

  std::deque<PendingOutcome> outcomes_;
  std::deque<PendingStart> starts_;
  std::deque<ReadyCall> ready_;  // their `started` stands
  std::deque<event::v1::AppNote> notes_;
  bool flushing_ = false;
  size_t most_outcomes_ = 500;  // of one record; one, to find the outcome that cannot be folded
  bool jobs_moved_ = true;
  bool counts_moved_ = true;
  std::map<event::v1::LaneState, uint64_t> counts_;
  absl::Duration flush_not_before_ = absl::ZeroDuration();
  std::vector<Failure> unattributed_;  // wait for Check to say whose fault it is
  // Leavers that wait for a group's lane.
  std::map<std::string, std::set<std::string>> after_group_;
  std::map<std::string, RunningJob> jobs_;
  // True in the destructor: completions that come late find nothing to do.
  std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);

  std::atomic<uint64_t> waiting_lanes_{0};
  std::atomic<double> oldest_wait_{0};
  std::atomic<StreamPosition> settled_{0};
  std::shared_ptr<Gauge> pending_gauge_;
  std::shared_ptr<Gauge> oldest_gauge_;
  std::shared_ptr<Gauge> parked_gauge_;
  std::shared_ptr<Gauge> waiting_gauge_;
  std::shared_ptr<Gauge> breaker_gauge_;
  std::shared_ptr<Gauge> rate_gauge_;
  std::shared_ptr<Counter> calls_counter_;
};

}  // namespace purser::delivery
