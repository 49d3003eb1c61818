#include "broker/eventlog/arbitrated/stream_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {

std::string StreamPlace::ToMeta() const { return absl::StrCat(next_offset, " ", head_offset); }

StreamPlace StreamPlace::FromMeta(const std::string& value) {
  StreamPlace place;
  const std::vector<absl::string_view> parts = absl::StrSplit(value, ' ');
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &place.next_offset) ||
      !absl::SimpleAtoi(parts[1], &place.head_offset)) {
    return StreamPlace();
  }
  return place;
}

StreamReader::StreamReader(const StreamId& stream, StreamContext context)
    : stream_(stream), context_(std::move(context)), last_news_(Now()) {}

void StreamReader::Complete(std::function<void()> completion) {
  context_.completions->push_back(std::move(completion));
}

void StreamReader::Break(StreamTrouble trouble, absl::Status why) {
  if (broken_) return;
  broken_ = true;
  trouble_ = trouble;
  health_ = Annotate(why, absl::StrCat("stream ", stream_.ToString()));
  LogError("a stream stops: nothing is read or written on it any more",
           {{"stream", stream_.ToString()},
            {"reason", TroubleName(trouble)},
            {"why", health_.message()},
            {"remedy", RemedyOf(trouble)}});
  context_.transport->EndFetch(stream_);
  FinishOpening();
  for (std::vector<CatchingUp>* waiting : {&waiting_, &asked_, &reading_}) {
    for (CatchingUp& one : *waiting) {
      Complete([done = std::move(one.done), why = health_] { done(why); });
    }
    waiting->clear();
  }
}

// --- Opening: prepare, check the place, ask for the end, read to it.

void StreamReader::Open(HeadDone done) {
  openings_.push_back({Now() + context_.times.answer_within, std::move(done)});
  if (broken_ || phase_ == Phase::kOpen) return FinishOpening();
  if (phase_ == Phase::kClosed) StartOpening();
}

void StreamReader::StartOpening() {
  phase_ = Phase::kPreparing;
  retry_at_ = absl::InfiniteDuration();
  const bool create = context_.creates && may_create();
  context_.transport->Prepare(stream_, create, [this](absl::Status prepared) {
    if (broken_ || phase_ != Phase::kPreparing) return;
    if (absl::IsNotFound(prepared)) {
      return Break(StreamTrouble::kDeleted,
                   absl::DataLossError(may_create() ? "it has no topic"
                                                    : "its topic was deleted, though this node "
                                                      "holds records of it"));
    }
    if (absl::IsFailedPrecondition(prepared)) {
      OnSettings(std::move(prepared));
    } else if (!prepared.ok()) {
      not_prepared_ = std::move(prepared);
      return RetryOpening();
    }
    not_prepared_ = absl::OkStatus();
    phase_ = Phase::kChecking;
    CheckPlace();
  });
}

void StreamReader::RetryOpening() {
  if (phase_ == Phase::kReading || phase_ == Phase::kOpen) return;
  phase_ = Phase::kClosed;
  retry_at_ = Now() + context_.times.retry_after;
}

absl::Status StreamReader::WhyNotOpen() const {
  const std::string what = absl::StrCat("open stream ", stream_.ToString());
  if (absl::IsPermissionDenied(not_prepared_)) return Annotate(not_prepared_, what);
  return absl::UnavailableError(absl::StrCat(what, ": the log is out of reach"));
}

void StreamReader::PlaceIsGood() {
  if (phase_ == Phase::kReading || phase_ == Phase::kOpen) {
    return StartReading({.low = 0, .high = place_.next_offset});
  }
  if (phase_ != Phase::kChecking) return;
  AskForPlace();
}

void StreamReader::AskForPlace() {
  phase_ = Phase::kAsking;
  Ask();
}

