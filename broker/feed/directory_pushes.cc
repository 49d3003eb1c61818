#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/log.h"
#include "broker/events/sealing.h"
#include "broker/feed/directory_feeds.h"
#include "purser/event/v1/delivery.pb.h"

namespace purser::feed {
namespace {

constexpr size_t kEventsAtOnce = 64;
// An event that is refused is sent so often before it is skipped.
constexpr int kMaxRefusals = 3;
constexpr absl::Duration kOwnerAgain = absl::Seconds(1);

}  // namespace

bool DirectoryFeeds::IsOwner() const {
  const auto state = projection_->state();
  return state->owner_boot == options_.boot_id && !state->released;
}

bool DirectoryFeeds::MayTake(const FeedState& state) const {
  const Holder holder = {state.owner_node, state.owner_boot, state.released};
  const std::string thing = StreamId::Feeds(options_.directory_id).ToString();
  return options_.nodes == nullptr || options_.nodes->MayTake(thing, holder);
}

bool DirectoryFeeds::MayPush() {
  const std::string thing = StreamId::Feeds(options_.directory_id).ToString();
  return !ending_ && (options_.nodes == nullptr || options_.nodes->IsMine(thing));
}

bool DirectoryFeeds::UnderWay() const {
  return std::any_of(feeds_.begin(), feeds_.end(), [](const auto& feed) {
    const Feed& one = feed.second;
    const bool owes = one.acknowledged && one.reader->place() > one.recorded;
    return one.push.under_way || one.writing || owes || !one.refused.empty();
  });
}

bool DirectoryFeeds::stopped() const { return ending_ && !IsOwner() && !writing_owner_; }

// Decided on the stream's end: who has folded another's `took-over` writes none.
void DirectoryFeeds::TakeOver() {
  if (IsOwner() || !MayPush() || !MayTake(*projection_->state())) return;
  WriteOwner(event::v1::TOOK_OVER, [this](const FeedState& state) { return MayTake(state); });
}

void DirectoryFeeds::Release() {
  if (!IsOwner() || MayPush() || UnderWay()) return;
  WriteOwner(event::v1::RELEASED, [this](const FeedState& state) {
    return state.owner_boot == options_.boot_id && !state.released;
  });
}

void DirectoryFeeds::WriteOwner(event::v1::Kind kind,
                                std::function<bool(const FeedState&)> decide) {
  const absl::Duration now = options_.clock->SinceBoot();
  if (writing_owner_ || now < owner_again_) return;
  writing_owner_ = true;
  WriteRequest write;
  write.deadline = now + absl::Seconds(10);
  write.decide = [this, kind, decide = std::move(decide)](absl::Time at) {
    std::vector<event::v1::Envelope> records;
    if (!decide(projection_->draft())) return records;
    // Both say the same of who writes it.
    event::v1::TookOver owner;
    owner.set_node_id(options_.node_id);
    owner.set_boot_id(options_.boot_id);
    event::v1::Envelope& envelope = records.emplace_back(NewEnvelope(at, kind));
    SealedPayload sealed = Seal(options_.directory_id, owner.SerializeAsString());
    envelope.set_key_id(std::move(sealed.key_id));
    envelope.set_payload(std::move(sealed.bytes));
    return records;
  };
  write.done = [this](const absl::StatusOr<WriteReceipt>&) {
    writing_owner_ = false;
    owner_again_ = options_.clock->SinceBoot() + kOwnerAgain;
  };
  writer_->Submit(std::move(write));
}

void DirectoryFeeds::PushNext(const std::string& name, Feed* feed) {
  Pushing& push = feed->push;
  if (feed->settings.push_url.empty() || feed->reader == nullptr || key_ == nullptr) return;
  TakeOver();
  if (!IsOwner() || !MayPush() || writing_owner_ || push.under_way ||
      options_.clock->SinceBoot() < push.not_before)
    return;
  if (push.next.empty() && !FillPush(feed)) return;
  push.under_way = true;
  const std::string jti = push.next.front().jti;
  options_.push(
      {feed->settings.push_url, feed->settings.push_token, Signed(push.next.front(), *key_)},
      [this, name, jti](const PushAnswer& answer) { OnPushed(name, jti, answer); });
}

// False where there is nothing to send.
bool DirectoryFeeds::FillPush(Feed* feed) {
  Pushing& push = feed->push;
  if (push.read_to == source_.End()) return false;
  const StreamPosition end = source_.End();
  absl::StatusOr<FeedReader::Batch> batch = feed->reader->Next(kEventsAtOnce);
  if (!batch.ok()) {
    NoteFailure(feed, {"", absl::StrCat("unreadable: ", batch.status().message()), ""}, "");
    return false;
  }
  if (!batch->more) push.read_to = end;
  push.next.assign(std::make_move_iterator(batch->events.begin()),
                   std::make_move_iterator(batch->events.end()));
  moved_ |= batch->more && push.next.empty();
  return !push.next.empty();
}

void DirectoryFeeds::OnPushed(const std::string& name, const std::string& jti,
                              const PushAnswer& answer) {
  const auto it = feeds_.find(name);
  if (it == feeds_.end()) return;
  Feed& feed = it->second;
  feed.push.under_way = false;
  // It was moved elsewhere meanwhile.
  if (feed.push.next.empty() || feed.push.next.front().jti != jti) return;
  const PushVerdict verdict = JudgePush(answer);
  const RefusedEvent why = RefusalIn(jti, answer);
  const bool skipped = verdict == PushVerdict::kRefused && ++feed.push.refusals >= kMaxRefusals;
  if (verdict != PushVerdict::kAccepted && !skipped) {
    return NoteFailure(&feed, why, answer.retry_after);
  }
  if (skipped) NoteRefused(&feed, why);
  feed.reader->Advance(feed.push.next.front().position);
  feed.acknowledged = true;
  feed.push.next.pop_front();
  if (!feed.push.failing.empty()) {
    LogInfo("a receiver takes events again", {{"directory", directory_name_}, {"feed", name}});
  }
  feed.push.failing.clear();
  feed.push.refusals = feed.push.failures = 0;
}

void DirectoryFeeds::NoteFailure(Feed* feed, const RefusedEvent& why,
                                 const std::string& retry_after) {
  Pushing& push = feed->push;
  push.not_before =
      options_.clock->SinceBoot() +
      PushPause(++push.failures, std::uniform_real_distribution<>()(dice_), retry_after);
  if (push.failing.empty()) {
    LogWarning("a receiver does not take an event", {{"directory", directory_name_},
                                                     {"feed", feed->settings.name},
                                                     {"jti", why.jti},
                                                     {"error", why.error}});
  }
  push.failing = why.error.empty() ? "no answer" : why.error;
}

}  // namespace purser::feed
