#include "broker/eventlog/arbitrated/chained_stream.h"

#include <algorithm>
#include <utility>

#include "absl/random/distributions.h"
#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

using event::v1::Envelope;

// A writer's clock this far behind the log's time is told loudly.
constexpr absl::Duration kClockTolerance = absl::Seconds(60);
// A commit that took longer says nothing about how long to wait for others.
constexpr absl::Duration kLongestCommit = absl::Seconds(1);
// A look that is not done after this keeps the other streams waiting no more.
constexpr absl::Duration kLongestLook = absl::Seconds(30);
// That records are too large is said at most once in this time.
constexpr absl::Duration kTellTooLargeEvery = absl::Seconds(10);

// Magic, format, prev and self of a record.
constexpr size_t kRecordHeadBytes = 69;

absl::Status TooLarge(const StreamId& stream) {
  return absl::InvalidArgumentError(
      absl::StrCat("a record of stream ", stream.ToString(),
                   " is larger than its topic takes: raise the topic's max.message.bytes"));
}

bool IsMoved(const StoredRecord& record) {
  auto envelope = DecodeRecord(record.bytes);
  return envelope.ok() && envelope->kind() == event::v1::MOVED;
}

}  // namespace

ChainedStream::ChainedStream(const StreamId& stream, StreamContext context,
                             const std::optional<StoredRecord>& last, StreamPlace place)
    : StreamReader(stream, std::move(context)), look_at_(Now() + context_.times.look_every) {
  head_ = EmptyHead(stream);
  // Without a valid record there is nothing to find the place by: it is read from its beginning.
  if (!last.has_value() || place.head_offset < 0) return;
  auto head = HeadAt(last->position, last->bytes);
  if (!head.ok()) {
    Break(StreamTrouble::kDamaged, head.status());
    return;
  }
  head_ = *head;
  place_ = place;
  anchor_ = HeadAnchor();
  selves_.AddRead(head_.self);
  if (IsMoved(*last)) SetMoved();
}

// --- Appending.

void ChainedStream::RefuseAppend(absl::Status why, AppendDone done) {
  Complete([done = std::move(done), why = std::move(why)] { done({.status = why}); });
}

absl::Status ChainedStream::CheckAppend(const Head& expected_head,
                                        const std::vector<Record>& records) const {
  if (!health_.ok()) return health_;
  if (waiting_.has_value() || (group_.has_value() && group_->done != nullptr)) {
    return absl::FailedPreconditionError("an append is under way on the stream");
  }
  if (!is_open()) {
    return absl::UnavailableError("the stream is not read to its end: the log is out of reach");
  }
  if (expected_head.position >= head_.position && expected_head != head_) {
    return absl::DataLossError("the expected head is on no chain that this node has read");
  }
  Sha256Hash prev = expected_head.self;
  for (const Record& record : records) {
    if (record.prev() != prev) {
      return absl::InvalidArgumentError("the records do not chain on the expected head");
    }
    prev = record.self();
  }
  return absl::OkStatus();
}

void ChainedStream::Append(const Head& expected_head, std::vector<Record> records,
                           AppendDone done) {
  const absl::Status refused = CheckAppend(expected_head, records);
  if (!refused.ok() || records.empty()) return RefuseAppend(refused, std::move(done));
  waiting_ = Waiting{expected_head, std::move(records), std::move(done), Now()};
  TrySend();
}

void ChainedStream::TrySend() {
  if (!waiting_.has_value()) return;
  const absl::Duration now = Now();
  absl::Status refused;
  if (!health_.ok()) {
    refused = health_;
  } else if (waiting_->expected_head != head_) {
    refused = absl::AbortedError("another writer came first");
  } else if (group_.has_value() && (now >= group_->sent_at + context_.times.answer_within ||
                                    now >= waiting_->since + context_.times.answer_within)) {
    refused = absl::UnavailableError("an earlier append is in doubt: the log is out of reach");
  } else if (group_.has_value() || now < std::max(paused_until_, yields_until_)) {
    return;
  }
  Waiting waiting = *std::move(waiting_);
  waiting_.reset();
  if (!refused.ok()) return RefuseAppend(std::move(refused), std::move(waiting.done));
  Send(std::move(waiting));
}