void StreamReader::StartReading(const Watermarks& watermarks) {
  if (phase_ == Phase::kAsking) {
    FitInto(watermarks);
    if (broken_) return;
    phase_ = Phase::kReading;
    opened_at_ = place_.next_offset;
    open_target_ = watermarks.high;
  }
  const uint64_t fetch = ++fetch_;
  behind_since_ = absl::InfiniteDuration();
  context_.transport->Fetch(stream_, place_.next_offset,
                            [this, fetch](absl::StatusOr<std::vector<CarriedRecord>> records) {
                              if (fetch == fetch_) OnFetched(fetch, std::move(records));
                            });
  FinishCatchUps();
}

void StreamReader::FinishOpening() {
  for (Opening& opening : openings_) {
    absl::StatusOr<Head> head = head_;
    if (broken_) head = health_;
    Complete([done = std::move(opening.done), head = std::move(head)] { done(head); });
  }
  openings_.clear();
}

// --- Reading.

void StreamReader::OnFetched(uint64_t fetch, absl::StatusOr<std::vector<CarriedRecord>> records) {
  if (broken_) return;
  last_news_ = Now();
  if (!records.ok()) return PlaceIsDoubtful();
  for (CarriedRecord& record : *records) {
    if (record.offset < place_.next_offset) continue;  // known by its report already
    OnRecord(record.offset, std::move(record.bytes));
    if (broken_ || fetch != fetch_) return;
  }
  FinishCatchUps();
}

void StreamReader::Keep(std::string bytes) {
  unsaved_.push_back({head_.position, std::move(bytes)});
}

void StreamReader::MoveTo(int64_t next_offset) {
  place_.next_offset = next_offset;
  moved_on_ = true;
  behind_since_ = absl::InfiniteDuration();
  last_news_ = Now();
}

void StreamReader::CollectUnsaved(RecordBatch* batch) const {
  for (const StoredRecord& record : unsaved_) {
    batch->records.push_back({stream_, record.position, record.bytes});
  }
  batch->meta.push_back({absl::StrCat("place/", stream_.ToString()), place_.ToMeta()});
}

bool StreamReader::Saved() {
  const bool grew = !unsaved_.empty();
  unsaved_.clear();
  moved_on_ = false;
  return grew;
}

// --- The end as of the ask.

void StreamReader::CatchUp(absl::Duration deadline, HeadDone done) {
  if (broken_) return Complete([done = std::move(done), why = health_] { done(why); });
  waiting_.push_back({Now() + deadline, std::move(done)});
  if (phase_ == Phase::kReading || phase_ == Phase::kOpen) Ask();
}

// One ask at a time: who comes while one is under way waits for the next, as the answer may be
// older than he is.
void StreamReader::Ask() {
  if (ask_deadline_ != absl::InfiniteDuration()) return;
  asked_ = std::move(waiting_);
  waiting_.clear();
  asked_at_ = place_.next_offset;
  ask_deadline_ = Now() + context_.times.end_within;
  const uint64_t ask = ++ask_;
  context_.transport->QueryWatermarks(stream_, [this, ask](absl::StatusOr<Watermarks> answer) {
    if (broken_ || ask != ask_ || ask_deadline_ == absl::InfiniteDuration()) return;  // late
    ask_deadline_ = absl::InfiniteDuration();
    OnEnd(std::move(answer));
    if (!broken_ && !waiting_.empty()) Ask();
  });
}

void StreamReader::OnEnd(absl::StatusOr<Watermarks> watermarks) {
  last_news_ = Now();
  if (absl::IsNotFound(watermarks.status())) {
    return Break(StreamTrouble::kDeleted, absl::DataLossError("its topic was deleted"));
  }
  if (!watermarks.ok()) {
    AnswerAsked(watermarks.status());
    return RetryOpening();
  }
  OnWatermarks(*watermarks);
  if (broken_) return;
  // What was read since it was asked may well lie beyond the end of then.
  if (watermarks->high < asked_at_ && phase_ != Phase::kAsking) {
    AnswerAsked(absl::UnavailableError("the log ends before what was read of it"));
    return PlaceIsDoubtful();
  }
  for (CatchingUp& one : asked_) {
    one.target = watermarks->high;
    reading_.push_back(std::move(one));
  }
  asked_.clear();
  if (phase_ == Phase::kAsking || IsStuck(*watermarks)) StartReading(*watermarks);
  FinishCatchUps();
}

