#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/eventlog/stream_writer.h"

namespace purser {
namespace {

constexpr absl::Duration kCatchUpDeadline = absl::Seconds(2);

}  // namespace

// Its records are valid; unless that is all it wants, it is answered once they are folded.
void StreamWriter::Settle(Pending pending, const Head& base) {
  const StreamPosition first = base.position + 1 + pending.first;
  const WriteReceipt receipt{first, first + pending.count - 1, pending.time};
  if (pending.request.done_when_valid) return pending.request.done(receipt);
  next_expiry_ = std::min(next_expiry_, pending.request.deadline);
  settled_.push_back({std::move(pending), receipt});
}

// A refusal is a read: it stands only if it rests on the log's end as of the request or later.
// `decided_at`: the valid end of what they were decided on.
void StreamWriter::SettleRefusals(std::vector<Pending> refused, StreamPosition decided_at) {
  auto unsure = std::make_shared<std::vector<Pending>>();
  for (Pending& pending : refused) {
    pending.decided_at = decided_at;
    if (pending.known_end && *pending.known_end <= decided_at) {
      AnswerRefusal(pending);
    } else {
      unsure->push_back(std::move(pending));
    }
  }
  if (unsure->empty()) return;
  log_->CatchUp(stream_, kCatchUpDeadline,
                [this, post = post_, alive = std::weak_ptr<bool>(alive_),
                 unsure](const absl::StatusOr<Head>& head) {
                  post([this, alive, unsure, head] {
                    if (!alive.expired()) OnCaughtUp(unsure.get(), head);
                  });
                });
}

void StreamWriter::OnCaughtUp(std::vector<Pending>* refusals, const absl::StatusOr<Head>& head) {
  std::vector<Pending> again;
  for (Pending& pending : *refusals) {
    if (!head.ok()) {
      pending.request.done(absl::UnavailableError(
          absl::StrCat("the log's end could not be reached: ", head.status().message())));
    } else if (head->position <= pending.decided_at) {
      AnswerRefusal(pending);
    } else {
      pending.known_end = head->position;
      again.push_back(std::move(pending));
    }
  }
  if (again.empty()) return;
  new_records_.store(true, std::memory_order_release);
  EnqueueAgain(&again);
  wake_();
}

void StreamWriter::AnswerRefusal(const Pending& pending) {
  if (pending.refusal.ok()) {
    pending.request.done(WriteReceipt{0, 0, pending.time});
  } else {
    pending.request.done(pending.refusal);
  }
}

bool StreamWriter::AnswerSettled() {
  bool worked = false;
  while (!settled_.empty() && settled_.front().receipt.last <= folded()) {
    Settled settled = std::move(settled_.front());
    settled_.pop_front();
    settled.pending.request.done(settled.receipt);
    worked = true;
  }
  return worked;
}

bool StreamWriter::WakeWaiters() {
  if (waiters_.empty()) return false;
  const StreamPosition folded = this->folded();
  const absl::Duration now = clock_->SinceBoot();
  std::vector<Waiter> ready;
  const auto stay = std::partition(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) {
    return waiter.position > folded && now < waiter.deadline;
  });
  ready.assign(std::make_move_iterator(stay), std::make_move_iterator(waiters_.end()));
  waiters_.erase(stay, waiters_.end());
  for (Waiter& waiter : ready) {
    if (waiter.position > folded) {
      waiter.done(absl::DeadlineExceededError("the read model did not come so far in time"));
    } else if (waiter.exact && waiter.position < folded) {
      waiter.done(absl::OutOfRangeError("the read model is past that position"));
    } else {
      waiter.done(absl::OkStatus());
    }
  }
  return !ready.empty();
}

// Requests that waited too long to be decided at all, and valid ones that could not be folded.
bool StreamWriter::ExpireWaiting() {
  const absl::Duration now = clock_->SinceBoot();
  if (now < next_expiry_) return false;
  next_expiry_ = absl::InfiniteDuration();
  std::vector<Pending> late;
  std::deque<Pending> queue = std::exchange(queue_, {});
  for (Pending& pending : queue) {
    if (pending.request.deadline <= now) {
      late.push_back(std::move(pending));
    } else {
      Enqueue(std::move(pending), /*at_front=*/false);
    }
  }
  std::vector<Pending> unfolded;
  std::deque<Settled> settled = std::exchange(settled_, {});
  for (Settled& one : settled) {
    if (one.pending.request.deadline <= now) {
      unfolded.push_back(std::move(one.pending));
    } else {
      next_expiry_ = std::min(next_expiry_, one.pending.request.deadline);
      settled_.push_back(std::move(one));
    }
  }
  for (const Pending& pending : late) {
    pending.request.done(absl::UnavailableError("the log did not take the request in time"));
  }
  for (const Pending& pending : unfolded) {
    pending.request.done(absl::UnavailableError("written, but the read model cannot keep it yet"));
  }
  return !late.empty() || !unfolded.empty();
}

// What the log would not do, as whoever wrote is told: whatever is wrong with the log is no fault
// of the request, which may be tried again.
absl::Status StreamWriter::NotTaken(const absl::Status& why) {
  if (absl::IsResourceExhausted(why) || absl::IsUnavailable(why)) return why;
  return absl::UnavailableError(absl::StrCat("the log takes no write: ", why.message()));
}

// Nothing of them is in the log, and they are told so.
void StreamWriter::FailAll(const absl::Status& why) {
  for (const Pending& pending : std::exchange(queue_, {})) pending.request.done(NotTaken(why));
}

}  // namespace purser