void ChainedStream::Send(Waiting waiting) {
  WatchClock();
  std::vector<std::string> bytes;
  bytes.reserve(waiting.records.size());
  for (const Record& record : waiting.records) bytes.push_back(record.bytes);
  const uint64_t token = next_token_++;
  const absl::Status sent = context_.transport->Produce(
      stream_, std::move(bytes),
      [this, token](size_t index, const ProduceReport& report) { OnReport(token, index, report); });
  if (!sent.ok()) return RefuseAppend(sent, std::move(waiting.done));
  for (const Record& record : waiting.records) selves_.AddMine(record.self());
  yields_until_ = -absl::InfiniteDuration();
  group_ = Group{.records = std::move(waiting.records),
                 .done = std::move(waiting.done),
                 .token = token,
                 .sent_at = Now()};
}

// --- Reports.

void ChainedStream::OnReport(uint64_t token, size_t index, const ProduceReport& report) {
  if (broken()) return;
  if (group_.has_value() && group_->token == token) return OnGroupReport(index, report);
  if (barrier_.has_value() && barrier_->token == token) OnBarrierReport(report);
}

void ChainedStream::OnGroupReport(size_t index, const ProduceReport& report) {
  if (index < group_->valid) return;  // read already
  const Record& record = group_->records[index];
  if (absl::IsInvalidArgument(report.status)) NoteTooLarge();
  if (!report.status.ok() || report.offset < 0) {
    group_->in_doubt = true;
    MaybeBarrier();
  } else if (index == group_->valid && MayFollow(report.offset, record)) {
    OnRecord(report.offset, record.bytes);
    FinishCatchUps();
  }
}

void ChainedStream::NoteTooLarge() {
  if (std::exchange(group_->too_large, true)) return;
  ++counts_.too_large;
  if (Now() < told_too_large_ + kTellTooLargeEvery) return;
  told_too_large_ = Now();
  size_t bytes = 0;
  for (const Record& record : group_->records) bytes += record.bytes.size();
  LogError("the log does not take records for their size: raise the topic's max.message.bytes",
           {{"stream", stream_.ToString()}, {"bytes", bytes}});
}

void ChainedStream::OnBarrierReport(const ProduceReport& report) {
  if (!report.status.ok() || report.offset < 0) {
    barrier_->failed = true;
    barrier_due_ = Now() + context_.times.retry_after;
  } else if (MayFollow(report.offset, barrier_->record)) {
    const std::string bytes = barrier_->record.bytes;
    OnRecord(report.offset, bytes);
    FinishCatchUps();
  }
}

// True where a record that was written at `offset` follows the last one read without a gap. One
// that should have been read already, and was not, was written to another log than ours.
bool ChainedStream::MayFollow(int64_t offset, const Record& record) {
  if (offset < place_.next_offset && !selves_.WasRead(record.self())) {
    RequestCheck(AfterCheck::kReadAgain);
  }
  return offset == place_.next_offset;
}

// --- Reading.

void ChainedStream::OnRecord(int64_t offset, std::string bytes) {
  if (offset > place_.next_offset) {
    ++counts_.gaps;
    RequestCheck(AfterCheck::kNothing);
  }
  Envelope envelope;
  absl::StatusOr<Standing> standing = JudgeRecord(stream_, bytes, &head_, &envelope);
  if (!standing.ok()) {
    const bool newer = absl::IsFailedPrecondition(standing.status());
    return Break(newer ? StreamTrouble::kNewer : StreamTrouble::kDamaged,
                 absl::Status(standing.status().code(),
                              absl::StrCat("the record after position ", head_.position, ": ",
                                           standing.status().message())));
  }
  MoveTo(offset + 1);
  switch (*standing) {
    case Standing::kForeign:
      return OnForeign(offset);
    case Standing::kInert:
      return OnInert(Record{std::move(bytes)});
    case Standing::kValid:
      return OnValid(offset, std::move(bytes), envelope);
  }
}

