// All feeds of one directory: who polls is answered, the others are sent what is theirs, and how
// far each has come is recorded.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/base/metrics.h"
#include "broker/cluster/membership.h"
#include "broker/crypto/signing_key.h"
#include "broker/eventlog/event_log.h"
#include "broker/eventlog/stream_writer.h"
#include "broker/feed/feed_reader.h"
#include "broker/feed/feed_settings.h"
#include "broker/feed/log_event_source.h"
#include "broker/feed/poll_message.h"
#include "broker/feed/push.h"
#include "broker/http/server.h"
#include "broker/projections/feed_projection.h"
#include "purser/event/v1/feed.pb.h"

namespace purser::feed {

// Driven by one thread. Events are pushed one at a time, in order, by one node: the one that took
// the directory's feeds over, by the rule that shares the apps. A place is recorded
// after the answer that it rests on, so a crash, or another node, repeats events and never leaves
// one out.
class DirectoryFeeds {
 public:
  struct Options {
    std::string directory_id;
    EventLog* log = nullptr;
    DirectoryReaders* readers = nullptr;
    std::function<StreamPosition()> folded;  // of the directory
    const Clock* clock = nullptr;
    IdSource* ids = nullptr;
    MetricsRegistry* metrics = nullptr;
    StreamWriter::Post post;
    std::function<void()> wake;
    std::string node_id;
    std::string boot_id;  // minted anew at each start
    // Which node pushes; its ids are those above. Null: nobody else does.
    Membership* nodes = nullptr;
    PushTransport push;
    uint64_t jitter_seed = 1;
    // How long a poll waits for an event.
    absl::Duration wait = absl::Seconds(20);
  };

  // `path` is the file of the places. The stream of feeds is open already.
  static absl::StatusOr<std::unique_ptr<DirectoryFeeds>> Open(const std::string& path,
                                                              Options options);
  ~DirectoryFeeds();

  // A feed that is not in `feeds` is there no more; its place is kept. Without a key nothing is
  // handed out.
  void Configure(const std::string& directory_name, const std::vector<FeedSettings>& feeds,
                 std::shared_ptr<const SigningKey> key);

  using Done = std::function<void(absl::StatusOr<http::Response>)>;
  // Answers a poll; once there is an event, or after a while, where it does not want to be answered
  // at once. `from`, unless empty, moves the feed first: "beginning", "now", or the position of the
  // first event wanted. NotFound: no such feed. Unavailable: not ready yet.
  void Poll(const std::string& feed, const std::string& from, PollMessage message, Done done);
  // How far each feed is.
  http::Response List() const;

  StreamWriter& writer() { return *writer_; }
  // The directory has new records.
  void DirectoryMoved() { moved_ = true; }
  bool RunOnce();
  // SinceBoot of what is due next by itself.
  absl::Duration NextDue() const;
  // The program ends: answers all polls that wait, pushes nothing more, and once what is under way
  // has been answered, and its place stands, leaves the pushing to others.
  void Stop();
  bool stopped() const;

 private:
  struct Pushing {
    std::deque<SecurityEvent> next;  // behind the feed's place, in order
    StreamPosition read_to = 0;      // nothing is there up to here but those
    bool under_way = false;
    int refusals = 0;                                  // of the first of them
    int failures = 0;                                  // in a row
    absl::Duration not_before = absl::ZeroDuration();  // SinceBoot
    std::string failing;                               // why the last one failed; empty: it did not
  };
  struct Feed {
    FeedSettings settings;
    std::unique_ptr<FeedReader> reader;  // nullptr until its place is known
    StreamPosition moved_at = 0;         // on what ground the reader stands
    StreamPosition recorded = 0;
    bool acknowledged = false;          // since the last record
    std::vector<RefusedEvent> refused;  // not yet recorded
    bool writing = false;
    absl::Duration write_again = absl::ZeroDuration();  // SinceBoot
    Pushing push;
    std::shared_ptr<Gauge> pending;
    std::shared_ptr<Gauge> refusals;
    std::shared_ptr<Gauge> failing;
  };
  struct Waiting {
    std::string feed;
    PollMessage message;
    absl::Duration until;
    Done done;
  };

  DirectoryFeeds(Options options, std::unique_ptr<FeedProjection> projection);

  // Appends `placed` unless `decide` finds it void.
  using Decide = std::function<bool(const FeedPlace* place, event::v1::FeedPlaced* placed)>;
  void Record(event::v1::FeedPlaced placed, Decide decide, std::function<void(absl::Status)> done);
  void Begin(const std::string& name);
  void Move(const std::string& name, StreamPosition place, std::function<void(absl::Status)> done);
  void WritePlace(const std::string& name, Feed* feed);
  void FollowPlaces();
  void Serve(Waiting waiting);
  void ServeWaiting();
  absl::Status TakeAnswers(Feed* feed, PollMessage* message);
  void NoteRefused(Feed* feed, RefusedEvent refused);
  event::v1::Envelope NewEnvelope(absl::Time at, event::v1::Kind kind) const;
  void MoveReader(Feed* feed, const FeedPlace& place);
  void ShowMetrics() const;

  // directory_pushes.cc
  bool IsOwner() const;
  bool MayTake(const FeedState& state) const;
  bool MayPush();
  bool UnderWay() const;
  void TakeOver();
  void Release();
  void WriteOwner(event::v1::Kind kind, std::function<bool(const FeedState&)> decide);
  void PushNext(const std::string& name, Feed* feed);
  bool FillPush(Feed* feed);
  void OnPushed(const std::string& name, const std::string& jti, const PushAnswer& answer);
  void NoteFailure(Feed* feed, const RefusedEvent& why, const std::string& retry_after);

  const Options options_;
  std::unique_ptr<FeedProjection> projection_;
  std::unique_ptr<StreamWriter> writer_;
  const LogEventSource source_;
  std::string directory_name_;
  std::shared_ptr<const SigningKey> key_;
  std::map<std::string, Feed> feeds_;
  std::vector<Waiting> waiting_;
  bool moved_ = false;
  bool ending_ = false;
  bool writing_owner_ = false;
  absl::Duration owner_again_ = absl::ZeroDuration();  // SinceBoot
  std::mt19937_64 dice_;
};

// Where a feed begins that is to begin at `from`, while the directory ends at `end`.
absl::StatusOr<StreamPosition> PlaceFrom(absl::string_view from, StreamPosition end);

}  // namespace purser::feed
