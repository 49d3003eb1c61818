#include "broker/eventlog/sqlite/sqlite_event_log.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/eventlog/sqlite/chain_mark.h"
#include "broker/eventlog/verify.h"

namespace purser {
namespace {

// "yes" from the destructor until the next start, but where a check of the pages was not done.
constexpr char kStoppedKey[] = "stopped";

absl::Status NotOpened(const StreamId& stream) {
  return absl::NotFoundError(absl::StrCat("stream ", stream.ToString(), " was not opened"));
}

absl::Status Moved(const StreamId& stream) {
  return absl::FailedPreconditionError(absl::StrCat(
      "stream ", stream.ToString(), " was moved to another log: nothing is written here again"));
}

// Why nothing is appended on `expected`. With one writer a head is never ahead of the log's.
absl::Status Misplaced(const StreamId& stream, const Head& expected, const Head& head) {
  if (expected.position < head.position) {
    return absl::AbortedError(absl::StrCat("append to ", stream.ToString(), " at ",
                                           expected.position, ": its head is at ", head.position));
  }
  return absl::DataLossError(absl::StrCat(
      "append to ", stream.ToString(), " at ", expected.position,
      ": the log does not hold that record, and ends at ", head.position,
      ": it was truncated or restored; restore the right one, or rebuild the read model"));
}

absl::Status NoteStopped(RecordStore* store, absl::string_view value,
                         std::vector<RecordBatch::Meta> marks) {
  RecordBatch batch;
  batch.meta = std::move(marks);
  batch.meta.push_back({kStoppedKey, std::string(value)});
  return store->Write(batch);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteEventLog>> SqliteEventLog::Create(
    const SqliteEventLogOptions& options) {
  ASSIGN_OR_RETURN(auto lock, FolderLock::Take(options.folder));
  ASSIGN_OR_RETURN(auto store, RecordStore::Open(options.folder + "/log.db",
                                                 {.synchronous = Synchronous::kFull,
                                                  .cache_kib = options.cache_kib,
                                                  .readers = options.readers,
                                                  .max_bytes = options.max_log_bytes,
                                                  .checkpoint_pages = options.checkpoint_pages}));
  ASSIGN_OR_RETURN(auto unchained,
                   UnchainedLog::Open(options.folder + "/exchanges.db",
                                      {.kept = options.exchanges_kept,
                                       .bytes_kept = options.exchange_bytes_kept,
                                       .max_queued_bytes = options.max_queued_exchange_bytes}));
  std::unique_ptr<SqliteEventLog> log(
      new SqliteEventLog(options, std::move(lock), std::move(store), std::move(unchained)));
  RETURN_IF_ERROR(Annotate(log->Load(), absl::StrCat("open the log in ", options.folder)));
  return log;
}

SqliteEventLog::SqliteEventLog(const SqliteEventLogOptions& options,
                               std::unique_ptr<FolderLock> lock, std::unique_ptr<RecordStore> store,
                               std::unique_ptr<UnchainedLog> unchained)
    : options_(options),
      lock_(std::move(lock)),
      store_(std::move(store)),
      unchained_(std::move(unchained)) {}

SqliteEventLog::~SqliteEventLog() {
  unchained_->Flush();
  MutexLock lock(&mutex_);
  if (!fatal_.ok()) return;
  std::vector<RecordBatch::Meta> marks;
  for (const auto& [stream, state] : streams_) {
    if (stream.chained() && !absl::IsDataLoss(state.health)) {
      marks.push_back(ChainMark(stream, state.head));
    }
  }
  const absl::Status noted = NoteStopped(store_.get(), pages_due_ ? "no" : "yes", std::move(marks));
  if (!noted.ok()) LogWarning("the clean stop was not noted", {{"why", noted.message()}});
}

absl::Status SqliteEventLog::Load() {
  ASSIGN_OR_RETURN(const std::optional<std::string> stopped, store_->Meta(kStoppedKey));
  const std::vector<StreamId> known = store_->Streams();
  stopped_cleanly_ = known.empty() || stopped == "yes";
  pages_due_ = !stopped_cleanly_;
  std::vector<RecordBatch::Meta> marks;
  for (const StreamId& stream : known) {
    if (!stream.chained()) continue;  // Of a log that comes from Kafka; here they are elsewhere.
    ASSIGN_OR_RETURN(const LoadedChain chain, LoadChain(*store_, stream));
    Stream state{.head = chain.head, .health = chain.health, .marked = chain.head.position};
    if (chain.health.ok()) {
      if (chain.moved) state.health = Moved(stream);
      if (chain.head.position > chain.marked) marks.push_back(ChainMark(stream, chain.head));
    } else {
      LogError("a stream is damaged: nothing is written to it",
               {{"stream", stream.ToString()}, {"why", chain.health.message()}});
    }
    MutexLock lock(&mutex_);
    streams_[stream] = std::move(state);
  }
  const absl::Status noted = NoteStopped(store_.get(), "no", std::move(marks));
  // A full disk is for the first append to report; the log can be read.
  return absl::IsResourceExhausted(noted) ? absl::OkStatus() : noted;
}

void SqliteEventLog::Open(const StreamId& stream, HeadDone done) {
  MutexLock lock(&mutex_);
  work_.opens.push_back({stream, std::move(done)});
  work_arrived_.NotifyOne();
}

void SqliteEventLog::Append(const StreamId& stream, const Head& expected_head,
                            std::vector<Record> records, AppendDone done) {
  PendingAppend append{.stream = stream,
                       .expected_head = expected_head,
                       .records = std::move(records),
                       .done = std::move(done)};
  MutexLock lock(&mutex_);
  auto found = streams_.find(stream);
  if (found == streams_.end() || !found->second.opened || !stream.chained()) {
    append.result.status = NotOpened(stream);
  } else if (found->second.appending) {
    append.result.status = absl::FailedPreconditionError(
        absl::StrCat("append to ", stream.ToString(), ": the append before it is under way"));
  } else {
    found->second.appending = append.under_way = true;
  }
  work_.appends.push_back(std::move(append));
  work_arrived_.NotifyOne();
}

void SqliteEventLog::AppendUnchained(const StreamId& stream, std::string bytes) {
  if (stream.chained() || !unchained_->Append(stream, std::move(bytes))) return;
  MutexLock lock(&mutex_);
  work_arrived_.NotifyOne();
}

void SqliteEventLog::CatchUp(const StreamId& stream, absl::Duration /*deadline*/, HeadDone done) {
  auto state = Find(stream);
  if (!state.ok()) return done(state.status());
  // A stream that was moved is whole; one that is damaged has an end nobody knows.
  if (!state->health.ok() && !absl::IsFailedPrecondition(state->health)) {
    return done(state->health);
  }
  done(state->head);
}

absl::StatusOr<Head> SqliteEventLog::KnownHead(const StreamId& stream) const {
  ASSIGN_OR_RETURN(const Stream state, Find(stream));
  return state.head;
}

absl::StatusOr<std::vector<StoredRecord>> SqliteEventLog::Read(const StreamId& stream,
                                                               StreamPosition after,
                                                               size_t max_records,
                                                               size_t max_bytes) const {
  ASSIGN_OR_RETURN(const Stream state, Find(stream));
  if (!stream.chained()) return unchained_->Read(stream, after, max_records, max_bytes);
  if (after > state.head.position) {
    return absl::OutOfRangeError(absl::StrCat("read stream ", stream.ToString(), " after ", after,
                                              ": it ends at ", state.head.position));
  }
  if (after == state.head.position) {
    if (absl::IsDataLoss(state.health)) return state.health;
    return std::vector<StoredRecord>();
  }
  max_records = std::min<size_t>(max_records, state.head.position - after);
  auto checked = HeadBefore(stream, after + 1);
  auto records = checked.ok() ? store_->Read(stream, after, max_records, max_bytes)
                              : absl::StatusOr<std::vector<StoredRecord>>(checked.status());
  absl::Status damage = records.status();
  if (records.ok() && max_records > 0) {
    damage = records->empty() ? MissingTail(stream, *checked, state.head.position)
                              : CheckRun(stream, *records, &*checked);
  }
  if (damage.ok()) return records;
  if (!absl::IsDataLoss(damage)) return damage;
  SetDamaged(stream, damage);
  // What is whole is handed out; asked again behind it, the damage is the answer.
  if (!checked.ok() || !records.ok() || checked->position == after) return damage;
  records->resize(checked->position - after);
  return records;
}

absl::Status SqliteEventLog::Health(const StreamId& stream) const {
  {
    MutexLock lock(&mutex_);
    if (!fatal_.ok()) return fatal_;
  }
  ASSIGN_OR_RETURN(const Stream state, Find(stream));
  return state.health;
}

std::vector<StreamStanding> SqliteEventLog::Standings() const {
  MutexLock lock(&mutex_);
  std::vector<StreamStanding> standings;
  for (const auto& [stream, state] : streams_) {
    if (!stream.chained() || !state.opened) continue;
    const absl::Status& health = fatal_.ok() ? state.health : fatal_;
    StreamTrouble trouble = StreamTrouble::kNone;
    if (!health.ok()) {
      const bool moved = absl::IsFailedPrecondition(health);
      trouble = moved ? StreamTrouble::kMoved : StreamTrouble::kDamaged;
    }
    standings.push_back({stream, health, trouble});
  }
  return standings;
}

void SqliteEventLog::SetListener(std::function<void(const StreamId&)> listener) {
  listener_ = std::move(listener);
}

bool SqliteEventLog::RunOnce(absl::Duration max_wait) {
  Work work = TakeWork(max_wait);
  const bool any = !work.opens.empty() || !work.appends.empty() || unchained_->HasQueued();
  for (PendingOpen& open : work.opens) open.done(OpenStream(open.stream));
  if (!work.appends.empty()) CommitGroup(&work.appends);
  FlushUnchained();
  return any;
}

void SqliteEventLog::Wake() {
  MutexLock lock(&mutex_);
  woken_ = true;
  work_arrived_.NotifyOne();
}

absl::Status SqliteEventLog::VerifyPages() {
  const absl::Status status = store_->VerifyPages();
  if (absl::IsDataLoss(status)) SetFatal(status);
  if (status.ok()) pages_due_ = false;
  return status;
}

void SqliteEventLog::EndVerifyPages() { store_->EndVerifyPages(); }

std::vector<StreamId> SqliteEventLog::Streams() const { return store_->Streams(); }

SqliteEventLog::Work SqliteEventLog::TakeWork(absl::Duration max_wait) {
  MutexLock lock(&mutex_);
  const bool idle = work_.opens.empty() && work_.appends.empty() && !woken_;
  if (idle && max_wait > absl::ZeroDuration() && !unchained_->HasQueued()) {
    work_arrived_.WaitFor(&mutex_, max_wait);
  }
  woken_ = false;
  return std::exchange(work_, Work());
}

absl::StatusOr<Head> SqliteEventLog::OpenStream(const StreamId& stream) {
  {
    MutexLock lock(&mutex_);
    if (!fatal_.ok()) return fatal_;
    auto found = streams_.find(stream);
    if (found != streams_.end()) {
      found->second.opened = true;
      if (absl::IsDataLoss(found->second.health)) return found->second.health;
      return found->second.head;
    }
  }
  Stream state{.opened = true};
  if (stream.chained()) {
    const absl::Status added = store_->AddStream(stream);
    if (absl::IsInternal(added) || absl::IsDataLoss(added)) SetFatal(added);
    RETURN_IF_ERROR(added);
    state.head = EmptyHead(stream);
  } else {
    RETURN_IF_ERROR(unchained_->AddStream(stream));
    ASSIGN_OR_RETURN(state.head.position, unchained_->End(stream));
  }
  MutexLock lock(&mutex_);
  streams_[stream] = state;
  return state.head;
}

void SqliteEventLog::CommitGroup(std::vector<PendingAppend>* group) {
  RecordBatch batch;
  for (PendingAppend& append : *group) {
    if (append.result.status.ok()) Admit(&append, &batch);
  }
  absl::Status written = batch.records.empty() ? absl::OkStatus() : CheckRoom();
  if (written.ok()) written = store_->Write(batch);
  if (!batch.records.empty()) NoteFull(written);
  Settle(written, group);
  Answer(group);
}

absl::Status SqliteEventLog::CheckRoom() const {
  if (options_.reserve_bytes == 0) return absl::OkStatus();
  std::error_code unknown;
  const auto space = std::filesystem::space(options_.folder, unknown);
  if (unknown || space.available >= options_.reserve_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(space.available, " bytes are left, and ",
                                                   options_.reserve_bytes, " are kept in reserve"));
}

// Said once when it begins and once when it is over.
void SqliteEventLog::NoteFull(const absl::Status& written) {
  if (absl::IsResourceExhausted(written) && !full_) {
    LogError("the disk is full: writes are refused until there is room for the data folder",
             {{"folder", options_.folder}, {"why", written.message()}});
    full_ = true;
  } else if (written.ok() && full_) {
    LogInfo("there is room for the data folder again: writing goes on",
            {{"folder", options_.folder}});
    full_ = false;
  }
}

void SqliteEventLog::Admit(PendingAppend* append, RecordBatch* batch) {
  auto state = Find(append->stream);
  absl::Status& status = append->result.status;
  status = state.ok() ? Health(append->stream) : state.status();
  if (!status.ok()) return;
  if (!(state->head == append->expected_head)) {
    status = Misplaced(append->stream, append->expected_head, state->head);
    return;
  }
  const size_t admitted_before = batch->records.size();
  Head head = state->head;
  event::v1::Envelope envelope;
  for (const Record& record : append->records) {
    auto standing = append->moves ? absl::StatusOr<Standing>(Standing::kInert)
                                  : JudgeRecord(append->stream, record.bytes, &head, &envelope);
    if (!standing.ok() || *standing != Standing::kValid) {
      status = absl::InvalidArgumentError(
          absl::StrCat("append to ", append->stream.ToString(),
                       ": a record does not chain on the one before it"));
      batch->records.resize(admitted_before);
      return;
    }
    append->moves = envelope.kind() == event::v1::MOVED;
    batch->records.push_back({append->stream, head.position, record.bytes});
  }
  append->new_head = head;
  if (head.position - state->marked >= options_.mark_every) {
    batch->meta.push_back(ChainMark(append->stream, head));
  }
}

void SqliteEventLog::Settle(const absl::Status& written, std::vector<PendingAppend>* group) {
  absl::Status refusal = written;
  if (!written.ok() && !absl::IsResourceExhausted(written)) {
    // A lock that somebody else holds on the file passes; anything else does not.
    if (!absl::IsAborted(written)) SetFatal(written);
    refusal = absl::UnavailableError(absl::StrCat("commit: ", written.message()));
  }
  MutexLock lock(&mutex_);
  for (PendingAppend& append : *group) {
    if (!append.result.status.ok()) continue;
    append.result.status = refusal;
    if (!refusal.ok()) continue;
    append.result.valid = append.records.size();
    Stream& state = streams_[append.stream];
    state.head = append.new_head;
    if (state.head.position - state.marked >= options_.mark_every) {
      state.marked = state.head.position;
    }
    if (append.moves) state.health = Moved(append.stream);
  }
}

void SqliteEventLog::Answer(std::vector<PendingAppend>* group) {
  for (PendingAppend& append : *group) {
    {
      MutexLock lock(&mutex_);
      auto found = streams_.find(append.stream);
      if (found != streams_.end() && append.under_way) found->second.appending = false;
    }
    append.done(append.result);
  }
  if (!listener_) return;
  for (const PendingAppend& append : *group) {
    if (append.result.valid > 0) listener_(append.stream);
  }
}

void SqliteEventLog::FlushUnchained() {
  for (const StreamId& stream : unchained_->Flush()) {
    auto end = unchained_->End(stream);
    {
      MutexLock lock(&mutex_);
      auto found = streams_.find(stream);
      if (found == streams_.end() || !end.ok()) continue;
      found->second.head.position = *end;
    }
    if (listener_) listener_(stream);
  }
}

void SqliteEventLog::SetFatal(const absl::Status& why) {
  {
    MutexLock lock(&mutex_);
    if (!fatal_.ok()) return;
    fatal_ = Annotate(why, "the log takes no append any more");
  }
  LogError("the log takes no append any more", {{"why", why.message()}});
  if (options_.on_fatal) options_.on_fatal(why);
}

void SqliteEventLog::SetDamaged(const StreamId& stream, const absl::Status& why) const {
  MutexLock lock(&mutex_);
  absl::Status& health = streams_[stream].health;
  if (absl::IsDataLoss(health)) return;
  health = why;
  LogError("a stream is damaged: nothing is written to it any more",
           {{"stream", stream.ToString()}, {"why", why.message()}});
}

absl::StatusOr<SqliteEventLog::Stream> SqliteEventLog::Find(const StreamId& stream) const {
  MutexLock lock(&mutex_);
  auto found = streams_.find(stream);
  if (found == streams_.end() || !found->second.opened) return NotOpened(stream);
  return found->second;
}

absl::StatusOr<Head> SqliteEventLog::HeadBefore(const StreamId& stream,
                                                StreamPosition position) const {
  if (position == 1) return EmptyHead(stream);
  ASSIGN_OR_RETURN(const auto before, store_->Read(stream, position - 2, 1, 1));
  if (before.empty() || before[0].position != position - 1) {
    return MissingTail(stream, {.position = position - 2}, position);
  }
  return HeadAt(before[0].position, before[0].bytes);
}

}  // namespace purser
