// Bugs of the log.
#include <deque>
#include <utility>

#include "tests/simulation/product/bugs.h"

namespace purser::simulation {

// Hands records on as if each were chained on the one before it.
class TrustingTransport : public RecordTransport {
 public:
  TrustingTransport(std::unique_ptr<RecordTransport> real, BugKit* bugs)
      : real_(std::move(real)), bugs_(bugs) {}

  void Prepare(const StreamId& stream, bool create, PrepareDone done) override {
    real_->Prepare(stream, create, std::move(done));
  }
  void Fetch(const StreamId& stream, int64_t from, FetchSink sink) override {
    real_->Fetch(stream, from, [this, stream, sink = std::move(sink)](auto records) {
      if (records.ok() && stream.chained()) {
        for (CarriedRecord& record : *records) record.bytes = bugs_->Trust(stream, record.offset);
      }
      sink(std::move(records));
    });
  }
  void EndFetch(const StreamId& stream) override { real_->EndFetch(stream); }
  absl::Status Produce(const StreamId& stream, std::vector<std::string> records,
                       ReportSink sink) override {
    return real_->Produce(stream, std::move(records), std::move(sink));
  }
  void QueryWatermarks(const StreamId& stream, WatermarksDone done) override {
    real_->QueryWatermarks(stream, std::move(done));
  }
  void ReadAt(const StreamId& stream, int64_t offset, ReadAtDone done) override {
    real_->ReadAt(stream, offset, [this, stream, done = std::move(done)](auto record) {
      if (record.ok() && stream.chained()) record->bytes = bugs_->Trust(stream, record->offset);
      done(std::move(record));
    });
  }
  bool RunOnce(absl::Duration max_wait) override { return real_->RunOnce(max_wait); }
  void Wake() override { real_->Wake(); }

 private:
  const std::unique_ptr<RecordTransport> real_;
  BugKit* const bugs_;
};

std::string BugKit::Trust(const StreamId& stream, int64_t offset) {
  const auto [it, fresh] = trusted_.try_emplace(stream);
  Trusted& trusted = it->second;
  if (fresh) trusted.head = EmptyHead(stream);
  const auto read = cluster_->Read(stream, static_cast<int64_t>(trusted.records.size()), SIZE_MAX);
  for (const CarriedRecord& record : *read) {
    auto standing = JudgeRecord(stream, record.bytes, &trusted.head);
    if (standing.ok() && *standing == Standing::kInert) {
      auto envelope = *DecodeRecord(record.bytes);
      const absl::Time time = ToTime(envelope.time());
      trusted.records.push_back(
          ChainRecord(stream, std::move(envelope), time, &trusted.head).bytes);
    } else {
      trusted.records.push_back(record.bytes);
    }
  }
  return trusted.records[static_cast<size_t>(offset)];
}

std::unique_ptr<RecordTransport> BugKit::In(std::unique_ptr<RecordTransport> transport) {
  if (bug_ != Bug::kNoPrevCheck) return transport;
  return std::make_unique<TrustingTransport>(std::move(transport), this);
}

namespace {

// Tells more, or sooner, than it knows; or less than there is.
class HastyLog : public EventLog {
 public:
  HastyLog(EventLog* real, Bug bug) : real_(real), bug_(bug) {}

  void Open(const StreamId& stream, HeadDone done) override {
    real_->Open(stream, std::move(done));
  }
  void Append(const StreamId& stream, const Head& head, std::vector<Record> records,
              AppendDone done) override {
    const bool hasty = bug_ == Bug::kAcknowledgedBeforeSync
                           ? stream.kind() == StreamKind::kDirectory
                           : bug_ == Bug::kCallBeforeStarted && stream.kind() == StreamKind::kApp;
    if (!hasty) return real_->Append(stream, head, std::move(records), std::move(done));
    told_.push_back([done = std::move(done), count = records.size()] { done({.valid = count}); });
    real_->Append(stream, head, std::move(records), [](const AppendResult&) {});
  }
  void AppendUnchained(const StreamId& stream, std::string bytes) override {
    real_->AppendUnchained(stream, std::move(bytes));
  }
  uint64_t unchained_dropped() const override { return real_->unchained_dropped(); }
  void CatchUp(const StreamId& stream, absl::Duration deadline, HeadDone done) override {
    if (bug_ == Bug::kStaleRefusal) return done(real_->KnownHead(stream));
    real_->CatchUp(stream, deadline, std::move(done));
  }
  absl::StatusOr<Head> KnownHead(const StreamId& stream) const override {
    return real_->KnownHead(stream);
  }
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t records, size_t bytes) const override {
    auto read = real_->Read(stream, after, records, bytes);
    // Who asks for one record puts the pieces of a run together.
    const bool beginning =
        bug_ == Bug::kRunWithoutFirst && records == 1 && stream.kind() != StreamKind::kControl;
    if (!beginning || !read.ok() || read->empty()) return read;
    event::v1::Envelope envelope = *DecodeRecord(read->front().bytes);
    if (envelope.kind() != event::v1::CHUNK || envelope.run().index() != 0) return read;
    envelope.clear_payload();
    Head head = EmptyHead(stream);
    read->front().bytes = ChainRecord(stream, envelope, ToTime(envelope.time()), &head).bytes;
    return read;
  }
  absl::Status Health(const StreamId& stream) const override { return real_->Health(stream); }
  void SetListener(std::function<void(const StreamId&)> listener) override {
    real_->SetListener(std::move(listener));
  }
  bool RunOnce(absl::Duration max_wait) override {
    const std::deque<std::function<void()>> told = std::exchange(told_, {});
    for (const auto& tell : told) tell();
    return real_->RunOnce(max_wait) || !told.empty();
  }
  void Wake() override { real_->Wake(); }

 private:
  EventLog* const real_;
  const Bug bug_;
  std::deque<std::function<void()>> told_;
};

}  // namespace

std::unique_ptr<EventLog> BugKit::Over(EventLog* log) const {
  const bool hasty = bug_ == Bug::kAcknowledgedBeforeSync || bug_ == Bug::kStaleRefusal ||
                     bug_ == Bug::kCallBeforeStarted || bug_ == Bug::kRunWithoutFirst;
  return hasty ? std::make_unique<HastyLog>(log, bug_) : nullptr;
}

}  // namespace purser::simulation
