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

}  // namespace

bool DirectoryFeeds::IsOwner() const { return projection_->state()->owner == options_.boot_id; }

// The node that was started last pushes; of two that share a log only one.
void DirectoryFeeds::TakeOver() {
  if (std::exchange(took_over_, true)) return;
  WriteRequest write;
  write.deadline = options_.clock->SinceBoot() + absl::Seconds(10);
  write.decide = [this](absl::Time at) {
    event::v1::TookOver took_over;
    took_over.set_node_id(options_.node_id);
    took_over.set_boot_id(options_.boot_id);
    event::v1::Envelope envelope = NewEnvelope(at, event::v1::TOOK_OVER);
    SealedPayload sealed = Seal(options_.directory_id, took_over.SerializeAsString());
    envelope.set_key_id(std::move(sealed.key_id));
    envelope.set_payload(std::move(sealed.bytes));
    return std::vector<event::v1::Envelope>{std::move(envelope)};
  };
  write.done = [this](const absl::StatusOr<WriteReceipt>& receipt) {
    if (!receipt.ok()) took_over_ = false;  // Tried again.
  };
  writer_->Submit(std::move(write));
}

void DirectoryFeeds::PushNext(const std::string& name, Feed* feed) {
  Pushing& push = feed->push;
  if (feed->settings.push_url.empty() || feed->reader == nullptr || key_ == nullptr) return;
  TakeOver();
  if (!IsOwner() || push.under_way || options_.clock->SinceBoot() < push.not_before) return;
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
