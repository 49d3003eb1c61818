#include "tests/simulation/eventlog/claims_node.h"

#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace purser::simulation {
namespace {

constexpr size_t kMaxGroup = 5;

}  // namespace

void Claims::Apply(const Request& request) {
  if (request.release) {
    holder.erase(request.key);
  } else {
    holder[request.key] = request.id;
  }
}

bool Claims::Apply(const event::v1::Envelope& envelope) {
  if (envelope.kind() == event::v1::BARRIER) return true;
  Request request{.id = envelope.request_id(),
                  .key = std::stoi(envelope.payload()),
                  .release = envelope.kind() == event::v1::RESOURCE_DELETED};
  const bool allowed = Allows(request);
  Apply(request);
  return allowed;
}

ClaimsNode::ClaimsNode(const StreamId& stream, MemoryCluster* cluster, std::string table,
                       const Clock& clock, IdSource& ids, Planted planted,
                       std::function<void(const RequestPtr&)> answered)
    : stream_(stream),
      cluster_(cluster),
      table_(std::move(table)),
      clock_(clock),
      ids_(ids),
      planted_(planted),
      answered_(std::move(answered)) {}

void ClaimsNode::Start(uint64_t seed) {
  auto opened = OpenMemoryEventLog(cluster_, table_, clock_, ids_, seed);
  ASSERT_TRUE(opened.ok()) << opened.status();
  node_ = *std::move(opened);
  head_ = EmptyHead(stream_);
  claims_ = Claims();
  raw_folded_ = 0;
}

void ClaimsNode::Stop() {
  node_.log.reset();
  waiting_.clear();
  open_ = opening_ = appending_ = false;
  catching_up_ = 0;
}

bool ClaimsNode::RunOnce() {
  if (!open_ && !opening_) {
    opening_ = true;
    log().Open(stream_, [this](absl::StatusOr<Head> head) {
      opening_ = false;
      open_ = head.ok();
    });
  }
  const bool ran = log().RunOnce(absl::ZeroDuration());
  if (!open_) return ran;
  planted_ == Planted::kNoPrevCheck ? FoldRaw() : Fold();
  if (!appending_ && !waiting_.empty()) Decide();
  return ran;
}

void ClaimsNode::Fold() {
  while (true) {
    auto records = log().Read(stream_, head_.position, 100, 1 << 20);
    ASSERT_TRUE(records.ok()) << records.status();
    if (records->empty()) return;
    for (const StoredRecord& record : *records) {
      claims_.Apply(*DecodeRecord(record.bytes));
      head_ = *HeadAt(record.position, record.bytes);
    }
  }
}

// The planted bug: whatever stands on the stream counts.
void ClaimsNode::FoldRaw() {
  const std::vector<std::string> records = cluster_->Records(stream_);
  for (; raw_folded_ < records.size(); ++raw_folded_) {
    claims_.Apply(*DecodeRecord(records[raw_folded_]));
  }
  head_ = *log().KnownHead(stream_);
}

void ClaimsNode::Decide() {
  std::vector<RequestPtr> group;
  std::vector<Record> records;
  std::deque<RequestPtr> later;
  Claims with_group = claims_;
  Head head = head_;
  while (!waiting_.empty() && group.size() < kMaxGroup) {
    RequestPtr request = std::move(waiting_.front());
    waiting_.pop_front();
    if (!claims_.Allows(*request)) {
      // A refusal is a read.
      if (request->caught_up || planted_ == Planted::kStaleRefusal) {
        Tell(request, Answer::kRefused);
      } else {
        CatchUpFor(request);
      }
    } else if (!with_group.Allows(*request)) {
      later.push_back(std::move(request));  // rests on its own group, which is not settled
    } else {
      event::v1::Envelope envelope;
      envelope.set_event_id(ids_.NewId(clock_.Now()));
      envelope.set_request_id(request->id);
      envelope.set_kind(request->release ? event::v1::RESOURCE_DELETED
                                         : event::v1::RESOURCE_CREATED);
      envelope.set_payload(absl::StrCat(request->key));
      records.push_back(ChainRecord(stream_, std::move(envelope), clock_.Now(), &head));
      with_group.Apply(*request);
      group.push_back(std::move(request));
    }
  }
  for (RequestPtr& request : later) waiting_.push_back(std::move(request));
  if (!group.empty()) AppendGroup(std::move(group), std::move(records));
}

void ClaimsNode::CatchUpFor(const RequestPtr& request) {
  ++catching_up_;
  log().CatchUp(stream_, absl::Seconds(2), [this, request](absl::StatusOr<Head> head) {
    --catching_up_;
    if (!head.ok()) return Tell(request, Answer::kUnavailable);
    request->caught_up = true;
    waiting_.push_front(request);
  });
}

void ClaimsNode::AppendGroup(std::vector<RequestPtr> group, std::vector<Record> records) {
  appending_ = true;
  if (planted_ == Planted::kAcknowledgedBeforeReport) {
    for (const RequestPtr& request : group) Tell(request, Answer::kDone);
  }
  log().Append(
      stream_, head_, std::move(records),
      [this, group = std::move(group)](const AppendResult& result) { OnAppended(group, result); });
}

void ClaimsNode::OnAppended(const std::vector<RequestPtr>& group, const AppendResult& result) {
  appending_ = false;
  for (size_t i = 0; i < group.size(); ++i) {
    if (i < result.valid) {
      Tell(group[i], Answer::kDone);
    } else if (absl::IsAborted(result.status)) {
      if (group[i]->answer == Answer::kNone) waiting_.push_back(group[i]);  // decided again
    } else {
      Tell(group[i], Answer::kUnavailable);
    }
  }
}

void ClaimsNode::Tell(const RequestPtr& request, Answer answer) {
  if (request->answer != Answer::kNone) return;
  request->answer = answer;
  answered_(request);
}

}  // namespace purser::simulation
