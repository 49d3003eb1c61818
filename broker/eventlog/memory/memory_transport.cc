#include "broker/eventlog/memory/memory_transport.h"

#include <algorithm>
#include <utility>

namespace purser {
namespace {

// As a broker's limit on one message.
constexpr size_t kMaxRecordBytes = 1'000'000;
constexpr size_t kMaxFetched = 500;

}  // namespace

MemoryTransport::MemoryTransport(MemoryCluster* cluster, const Clock& clock, uint64_t seed)
    : cluster_(cluster), clock_(clock), random_(seed) {
  // Posted to the inbox alone: appends come from any thread, fetches are the driver's.
  watch_ = cluster_->Watch([this](const StreamId& stream) { PostDelivery(stream); });
}

void MemoryTransport::SetFaults(const MemoryFaults& faults) {
  MutexLock lock(&mutex_);
  faults_ = faults;
}

void MemoryTransport::SetReachable(bool reachable) {
  {
    MutexLock lock(&mutex_);
    reachable_ = reachable;
  }
  inbox_->Post(Now(), [this] {
    for (const auto& [stream, fetching] : fetching_) Deliver(stream, fetching.number);
  });
}

bool MemoryTransport::Chance(double share) {
  MutexLock lock(&mutex_);
  return std::uniform_real_distribution<double>(0, 1)(random_) < share;
}

absl::Duration MemoryTransport::UpTo(absl::Duration longest) {
  MutexLock lock(&mutex_);
  return longest * std::uniform_real_distribution<double>(0, 1)(random_);
}

void MemoryTransport::Prepare(const StreamId& stream, bool create, PrepareDone done) {
  inbox_->Post(Now(), [this, stream, create, done = std::move(done)] {
    {
      MutexLock lock(&mutex_);
      if (!reachable_) return done(absl::UnavailableError("cut off"));
      if (!faults_.settings.ok()) return done(faults_.settings);
    }
    if (create) cluster_->Create(stream);
    done(cluster_->Exists(stream) ? absl::OkStatus() : absl::NotFoundError("no topic"));
  });
}

void MemoryTransport::Fetch(const StreamId& stream, int64_t from, FetchSink sink) {
  bool hangs = false;
  {
    MutexLock lock(&mutex_);
    hangs = faults_.fetch_hangs;
  }
  fetching_[stream] = {from, std::move(sink), next_fetch_++, hangs};
  PostDelivery(stream);
}

void MemoryTransport::EndFetch(const StreamId& stream) { fetching_.erase(stream); }

void MemoryTransport::PostDelivery(const StreamId& stream) {
  absl::Duration longest;
  {
    MutexLock lock(&mutex_);
    longest = faults_.longest_fetch;
  }
  inbox_->Post(Now() + UpTo(longest), [this, stream] {
    auto fetching = fetching_.find(stream);
    if (fetching != fetching_.end()) Deliver(stream, fetching->second.number);
  });
}

void MemoryTransport::Deliver(const StreamId& stream, uint64_t number) {
  {
    MutexLock lock(&mutex_);
    if (!reachable_) return;
  }
  while (true) {
    auto found = fetching_.find(stream);
    if (found == fetching_.end() || found->second.number != number || found->second.hangs) return;
    Fetching& fetching = found->second;
    auto records = cluster_->Read(stream, fetching.next, kMaxFetched);
    if (absl::IsNotFound(records.status())) return;  // a deleted topic is silence
    if (records.ok() && records->empty()) return;
    const FetchSink sink = fetching.sink;
    if (records.ok()) {
      fetching.next += static_cast<int64_t>(records->size());
    } else {
      fetching_.erase(found);
    }
    sink(std::move(records));
  }
}

absl::Status MemoryTransport::Produce(const StreamId& stream, std::vector<std::string> records,
                                      ReportSink sink) {
  for (const std::string& record : records) {
    if (record.size() > kMaxRecordBytes) return absl::InvalidArgumentError("a record is too large");
  }
  MemoryFaults faults;
  bool reachable;
  {
    MutexLock lock(&mutex_);
    faults = faults_;
    reachable = reachable_;
  }
  size_t bytes = 0;
  for (const std::string& record : records) bytes += record.size();
  if (faults.max_batch_bytes > 0 && bytes > faults.max_batch_bytes) {
    const ProduceReport refused{.status = absl::InvalidArgumentError("message too large")};
    Report(sink, 0, records.size(), refused, Now());
    return absl::OkStatus();
  }
  const ProduceReport failed{.status = absl::UnavailableError("timed out")};
  if (!reachable || Chance(faults.error_dropped)) {
    const absl::Duration at =
        Now() + (reachable ? UpTo(faults.longest_report) : faults.message_timeout);
    Report(sink, 0, records.size(), failed, at);
    return absl::OkStatus();
  }
  Piece piece{.stream = stream, .records = std::move(records)};
  piece.tell_error = Chance(faults.error_written);
  piece.tell_offset = !Chance(faults.no_offset);
  piece.tell = !Chance(faults.report_lost);
  absl::Duration at = std::max(last_delivery_, Now() + UpTo(faults.longest_delivery));
  if (Chance(faults.error_later)) {
    Report(sink, 0, piece.records.size(), failed, Now() + UpTo(faults.longest_report));
    piece.tell = false;
    SendPiece(std::move(piece), Now() + UpTo(faults.longest_late), sink);
    return absl::OkStatus();
  }
  if (piece.records.size() > 1 && Chance(faults.split)) {
    Piece second = piece;
    const auto middle = piece.records.begin() + static_cast<int64_t>(piece.records.size() / 2);
    second.first_index = piece.records.size() / 2;
    second.records.assign(middle, piece.records.end());
    piece.records.erase(middle, piece.records.end());
    SendPiece(std::move(piece), at, sink);
    at += UpTo(faults.longest_delivery);
    piece = std::move(second);
  }
  last_delivery_ = at;
  SendPiece(std::move(piece), at, sink);
  return absl::OkStatus();
}

void MemoryTransport::SendPiece(Piece piece, absl::Duration at, const ReportSink& sink) {
  MemoryFaults faults;
  {
    MutexLock lock(&mutex_);
    faults = faults_;
  }
  const absl::Duration report_delay = UpTo(faults.longest_report);
  // What it takes along outlives this node: the cluster, and the inbox by weak reference.
  cluster_->in_flight().Post(at, [cluster = cluster_, inbox = std::weak_ptr<TimedQueue>(inbox_),
                                  piece = std::move(piece), at, report_delay, sink] {
    auto first = cluster->Append(piece.stream, piece.records);
    auto alive = inbox.lock();
    if (alive == nullptr || !piece.tell) return;
    alive->Post(at + report_delay, [first, piece, sink] {
      for (size_t i = 0; i < piece.records.size(); ++i) {
        ProduceReport report{.status = first.status()};
        if (piece.tell_error) report.status = absl::UnavailableError("timed out");
        if (first.ok() && piece.tell_offset) report.offset = *first + static_cast<int64_t>(i);
        sink(piece.first_index + i, report);
      }
    });
  });
  inbox_->Wake();
}

void MemoryTransport::Report(const ReportSink& sink, size_t first, size_t count,
                             const ProduceReport& report, absl::Duration at) {
  inbox_->Post(at, [sink, first, count, report] {
    for (size_t i = 0; i < count; ++i) sink(first + i, report);
  });
}

void MemoryTransport::QueryWatermarks(const StreamId& stream, WatermarksDone done) {
  absl::Duration longest;
  {
    MutexLock lock(&mutex_);
    longest = faults_.longest_report;
  }
  const absl::Duration back = UpTo(longest);
  inbox_->Post(Now() + UpTo(longest), [this, stream, back, done = std::move(done)] {
    double lost;
    {
      MutexLock lock(&mutex_);
      if (!reachable_) return;
      lost = faults_.query_lost;
    }
    if (Chance(lost)) return;
    // As of now, though it be told later.
    inbox_->Post(Now() + back, [done, end = cluster_->GetWatermarks(stream)] { done(end); });
  });
}

void MemoryTransport::ReadAt(const StreamId& stream, int64_t offset, ReadAtDone done) {
  inbox_->Post(Now(), [this, stream, offset, done = std::move(done)] {
    {
      MutexLock lock(&mutex_);
      if (!reachable_) return done(absl::UnavailableError("cut off"));
    }
    auto read = cluster_->Read(stream, offset, 1);
    if (!read.ok()) return done(read.status());
    if (read->empty()) return done(absl::OutOfRangeError("the log ends before it"));
    done((*read)[0]);
  });
}

bool MemoryTransport::RunOnce(absl::Duration max_wait) {
  bool ran = cluster_->in_flight().RunDue(Now());
  ran |= inbox_->RunDue(Now());
  if (ran || max_wait <= absl::ZeroDuration()) return ran;
  inbox_->Wait(std::min(max_wait, std::max(absl::ZeroDuration(), next_due() - Now())));
  ran = cluster_->in_flight().RunDue(Now());
  return inbox_->RunDue(Now()) || ran;
}

absl::Duration MemoryTransport::next_due() const {
  return std::min(inbox_->next_due(), cluster_->in_flight().next_due());
}

}  // namespace purser
