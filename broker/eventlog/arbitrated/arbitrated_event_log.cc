#include "broker/eventlog/arbitrated/arbitrated_event_log.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

// A table that refused a write is asked again after this.
constexpr absl::Duration kSaveAgainAfter = absl::Seconds(1);
// An unchained stream is trimmed each time it has grown by this many.
constexpr StreamPosition kTrimEvery = 256;
constexpr absl::Duration kClockLeap = absl::Seconds(60);

absl::Status NotOpened(const StreamId& stream) {
  return absl::NotFoundError(absl::StrCat("stream ", stream.ToString(), " was not opened"));
}

}  // namespace

ArbitratedEventLog::ArbitratedEventLog(std::unique_ptr<RecordTransport> transport,
                                       std::unique_ptr<RecordStore> table,
                                       std::unique_ptr<FolderLock> lock, const Clock& clock,
                                       IdSource& ids, uint64_t seed,
                                       const ArbitratedEventLogOptions& options)
    : clock_(clock),
      ids_(ids),
      options_(options),
      lock_(std::move(lock)),
      table_(std::move(table)),
      random_(seed),
      transport_(std::move(transport)),
      boot_(clock.Now() - clock.SinceBoot()) {}

ArbitratedEventLog::~ArbitratedEventLog() = default;

// --- From any thread.

void ArbitratedEventLog::Post(std::function<void()> work) {
  mailbox_.Post(std::move(work));
  transport_->Wake();
}

void ArbitratedEventLog::Open(const StreamId& stream, HeadDone done) {
  Post([this, stream, done = std::move(done)]() mutable {
    auto found = FindOrLoad(stream);
    if (found.ok()) return (*found)->Open(std::move(done));
    completions_.push_back([done = std::move(done), why = found.status()] { done(why); });
  });
}

void ArbitratedEventLog::Append(const StreamId& stream, const Head& expected_head,
                                std::vector<Record> records, AppendDone done) {
  Post([this, stream, expected_head, records = std::move(records),
        done = std::move(done)]() mutable {
    StreamReader* found = Find(stream);
    if (found != nullptr) return found->Append(expected_head, std::move(records), std::move(done));
    completions_.push_back(
        [done = std::move(done), why = NotOpened(stream)] { done({.status = why}); });
  });
}

void ArbitratedEventLog::AppendUnchained(const StreamId& stream, std::string bytes) {
  const size_t size = bytes.size();
  {
    MutexLock lock(&mutex_);
    if (queued_unchained_bytes_ + size > options_.max_queued_unchained_bytes) {
      ++*unchained_dropped_;
      return;
    }
    queued_unchained_bytes_ += size;
  }
  Post([this, stream, size, bytes = std::move(bytes)]() mutable {
    auto* found = stream.chained() ? nullptr : static_cast<UnchainedStream*>(Find(stream));
    const auto lost = [dropped = unchained_dropped_] { ++*dropped; };
    if (found == nullptr || !found->Send(std::move(bytes), lost)) lost();
    MutexLock lock(&mutex_);
    queued_unchained_bytes_ -= size;
  });
}

void ArbitratedEventLog::CatchUp(const StreamId& stream, absl::Duration deadline, HeadDone done) {
  Post([this, stream, deadline, done = std::move(done)]() mutable {
    StreamReader* found = Find(stream);
    if (found != nullptr) return found->CatchUp(deadline, std::move(done));
    completions_.push_back([done = std::move(done), why = NotOpened(stream)] { done(why); });
  });
}

absl::StatusOr<Head> ArbitratedEventLog::KnownHead(const StreamId& stream) const {
  MutexLock lock(&mutex_);
  auto found = published_.find(stream);
  if (found == published_.end()) return NotOpened(stream);
  return found->second.head;
}

absl::StatusOr<std::vector<StoredRecord>> ArbitratedEventLog::Read(const StreamId& stream,
                                                                   StreamPosition after,
                                                                   size_t max_records,
                                                                   size_t max_bytes) const {
  RETURN_IF_ERROR(KnownHead(stream).status());
  return table_->Read(stream, after, max_records, max_bytes);
}

absl::Status ArbitratedEventLog::Health(const StreamId& stream) const {
  MutexLock lock(&mutex_);
  auto found = published_.find(stream);
  return found == published_.end() ? NotOpened(stream) : found->second.health;
}

StreamCounts ArbitratedEventLog::Counts(const StreamId& stream) const {
  MutexLock lock(&mutex_);
  auto found = published_.find(stream);
  return found == published_.end() ? StreamCounts() : found->second.counts;
}

std::vector<StreamStanding> ArbitratedEventLog::Standings() const {
  MutexLock lock(&mutex_);
  std::vector<StreamStanding> standings;
  for (const auto& [stream, published] : published_) {
    if (!stream.chained()) continue;
    standings.push_back({stream, published.health, published.trouble, published.counts.foreign,
                         published.counts.too_large, published.read, published.to_read});
  }
  return standings;
}

void ArbitratedEventLog::SetListener(std::function<void(const StreamId&)> listener) {
  listener_ = std::move(listener);
}

void ArbitratedEventLog::Wake() {
  mailbox_.Wake();
  transport_->Wake();
}

// --- On the thread that drives.

StreamReader* ArbitratedEventLog::Find(const StreamId& stream) {
  auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second.get();
}