// Records that are there and do not come are to be fetched anew.
bool StreamReader::IsStuck(const Watermarks& watermarks) {
  if (!reading() || watermarks.high <= place_.next_offset) return false;
  behind_since_ = std::min(behind_since_, Now());
  if (Now() - behind_since_ < context_.times.quiet_after) return false;
  LogWarning("records of a stream do not come; fetching them anew",
             {{"stream", stream_.ToString()}});
  return true;
}

void StreamReader::AnswerAsked(const absl::Status& status) {
  for (CatchingUp& one : asked_) {
    Complete([done = std::move(one.done),
              why = absl::UnavailableError(absl::StrCat("the end of stream ", stream_.ToString(),
                                                        " is not known: ", status.message()))] {
      done(why);
    });
  }
  asked_.clear();
}

void StreamReader::FinishCatchUps() {
  if (phase_ == Phase::kReading && place_.next_offset >= open_target_) {
    phase_ = Phase::kOpen;
    FinishOpening();
    if (!waiting_.empty()) Ask();
  }
  auto reached = std::stable_partition(
      reading_.begin(), reading_.end(),
      [this](const CatchingUp& one) { return one.target > place_.next_offset; });
  for (auto one = reached; one != reading_.end(); ++one) {
    Complete([done = std::move(one->done), head = head_] { done(head); });
  }
  reading_.erase(reached, reading_.end());
}

void StreamReader::ExpireCatchUps(std::vector<CatchingUp>* waiting, absl::Duration now) {
  auto expired = std::stable_partition(waiting->begin(), waiting->end(),
                                       [now](const CatchingUp& one) { return one.deadline > now; });
  for (auto one = expired; one != waiting->end(); ++one) {
    Complete([done = std::move(one->done), name = stream_.ToString()] {
      done(absl::DeadlineExceededError(absl::StrCat("read stream ", name, " to its end")));
    });
  }
  waiting->erase(expired, waiting->end());
}

// --- Time.

void StreamReader::Tick(absl::Duration now) {
  if (broken_) return;
  if (now >= retry_at_) StartOpening();
  auto expired = std::stable_partition(openings_.begin(), openings_.end(),
                                       [now](const Opening& one) { return one.deadline > now; });
  for (auto one = expired; one != openings_.end(); ++one) {
    Complete([done = std::move(one->done), why = WhyNotOpen()] { done(why); });
  }
  openings_.erase(expired, openings_.end());
  if (now >= ask_deadline_) {
    ask_deadline_ = absl::InfiniteDuration();
    AnswerAsked(absl::UnavailableError("the log does not answer"));
    if (phase_ == Phase::kAsking) Ask();
    if (!waiting_.empty() && phase_ != Phase::kPreparing) Ask();
  }
  for (std::vector<CatchingUp>* waiting : {&waiting_, &asked_, &reading_}) {
    ExpireCatchUps(waiting, now);
  }
  if (reading() && now >= last_news_ + context_.times.quiet_after) {
    last_news_ = now;
    Ask();
  }
}

absl::Duration StreamReader::next_due() const {
  if (broken_) return absl::InfiniteDuration();
  absl::Duration due = std::min(retry_at_, ask_deadline_);
  for (const Opening& opening : openings_) due = std::min(due, opening.deadline);
  for (const std::vector<CatchingUp>* waiting : {&waiting_, &asked_, &reading_}) {
    for (const CatchingUp& one : *waiting) due = std::min(due, one.deadline);
  }
  if (reading()) due = std::min(due, last_news_ + context_.times.quiet_after);
  return due;
}

}  // namespace purser
