#include "tests/support/delivery/sim_event_log.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"

namespace purser {

SimEventLog::Stream& SimEventLog::Of(const StreamId& stream) {
  const auto [it, fresh] = streams_.try_emplace(stream);
  if (fresh) it->second.head = EmptyHead(stream);
  return it->second;
}

void SimEventLog::Open(const StreamId& stream, HeadDone done) { done(Of(stream).head); }

void SimEventLog::Append(const StreamId& stream, const Head& expected_head,
                         std::vector<Record> records, AppendDone done) {
  const bool app = stream.kind() == StreamKind::kApp;
  const absl::Duration due = clock_->SinceBoot() + (app ? latency : absl::ZeroDuration());
  pending_.push_back({stream, expected_head, std::move(records), std::move(done), due});
}

void SimEventLog::CatchUp(const StreamId& stream, absl::Duration, HeadDone done) {
  done(Of(stream).head);
}

absl::StatusOr<Head> SimEventLog::KnownHead(const StreamId& stream) const {
  const auto it = streams_.find(stream);
  if (it == streams_.end()) return absl::NotFoundError("not opened");
  return it->second.head;
}

absl::StatusOr<std::vector<StoredRecord>> SimEventLog::Read(const StreamId& stream,
                                                            StreamPosition after,
                                                            size_t max_records,
                                                            size_t max_bytes) const {
  std::vector<StoredRecord> found;
  const auto it = streams_.find(stream);
  if (it == streams_.end()) return found;
  size_t bytes = 0;
  for (size_t at = after; at < it->second.records.size() && found.size() < max_records; ++at) {
    if (!found.empty() && bytes + it->second.records[at].size() > max_bytes) break;
    bytes += it->second.records[at].size();
    found.push_back({at + 1, it->second.records[at]});
  }
  return found;
}

bool SimEventLog::Store(const Pending& pending) {
  Stream& stream = Of(pending.stream);
  if (!(stream.head == pending.expected)) return false;
  for (const Record& record : pending.records) {
    EXPECT_EQ(record.prev(), stream.head.self) << "a record that does not chain";
    stream.records.push_back(record.bytes);
    stream.head = *HeadAt(stream.head.position + 1, record.bytes);
  }
  return true;
}

bool SimEventLog::RunOnce(absl::Duration) {
  const auto due = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& pending) {
    return pending.due <= clock_->SinceBoot();
  });
  if (due == pending_.end()) return false;
  Pending pending = std::move(*due);
  pending_.erase(due);
  const Fate fate = this->fate ? this->fate(pending.stream) : Fate::kStands;
  AppendResult result;
  const bool stored = (fate == Fate::kStands || fate == Fate::kStandsUnknown) && Store(pending);
  if (fate == Fate::kFull) {
    result.status = absl::ResourceExhaustedError("the disk is full");
  } else if (fate != Fate::kStands) {
    result.status = absl::UnavailableError("in doubt");
  } else if (!stored) {
    result.status = absl::AbortedError("another writer came first");
  } else {
    result.valid = pending.records.size();
  }
  pending.done(result);
  if (stored && listener_) listener_(pending.stream);
  return true;
}

void SimEventLog::Crash(bool appends_stand) {
  listener_ = nullptr;
  for (const Pending& pending : std::exchange(pending_, {})) {
    if (appends_stand) Store(pending);
  }
}

absl::Duration SimEventLog::NextDue() const {
  absl::Duration due = absl::InfiniteDuration();
  for (const Pending& pending : pending_) due = std::min(due, pending.due);
  return due;
}

std::vector<event::v1::Envelope> SimEventLog::Envelopes(const StreamId& stream) const {
  std::vector<event::v1::Envelope> envelopes;
  const auto records = Read(stream, 0, SIZE_MAX, SIZE_MAX);
  for (const StoredRecord& record : *records) envelopes.push_back(*DecodeRecord(record.bytes));
  return envelopes;
}

}  // namespace purser
