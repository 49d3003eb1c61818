#include "broker/feed/directory_feeds.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/events/sealing.h"
#include "broker/scim/error.h"
#include "nlohmann/json.hpp"

namespace purser::feed {
namespace {

constexpr absl::Duration kWriteDeadline = absl::Seconds(10);
constexpr absl::Duration kWriteAgain = absl::Seconds(1);
constexpr size_t kMaxWaiting = 256;
// A receiver that wants little of what happens moves its place over the rest; that alone is
// recorded so seldom that a start does not read more than this again.
constexpr StreamPosition kUnrecorded = 10'000;

constexpr char kPending[] = "purser_feed_pending";
constexpr char kPendingHelp[] = "Records of the directory that a feed's receiver does not have.";
constexpr char kRefused[] = "purser_feed_refused";
constexpr char kFailing[] = "purser_feed_failing";
constexpr char kFailingHelp[] = "1 while the receiver of a pushed feed does not take its events.";
constexpr char kRefusedHelp[] = "Events that a feed's receiver refused, and gets no more.";

}  // namespace

absl::StatusOr<StreamPosition> PlaceFrom(absl::string_view from, StreamPosition end) {
  StreamPosition position = 0;
  if (from == "beginning") return StreamPosition{0};
  if (from == "now") return end;
  if (!absl::SimpleAtoi(from, &position)) {
    return scim::BadRequest(scim::ErrorType::kInvalidValue,
                            "from is beginning, now, or a position of the directory's log");
  }
  return std::min(position == 0 ? 0 : position - 1, end);
}

DirectoryFeeds::DirectoryFeeds(Options options, std::unique_ptr<FeedProjection> projection)
    : options_(std::move(options)),
      projection_(std::move(projection)),
      writer_(std::make_unique<StreamWriter>(options_.log, StreamId::Feeds(options_.directory_id),
                                             projection_.get(), options_.clock, options_.post,
                                             options_.wake)),
      source_(options_.log, options_.directory_id, options_.readers, options_.folded),
      dice_(options_.jitter_seed) {}

DirectoryFeeds::~DirectoryFeeds() = default;

absl::StatusOr<std::unique_ptr<DirectoryFeeds>> DirectoryFeeds::Open(const std::string& path,
                                                                     Options options) {
  ASSIGN_OR_RETURN(auto projection,
                   FeedProjection::Open(path, StreamId::Feeds(options.directory_id)));
  return std::unique_ptr<DirectoryFeeds>(
      new DirectoryFeeds(std::move(options), std::move(projection)));
}

void DirectoryFeeds::Configure(const std::string& directory_name,
                               const std::vector<FeedSettings>& feeds,
                               std::shared_ptr<const SigningKey> key) {
  directory_name_ = directory_name;
  key_ = std::move(key);
  std::map<std::string, Feed> kept;
  for (const FeedSettings& settings : feeds) {
    const auto it = feeds_.find(settings.name);
    Feed& feed = kept[settings.name];
    if (it != feeds_.end()) feed = std::move(it->second);
    const bool same = feed.settings.push_url == settings.push_url;
    if (!same) feed.push = Pushing{.under_way = feed.push.under_way};
    feed.settings = settings;
    if (feed.reader != nullptr) feed.reader->set_settings(settings);
    const MetricLabels labels = {{"directory", directory_name}, {"feed", settings.name}};
    feed.pending = options_.metrics->GetGauge(kPending, kPendingHelp, labels);
    feed.refusals = options_.metrics->GetGauge(kRefused, kRefusedHelp, labels);
    if (!settings.push_url.empty()) {
      feed.failing = options_.metrics->GetGauge(kFailing, kFailingHelp, labels);
    }
  }
  for (const auto& [name, feed] : feeds_) {
    if (kept.count(name) > 0) continue;
    const MetricLabels labels = {{"directory", directory_name}, {"feed", name}};
    options_.metrics->Remove(kPending, labels);
    options_.metrics->Remove(kRefused, labels);
    options_.metrics->Remove(kFailing, labels);
  }
  feeds_ = std::move(kept);
  for (const auto& [name, feed] : feeds_) {
    if (feed.reader == nullptr) Begin(name);
  }
}

event::v1::Envelope DirectoryFeeds::NewEnvelope(absl::Time at, event::v1::Kind kind) const {
  event::v1::Envelope envelope;
  envelope.set_event_id(options_.ids->NewId(at));
  envelope.set_kind(kind);
  envelope.set_resource_type(event::v1::DIRECTORY);
  envelope.set_resource_id(options_.directory_id);
  envelope.set_actor("purser");
  return envelope;
}

void DirectoryFeeds::Record(event::v1::FeedPlaced placed, Decide decide,
                            std::function<void(absl::Status)> done) {
  WriteRequest write;
  write.deadline = options_.clock->SinceBoot() + kWriteDeadline;
  write.decide = [this, placed = std::move(placed), decide = std::move(decide)](absl::Time at) {
    std::vector<event::v1::Envelope> records;
    event::v1::FeedPlaced record = placed;
    const auto& places = projection_->draft().places;
    const auto it = places.find(record.feed());
    if (!decide(it == places.end() ? nullptr : &it->second, &record)) return records;
    event::v1::Envelope& envelope = records.emplace_back(NewEnvelope(at, event::v1::FEED_PLACED));
    SealedPayload sealed = Seal(options_.directory_id, record.SerializeAsString());
    envelope.set_key_id(std::move(sealed.key_id));
    envelope.set_payload(std::move(sealed.bytes));
    return records;
  };
  write.done = [done = std::move(done)](const absl::StatusOr<WriteReceipt>& receipt) {
    done(receipt.status());
  };
  writer_->Submit(std::move(write));
}

// Also where it has begun long ago: once that is settled, the fold holds its place.
void DirectoryFeeds::Begin(const std::string& name) {
  event::v1::FeedPlaced placed;
  placed.set_feed(name);
  placed.set_moved(true);
  const std::string from = feeds_[name].settings.from;
  Record(
      std::move(placed),
      [this, from](const FeedPlace* place, event::v1::FeedPlaced* record) {
        record->set_position(PlaceFrom(from, source_.End()).value_or(0));
        return place == nullptr;
      },
      [this, name](const absl::Status& status) {
        const auto it = feeds_.find(name);
        if (it == feeds_.end() || it->second.reader != nullptr) return;
        if (!status.ok()) return Begin(name);
        const auto state = projection_->state();
        const auto place = state->places.find(name);
        if (place == state->places.end()) return;
        Feed& feed = it->second;
        feed.reader = std::make_unique<FeedReader>(feed.settings, &source_, place->second.position);
        feed.moved_at = place->second.moved_at;
        feed.recorded = place->second.position;
      });
}

void DirectoryFeeds::Move(const std::string& name, StreamPosition place,
                          std::function<void(absl::Status)> done) {
  event::v1::FeedPlaced placed;
  placed.set_feed(name);
  placed.set_moved(true);
  placed.set_position(place);
  Record(
      std::move(placed), [](const FeedPlace*, event::v1::FeedPlaced*) { return true; },
      [this, done = std::move(done)](const absl::Status& status) {
        FollowPlaces();
        done(status);
      });
}

void DirectoryFeeds::WritePlace(const std::string& name, Feed* feed) {
  const StreamPosition place = feed->reader->place();
  const bool far = place >= feed->recorded + kUnrecorded;
  const bool news = (feed->acknowledged && place > feed->recorded) || !feed->refused.empty();
  if (feed->writing || (!far && !news) || options_.clock->SinceBoot() < feed->write_again) return;
  event::v1::FeedPlaced placed;
  placed.set_feed(name);
  placed.set_position(place);
  for (const RefusedEvent& refused : feed->refused) {
    event::v1::RefusedEvent* record = placed.add_refused();
    record->set_jti(refused.jti);
    record->set_error(refused.error);
    record->set_description(refused.description);
  }
  feed->writing = true;
  feed->acknowledged = false;
  std::vector<RefusedEvent> refused = std::exchange(feed->refused, {});
  Record(
      std::move(placed),
      [ground = feed->moved_at](const FeedPlace* before, event::v1::FeedPlaced* record) {
        if (before == nullptr || before->moved_at != ground) return false;
        record->set_position(std::max<StreamPosition>(record->position(), before->position));
        return record->position() > before->position || record->refused_size() > 0;
      },
      [this, name, refused = std::move(refused)](const absl::Status& status) mutable {
        const auto it = feeds_.find(name);
        if (it == feeds_.end()) return;
        it->second.writing = false;
        if (status.ok()) return FollowPlaces();
        it->second.acknowledged = true;
        it->second.write_again = options_.clock->SinceBoot() + kWriteAgain;
        it->second.refused.insert(it->second.refused.end(), refused.begin(), refused.end());
      });
}

// What this node or another has recorded.
void DirectoryFeeds::FollowPlaces() {
  const auto state = projection_->state();
  for (auto& [name, feed] : feeds_) {
    const auto place = state->places.find(name);
    if (feed.reader == nullptr || place == state->places.end()) continue;
    feed.recorded = place->second.position;
    if (place->second.moved_at != feed.moved_at) {
      MoveReader(&feed, place->second);
    } else {
      feed.reader->Advance(place->second.position);
    }
  }
}

void DirectoryFeeds::MoveReader(Feed* feed, const FeedPlace& place) {
  feed->reader->MoveTo(place.position);
  feed->moved_at = place.moved_at;
  feed->push = Pushing{.under_way = feed->push.under_way};
  moved_ = true;
}

void DirectoryFeeds::Poll(const std::string& name, const std::string& from, PollMessage message,
                          Done done) {
  const auto it = feeds_.find(name);
  if (it == feeds_.end()) return done(absl::NotFoundError("the directory has no such feed"));
  if (key_ == nullptr) {
    return done(absl::UnavailableError("the directory's events have no key to be signed with"));
  }
  if (it->second.reader == nullptr) return done(absl::UnavailableError("the feed is not ready"));
  Waiting waiting{name, std::move(message), options_.clock->SinceBoot() + options_.wait,
                  std::move(done)};
  const bool pushed = !it->second.settings.push_url.empty();
  if (pushed && from.empty()) {
    return waiting.done(
        scim::ScimError(409, scim::ErrorType::kNone, "this feed is pushed to its receiver"));
  }
  if (from.empty()) return Serve(std::move(waiting));
  if (pushed) waiting.message.max_events = 0;
  const absl::StatusOr<StreamPosition> place = PlaceFrom(from, source_.End());
  if (!place.ok()) return waiting.done(place.status());
  Move(name, *place, [this, waiting = std::move(waiting)](const absl::Status& status) mutable {
    status.ok() ? Serve(std::move(waiting)) : waiting.done(status);
  });
}

absl::Status DirectoryFeeds::TakeAnswers(Feed* feed, PollMessage* message) {
  for (const std::string& jti : std::exchange(message->acknowledged, {})) {
    ASSIGN_OR_RETURN(const bool known, feed->reader->Acknowledge(jti));
    feed->acknowledged |= known;
  }
  for (RefusedEvent& refused : std::exchange(message->refused, {})) {
    ASSIGN_OR_RETURN(const bool known, feed->reader->Acknowledge(refused.jti));
    if (known) NoteRefused(feed, std::move(refused));
  }
  return absl::OkStatus();
}

void DirectoryFeeds::NoteRefused(Feed* feed, RefusedEvent refused) {
  LogWarning("a receiver refused an event", {{"directory", directory_name_},
                                             {"feed", feed->settings.name},
                                             {"jti", refused.jti},
                                             {"error", refused.error}});
  feed->acknowledged = true;
  feed->refused.push_back(std::move(refused));
}

void DirectoryFeeds::Serve(Waiting waiting) {
  const auto it = feeds_.find(waiting.feed);
  if (it == feeds_.end() || it->second.reader == nullptr) {
    return waiting.done(absl::NotFoundError("the directory has no such feed any more"));
  }
  Feed& feed = it->second;
  if (const absl::Status taken = TakeAnswers(&feed, &waiting.message); !taken.ok()) {
    return waiting.done(taken);
  }
  absl::StatusOr<FeedReader::Batch> batch = feed.reader->Next(waiting.message.max_events);
  WritePlace(waiting.feed, &feed);
  if (!batch.ok()) return waiting.done(batch.status());
  const bool wait = batch->events.empty() && !waiting.message.return_immediately &&
                    waiting.message.max_events > 0 && waiting_.size() < kMaxWaiting &&
                    options_.clock->SinceBoot() < waiting.until;
  if (!wait) return waiting.done(PollAnswer(std::move(batch->events), batch->more, key_));
  moved_ |= batch->more;
  waiting_.push_back(std::move(waiting));
}

void DirectoryFeeds::ServeWaiting() {
  for (Waiting& waiting : std::exchange(waiting_, {})) Serve(std::move(waiting));
}

void DirectoryFeeds::Stop() {
  ending_ = true;
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    waiting.done(PollAnswer({}, false, key_));
  }
}