void ChainedStream::OnForeign(int64_t offset) {
  if (++counts_.foreign > 1) return;
  LogWarning("a record that is not Purser's is on a stream; such are skipped and counted",
             {{"stream", stream_.ToString()}, {"offset", offset}});
}

void ChainedStream::OnInert(const Record& record) {
  ++counts_.inert;
  if (!selves_.WasRead(record.prev())) RequestCheck(AfterCheck::kNothing);
  selves_.AddRead(record.self());
  // The winner yields.
  if (!selves_.IsMine(record.self())) yields_until_ = Now() + 3 * last_commit_;
}

void ChainedStream::OnValid(int64_t offset, std::string bytes, const Envelope& envelope) {
  place_.head_offset = offset;
  const Sha256Hash self = head_.self;
  selves_.AddRead(self);
  Keep(std::move(bytes));
  if (!selves_.IsMine(self)) yields_until_ = -absl::InfiniteDuration();
  if (envelope.kind() == event::v1::MOVED) SetMoved();
  Advance(self);
}

// The head has moved onto `self`: what that means for what we have sent.
void ChainedStream::Advance(const Sha256Hash& self) {
  const bool was_barrier = barrier_.has_value() && barrier_->record.self() == self;
  barrier_.reset();
  if (group_.has_value()) {
    if (!was_barrier && group_->records[group_->valid].self() == self) {
      if (++group_->valid == group_->records.size()) return Settle(absl::OkStatus());
      if (group_->in_doubt) MaybeBarrier();
    } else if (was_barrier && group_->too_large) {
      Settle(TooLarge(stream_));
    } else {
      Settle(absl::AbortedError(was_barrier ? "what was in doubt was not written"
                                            : "another writer came first"));
    }
  }
  TrySend();
}

// What was sent is valid, or never will be.
void ChainedStream::Settle(absl::Status status) {
  const absl::Duration now = Now();
  if (status.ok() && !group_->in_doubt) {
    last_commit_ = std::min(now - group_->sent_at, kLongestCommit);
  } else if (!status.ok()) {
    ++counts_.losses;
    paused_until_ = now + last_commit_ * absl::Uniform(context_.random, 0.0, 1.0);
  }
  AnswerGroup(std::move(status));
  group_.reset();
  TrySend();
}

void ChainedStream::AnswerGroup(absl::Status status) {
  if (group_->done == nullptr) return;
  Complete([done = std::move(group_->done),
            result = AppendResult{std::move(status), group_->valid}] { done(result); });
  group_->done = nullptr;
}

// --- Doubt.

// Puts a barrier on the head, unless one is on its way there: once a later record holds the head,
// what was chained on the old one can never be valid.
void ChainedStream::MaybeBarrier() {
  if (broken() || !group_.has_value() || !group_->in_doubt || Now() < barrier_due_) return;
  if (barrier_.has_value() && !barrier_->failed) return;
  Envelope envelope;
  envelope.set_event_id(context_.ids->NewId(context_.clock->Now()));
  envelope.set_kind(event::v1::BARRIER);
  envelope.set_actor("purser");
  Head head = head_;
  Record record = ChainRecord(stream_, std::move(envelope), context_.clock->Now(), &head);
  const uint64_t token = next_token_++;
  const absl::Status sent = context_.transport->Produce(
      stream_, {record.bytes},
      [this, token](size_t index, const ProduceReport& report) { OnReport(token, index, report); });
  selves_.AddMine(record.self());
  barrier_ = Barrier{.record = std::move(record), .token = token, .sent_at = Now()};
  if (sent.ok()) {
    ++counts_.barriers;
  } else {
    barrier_->failed = true;
    barrier_due_ = Now() + context_.times.retry_after;
  }
}

// --- The head, read again.

void ChainedStream::CheckPlace() { RequestCheck(AfterCheck::kReadAgain); }

void ChainedStream::PlaceIsDoubtful() { RequestCheck(AfterCheck::kReadAgain); }

