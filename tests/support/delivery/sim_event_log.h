// A log in memory with one writer, whose appends can be made to fail, to be slow, to be in doubt.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "broker/base/clock.h"
#include "broker/eventlog/event_log.h"

namespace purser {

// Outlives the programs that a test starts and kills. One thread.
class SimEventLog : public EventLog {
 public:
  enum class Fate {
    kStands,         // valid, and said so
    kLost,           // nothing stands, and it is not known: Unavailable
    kStandsUnknown,  // valid, but nobody is told: Unavailable
    kFull,           // ResourceExhausted
  };

  // `clock` outlives it.
  explicit SimEventLog(const Clock* clock) : clock_(clock) {}

  // Asked of each append; all stand where it is not set.
  std::function<Fate(const StreamId&)> fate;
  // What the unchained streams were given.
  std::map<StreamId, std::vector<std::string>> unchained;
  // How long an append to an app's stream takes.
  absl::Duration latency = absl::ZeroDuration();

  // The process dies: what is under way is dropped, or stands without anybody knowing.
  void Crash(bool appends_stand);

  void Open(const StreamId& stream, HeadDone done) override;
  void Append(const StreamId& stream, const Head& expected_head, std::vector<Record> records,
              AppendDone done) override;
  void AppendUnchained(const StreamId& stream, std::string bytes) override {
    unchained[stream].push_back(std::move(bytes));
  }
  uint64_t unchained_dropped() const override { return 0; }
  void CatchUp(const StreamId& stream, absl::Duration deadline, HeadDone done) override;
  absl::StatusOr<Head> KnownHead(const StreamId& stream) const override;
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t max_records,
                                                 size_t max_bytes) const override;
  absl::Status Health(const StreamId&) const override { return absl::OkStatus(); }
  void SetListener(std::function<void(const StreamId&)> listener) override {
    listener_ = std::move(listener);
  }
  bool RunOnce(absl::Duration max_wait) override;
  void Wake() override {}

  // When the next append under way ends.
  absl::Duration NextDue() const;
  // Every record of a stream, decoded.
  std::vector<event::v1::Envelope> Envelopes(const StreamId& stream) const;

 private:
  struct Stream {
    Head head;
    std::vector<std::string> records;
  };
  struct Pending {
    StreamId stream;
    Head expected;
    std::vector<Record> records;
    AppendDone done;
    absl::Duration due;
  };

  Stream& Of(const StreamId& stream);
  bool Store(const Pending& pending);

  const Clock* const clock_;
  std::map<StreamId, Stream> streams_;
  std::deque<Pending> pending_;
  std::function<void(const StreamId&)> listener_;
};

}  // namespace purser