absl::StatusOr<StreamReader*> ArbitratedEventLog::FindOrLoad(const StreamId& stream) {
  if (StreamReader* found = Find(stream); found != nullptr) return found;
  RETURN_IF_ERROR(table_->AddStream(stream));
  ASSIGN_OR_RETURN(const std::optional<StoredRecord> last, table_->Last(stream));
  ASSIGN_OR_RETURN(const std::optional<std::string> meta,
                   table_->Meta(absl::StrCat("place/", stream.ToString())));
  const StreamPlace place = meta.has_value() ? StreamPlace::FromMeta(*meta) : StreamPlace();
  StreamContext context{.transport = transport_.get(),
                        .clock = &clock_,
                        .ids = &ids_,
                        .random = random_,
                        .times = options_.times,
                        .creates = options_.creates,
                        .completions = &completions_,
                        .look_not_before = &look_not_before_};
  std::unique_ptr<StreamReader>& made = streams_[stream];
  if (stream.chained()) {
    made = std::make_unique<ChainedStream>(stream, context, last, place);
  } else {
    made = std::make_unique<UnchainedStream>(stream, context, last ? last->position : 0, place);
  }
  return made.get();
}

bool ArbitratedEventLog::RunOnce(absl::Duration max_wait) {
  if (save_failed_) {
    // Nothing more is read until the table takes what was.
    const absl::Duration until = save_again_at_ - clock_.SinceBoot();
    if (until > absl::ZeroDuration()) return mailbox_.RunOnce(std::min(max_wait, until));
    return Flush();
  }
  bool worked = mailbox_.RunOnce(absl::ZeroDuration());
  Tick();
  const bool ready = worked || !completions_.empty();
  const absl::Duration idle = std::max(absl::ZeroDuration(), NextDue() - clock_.SinceBoot());
  worked |= transport_->RunOnce(ready ? absl::ZeroDuration() : std::min(max_wait, idle));
  worked |= mailbox_.RunOnce(absl::ZeroDuration());
  worked |= Flush();
  return worked;
}

void ArbitratedEventLog::Tick() {
  WatchClock();
  const absl::Duration now = clock_.SinceBoot();
  for (auto& [stream, reader] : streams_) {
    if (now >= reader->next_due()) reader->Tick(now);
  }
}

absl::Duration ArbitratedEventLog::NextDue() const {
  absl::Duration due = absl::InfiniteDuration();
  for (const auto& [stream, reader] : streams_) due = std::min(due, reader->next_due());
  return due;
}

void ArbitratedEventLog::WatchClock() {
  const absl::Time boot = clock_.Now() - clock_.SinceBoot();
  if (absl::AbsDuration(boot - boot_) < kClockLeap) return;
  LogError("this machine's clock leapt by 60 s or more: the log's times follow it",
           {{"leap_seconds", absl::ToInt64Seconds(boot - boot_)}});
  boot_ = boot;
}

// Puts what was read into the table, then tells of it.
bool ArbitratedEventLog::Flush() {
  std::vector<StreamReader*> grown;
  if (!Save(&grown)) return false;
  Publish();
  std::vector<std::function<void()>> completions = std::move(completions_);
  completions_.clear();
  for (std::function<void()>& completion : completions) completion();
  for (StreamReader* stream : grown) {
    if (!stream->stream().chained()) Trim(*stream);
    if (listener_) listener_(stream->stream());
  }
  return !completions.empty() || !grown.empty();
}

bool ArbitratedEventLog::Save(std::vector<StreamReader*>* grown) {
  RecordBatch batch;
  for (auto& [stream, reader] : streams_) {
    if (reader->has_unsaved()) reader->CollectUnsaved(&batch);
  }
  if (!batch.empty()) {
    const absl::Status written = table_->Write(batch);
    if (!written.ok()) OnSaveFailed(written);
    if (IsRetryable(written)) return false;
  }
  save_failed_ = false;
  for (auto& [stream, reader] : streams_) {
    if (reader->has_unsaved() && reader->Saved()) grown->push_back(reader.get());
  }
  return true;
}

void ArbitratedEventLog::OnSaveFailed(const absl::Status& why) {
  if (!save_failed_) {
    LogError("the local table of records cannot be written", {{"why", why.ToString()}});
  }
  save_failed_ = IsRetryable(why);
  save_again_at_ = clock_.SinceBoot() + kSaveAgainAfter;
  if (save_failed_) return;
  for (auto& [stream, reader] : streams_) {
    reader->Break(StreamTrouble::kLocalCopy, Annotate(why, "local table of records"));
  }
}

void ArbitratedEventLog::Publish() {
  MutexLock lock(&mutex_);
  for (auto& [stream, reader] : streams_) {
    Published& published = published_[stream];
    published.head = reader->head();
    if (published.health != reader->health()) published.health = reader->health();
    published.trouble = reader->trouble();
    published.read = reader->fetched();
    published.to_read = reader->to_fetch();
    if (stream.chained()) {
      published.counts = static_cast<const ChainedStream&>(*reader).counts();
    }
  }
}

void ArbitratedEventLog::Trim(const StreamReader& stream) {
  const StreamPosition end = stream.head().position;
  StreamPosition& trimmed_at = trimmed_at_[stream.stream()];
  if (end < trimmed_at + kTrimEvery) return;
  trimmed_at = end;
  const StreamPosition kept = stream.stream().kind() == StreamKind::kHeartbeats
                                  ? options_.heartbeats_kept
                                  : options_.exchanges_kept;
  const absl::Status done = table_->Trim(stream.stream(), kept, options_.unchained_bytes_kept);
  if (!done.ok()) LogWarning("old unchained records stay", {{"why", done.ToString()}});
}

}  // namespace purser