bool DirectoryFeeds::RunOnce() {
  bool worked = writer_->RunOnce();
  if (worked) FollowPlaces();
  const absl::Duration now = options_.clock->SinceBoot();
  const bool late = std::any_of(waiting_.begin(), waiting_.end(),
                                [now](const Waiting& waiting) { return waiting.until <= now; });
  if (std::exchange(moved_, false) || late) {
    worked |= !waiting_.empty();
    ServeWaiting();
  }
  for (auto& [name, feed] : feeds_) {
    PushNext(name, &feed);
    if (feed.reader != nullptr) WritePlace(name, &feed);
  }
  Release();
  ShowMetrics();
  return worked || moved_;
}

absl::Duration DirectoryFeeds::NextDue() const {
  absl::Duration due = writer_->NextDue();
  for (const Waiting& waiting : waiting_) due = std::min(due, waiting.until);
  for (const auto& [name, feed] : feeds_) {
    const bool owes = feed.acknowledged && !feed.writing && feed.reader != nullptr;
    if (owes && feed.reader->place() > feed.recorded) due = std::min(due, feed.write_again);
    if (!feed.push.next.empty() && !feed.push.under_way && IsOwner()) {
      due = std::min(due, feed.push.not_before);
    }
  }
  return due;
}

void DirectoryFeeds::ShowMetrics() const {
  const auto state = projection_->state();
  for (const auto& [name, feed] : feeds_) {
    if (feed.reader == nullptr) continue;
    feed.pending->Set(static_cast<double>(source_.End() - feed.reader->place()));
    if (feed.failing != nullptr) feed.failing->Set(feed.push.failing.empty() ? 0 : 1);
    const auto place = state->places.find(name);
    if (place != state->places.end()) {
      feed.refusals->Set(static_cast<double>(place->second.refused));
    }
  }
}

http::Response DirectoryFeeds::List() const {
  using nlohmann::json;
  json list = json::array();
  const auto state = projection_->state();
  for (const auto& [name, feed] : feeds_) {
    json& shown = list.emplace_back(json{{"name", name}});
    shown["delivery"] = feed.settings.push_url.empty() ? "poll" : "push";
    const auto place = state->places.find(name);
    if (feed.reader == nullptr || place == state->places.end()) continue;
    shown["position"] = feed.reader->place();
    shown["end"] = source_.End();
    if (!feed.push.failing.empty()) shown["failing"] = feed.push.failing;
    shown["refused"] = place->second.refused;
    if (!place->second.last_refused.empty()) shown["lastRefused"] = place->second.last_refused;
  }
  http::Response response;
  response.content_type = "application/json";
  response.body = json{{"feeds", std::move(list)}}.dump();
  return response;
}

}  // namespace purser::feed