void ChainedStream::FitInto(const Watermarks& watermarks) {
  OnWatermarks(watermarks);
  if (broken()) return;
  // The head was found a moment ago, so what is after it is read again.
  if (watermarks.high < place_.next_offset) MoveTo(place_.head_offset + 1);
}

void ChainedStream::RequestCheck(AfterCheck after) {
  if (after == AfterCheck::kReadAgain) after_check_ = after;
  check_wanted_ = true;
  if (!is_open() || Now() >= last_check_ + context_.times.check_every) StartCheck();
}

void ChainedStream::StartCheck() {
  if (checking_ || broken()) return;
  check_wanted_ = false;
  last_check_ = Now();
  if (place_.head_offset < 0) {
    // Nothing valid was read, so nothing can have been taken from us.
    if (std::exchange(after_check_, AfterCheck::kNothing) == AfterCheck::kReadAgain) {
      if (place_.next_offset > 0) MoveTo(0);
      PlaceIsGood();
    }
    return;
  }
  ++counts_.checks;
  checking_ = true;
  context_.transport->ReadAt(
      stream_, place_.head_offset,
      [this, head = HeadAnchor()](absl::StatusOr<CarriedRecord> found) { OnChecked(head, found); });
}

void ChainedStream::OnChecked(const Anchor& head, const absl::StatusOr<CarriedRecord>& found) {
  checking_ = false;
  if (broken()) return;
  if (absl::IsUnavailable(found.status()) || absl::IsDeadlineExceeded(found.status())) {
    check_wanted_ = true;
    return;
  }
  if (!StillThere(head, found)) return;
  if (std::exchange(after_check_, AfterCheck::kNothing) != AfterCheck::kReadAgain) return;
  if (reading()) MoveTo(place_.head_offset + 1);
  PlaceIsGood();
}

// True where the record that was read there still is; else the stream is broken.
bool ChainedStream::StillThere(const Anchor& anchor, const absl::StatusOr<CarriedRecord>& found) {
  if (found.ok() && found->bytes.size() > kRecordHeadBytes &&
      Record{found->bytes}.self() == anchor.self) {
    return true;
  }
  const std::string record = absl::StrCat("the record at position ", anchor.position);
  if (found.ok()) {
    Break(StreamTrouble::kReplaced,
          absl::DataLossError(
              absl::StrCat("another record stands in the place of ", record,
                           ": the topic was recreated, or restored and written to since")));
  } else if (absl::IsNotFound(found.status())) {
    Break(StreamTrouble::kDeleted, absl::DataLossError("its topic was deleted"));
  } else {
    Break(StreamTrouble::kShortened,
          absl::DataLossError(absl::StrCat(
              record, " is not there any more (", found.status().message(),
              "): the topic was recreated, truncated, or restored to an earlier point")));
  }
  return false;
}

// --- Now and then: is it still the topic that was read, and will it keep what it holds?

void ChainedStream::OnWatermarks(const Watermarks& watermarks) {
  if (watermarks.low == 0) return;
  Break(StreamTrouble::kBeginningDeleted,
        absl::DataLossError(absl::StrCat("its topic's first ", watermarks.low,
                                         " records were deleted: nobody can build it anew")));
}

void ChainedStream::OnSettings(absl::Status prepared) {
  if (trouble_ != StreamTrouble::kNone) return;
  trouble_ = StreamTrouble::kSettings;
  health_ = Annotate(prepared, absl::StrCat("stream ", stream_.ToString()));
  LogError("a stream takes no writes: its topic is not as it must be",
           {{"stream", stream_.ToString()},
            {"reason", TroubleName(trouble_)},
            {"why", health_.message()},
            {"remedy", RemedyOf(trouble_)}});
}

void ChainedStream::SetMoved() {
  trouble_ = StreamTrouble::kMoved;
  health_ = absl::FailedPreconditionError(
      "the stream was moved to another log; nothing is written here any more");
}

void ChainedStream::Look() {
  look_at_ = Now() + context_.times.look_every;
  *context_.look_not_before = Now() + kLongestLook;
  context_.transport->Prepare(stream_, /*create=*/false,
                              [this](const absl::Status& prepared) { OnLooked(prepared); });
}

void ChainedStream::OnLooked(const absl::Status& prepared) {
  if (broken()) return EndLook();
  if (absl::IsNotFound(prepared)) {
    Break(StreamTrouble::kDeleted, absl::DataLossError("its topic was deleted"));
  } else if (absl::IsFailedPrecondition(prepared)) {
    OnSettings(prepared);
  } else if (prepared.ok() && trouble_ == StreamTrouble::kSettings) {
    trouble_ = StreamTrouble::kNone;
    health_ = absl::OkStatus();
    LogInfo("a stream takes writes again", {{"stream", stream_.ToString()}});
  }
  const Anchor anchor = std::exchange(anchor_, HeadAnchor());
  if (broken() || anchor.offset < 0) return EndLook();
  context_.transport->ReadAt(stream_, anchor.offset,
                             [this, anchor](const absl::StatusOr<CarriedRecord>& found) {
                               EndLook();
                               const bool told = found.ok() || absl::IsOutOfRange(found.status());
                               if (!broken() && told) StillThere(anchor, found);
                             });
}

void ChainedStream::EndLook() { *context_.look_not_before = -absl::InfiniteDuration(); }

// --- Time.

void ChainedStream::WatchClock() {
  const bool behind = context_.clock->Now() + kClockTolerance < head_.time;
  if (behind && !behind_clock_) {
    LogError("this machine's clock is more than 60 s behind the log's time: set it",
             {{"stream", stream_.ToString()}, {"log_time", absl::FormatTime(head_.time)}});
  }
  behind_clock_ = behind;
}

void ChainedStream::Tick(absl::Duration now) {
  StreamReader::Tick(now);
  if (broken()) return;
  if (check_wanted_ && now >= last_check_ + context_.times.check_every) StartCheck();
  if (group_.has_value() && !group_->in_doubt &&
      now >= group_->sent_at + context_.times.report_within) {
    group_->in_doubt = true;
  }
  if (barrier_.has_value() && !barrier_->failed &&
      now >= barrier_->sent_at + context_.times.report_within) {
    barrier_->failed = true;
  }
  MaybeBarrier();
  if (is_open() && now >= std::max(look_at_, *context_.look_not_before)) Look();
  if (group_.has_value() && now >= group_->sent_at + context_.times.answer_within) {
    AnswerGroup(absl::UnavailableError("the log is out of reach; what was sent is in doubt"));
  }
  TrySend();
}

absl::Duration ChainedStream::next_due() const {
  absl::Duration due = StreamReader::next_due();
  if (broken()) return due;
  if (is_open()) due = std::min(due, std::max(look_at_, *context_.look_not_before));
  if (check_wanted_ && !checking_) due = std::min(due, last_check_ + context_.times.check_every);
  if (group_.has_value()) {
    if (!group_->in_doubt) due = std::min(due, group_->sent_at + context_.times.report_within);
    if (group_->done != nullptr) {
      due = std::min(due, group_->sent_at + context_.times.answer_within);
    }
    if (group_->in_doubt && (!barrier_.has_value() || barrier_->failed)) {
      due = std::min(due, barrier_due_);
    } else if (barrier_.has_value()) {
      due = std::min(due, barrier_->sent_at + context_.times.report_within);
    }
  }
  if (waiting_.has_value()) {
    due = std::min(due, group_.has_value() ? waiting_->since + context_.times.answer_within
                                           : std::max(paused_until_, yields_until_));
  }
  return due;
}

void ChainedStream::Break(StreamTrouble trouble, absl::Status why) {
  if (broken()) return;
  StreamReader::Break(trouble, std::move(why));
  if (group_.has_value()) AnswerGroup(health_);
  if (waiting_.has_value()) RefuseAppend(health_, std::move(waiting_->done));
  group_.reset();
  waiting_.reset();
  barrier_.reset();
}

}  // namespace purser
