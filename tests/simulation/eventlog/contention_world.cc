#include "tests/simulation/eventlog/contention_world.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace purser::simulation {
namespace {

constexpr int kNodes = 3;
constexpr int kKeys = 12;

}  // namespace

ContentionWorld::ContentionWorld(uint64_t seed, Planted planted)
    : random_(seed),
      folder_(std::filesystem::path(testing::TempDir()) /
              absl::StrCat("contention-", getpid(), "-", seed, "-", static_cast<int>(planted))),
      head_(EmptyHead(stream_)) {
  std::filesystem::create_directories(folder_);
  at_.emplace_back();
  for (int i = 0; i < kNodes; ++i) {
    NodeState node;
    node.app =
        std::make_unique<ClaimsNode>(stream_, &cluster_, folder_ / absl::StrCat(i, ".db"), clock_,
                                     ids_, planted, [this](const RequestPtr& request) {
                                       FollowLog();
                                       request->answered_at = valid_.size();
                                     });
    node.app->Start(random_());
    node.app->transport().SetFaults(DrawFaults());
    nodes_.push_back(std::move(node));
  }
}

ContentionWorld::~ContentionWorld() {
  nodes_.clear();
  std::filesystem::remove_all(folder_);
}

bool ContentionWorld::Chance(double share) {
  return std::uniform_real_distribution<double>(0, 1)(random_) < share;
}

MemoryFaults ContentionWorld::DrawFaults() {
  MemoryFaults faults{.longest_delivery = absl::Milliseconds(Draw(5)),
                      .longest_report = absl::Milliseconds(Draw(10)),
                      .longest_fetch = absl::Milliseconds(Draw(10)),
                      .longest_late = absl::Milliseconds(1 + Draw(5000)),
                      .message_timeout = absl::Milliseconds(300)};
  for (double* share : {&faults.report_lost, &faults.error_written, &faults.error_later,
                        &faults.error_dropped, &faults.no_offset, &faults.query_lost}) {
    *share = Chance(0.4) ? 0.08 : 0;
  }
  faults.split = Chance(0.5) ? 0.3 : 0;
  return faults;
}

void ContentionWorld::Run(int steps) {
  for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) Step();
  for (NodeState& node : nodes_) Recover(&node, /*at_once=*/true);
  for (int i = 0; i < 20'000 && DrainOnce(); ++i) {
  }
  clock_.Advance(absl::Seconds(10));  // what is late arrives
  for (int i = 0; i < 500; ++i) DrainOnce();
  FollowLog();
}

void ContentionWorld::Step() {
  clock_.Advance(absl::Microseconds(Draw(1500)));
  if (Chance(0.3)) SubmitSome();
  NodeState& node = nodes_[Draw(nodes_.size())];
  Recover(&node, /*at_once=*/false);
  if (Chance(0.004)) Trouble(&node);
  if (node.app->running() && clock_.SinceBoot() >= node.paused_until) node.app->RunOnce();
  FollowLog();
}

void ContentionWorld::SubmitSome() {
  NodeState& node = nodes_[Draw(nodes_.size())];
  if (!node.app->running()) return;
  auto request = std::make_shared<Request>();
  request->id = absl::StrCat("r", requests_.size());
  request->key = static_cast<int>(Draw(kKeys));
  request->release = Chance(0.45);
  request->asked_at = valid_.size();
  requests_.push_back(request);
  node.app->Submit(std::move(request));
}

void ContentionWorld::Trouble(NodeState* node) {
  const absl::Duration now = clock_.SinceBoot();
  switch (Draw(4)) {
    case 0:
      node->paused_until = now + absl::Milliseconds(Draw(400));
      break;
    case 1:
      if (node->app->running()) node->app->Stop();
      node->back_at = now + absl::Milliseconds(Draw(200));
      break;
    case 2:
      if (!node->app->running()) break;
      node->app->transport().SetReachable(false);
      node->cut_off = true;
      node->back_at = now + absl::Milliseconds(Draw(2000));
      break;
    default:
      if (node->app->running()) node->app->transport().SetFaults(DrawFaults());
  }
}

void ContentionWorld::Recover(NodeState* node, bool at_once) {
  if (!at_once && clock_.SinceBoot() < node->back_at) return;
  if (!node->app->running()) {
    node->app->Start(random_());
    node->cut_off = false;
    if (!at_once) node->app->transport().SetFaults(DrawFaults());
  }
  if (node->cut_off) {
    node->app->transport().SetReachable(true);
    node->cut_off = false;
  }
  if (at_once) {
    node->app->transport().SetFaults({});
    node->paused_until = absl::ZeroDuration();
  }
}

// False once nobody has anything left to do.
bool ContentionWorld::DrainOnce() {
  clock_.Advance(absl::Milliseconds(5));
  bool busy = false;
  for (NodeState& node : nodes_) {
    busy |= node.app->RunOnce();
    busy |= !node.app->idle();
  }
  FollowLog();
  return busy;
}

// Judges what has come to the log since, from its bytes alone.
void ContentionWorld::FollowLog() {
  const auto watermarks = cluster_.GetWatermarks(stream_);
  if (!watermarks.ok() || watermarks->high == static_cast<int64_t>(judged_)) return;
  auto records = cluster_.Read(stream_, static_cast<int64_t>(judged_), 1'000'000);
  for (const CarriedRecord& record : *records) {
    ++judged_;
    event::v1::Envelope envelope;
    auto standing = JudgeRecord(stream_, record.bytes, &head_, &envelope);
    if (!standing.ok()) broken_rules_.push_back(standing.status().ToString());
    if (!standing.ok() || *standing != Standing::kValid) continue;
    valid_.push_back(record.bytes);
    if (envelope.kind() != event::v1::BARRIER) ++valid_requests_[envelope.request_id()];
    if (!claims_.Apply(envelope)) {
      broken_rules_.push_back(absl::StrCat("request ", envelope.request_id(), " took key ",
                                           envelope.payload(), " against the rule"));
    }
    at_.push_back(claims_.holder);
  }
}

// A refusal is justified if, at some moment between the request and its answer, it was right.
bool ContentionWorld::WasJustified(const Request& request) const {
  for (uint64_t at = request.asked_at; at <= request.answered_at && at < at_.size(); ++at) {
    if (!Claims{at_[at]}.Allows(request)) return true;
  }
  return false;
}

void ContentionWorld::CheckAnswers(std::vector<std::string>* wrong) {
  for (const RequestPtr& request : requests_) {
    const auto found = valid_requests_.find(request->id);
    const int times = found == valid_requests_.end() ? 0 : found->second;
    if (times > 1) wrong->push_back(absl::StrCat(request->id, " stands ", times, " times"));
    if (request->answer == Answer::kDone && times != 1) {
      wrong->push_back(absl::StrCat(request->id, " was acknowledged and stands ", times, " times"));
    }
    if (request->answer != Answer::kRefused) continue;
    if (times != 0) wrong->push_back(absl::StrCat(request->id, " was refused and stands"));
    if (!WasJustified(*request)) {
      wrong->push_back(absl::StrCat(request->id, " was refused, and never rightly so"));
    }
  }
}

void ContentionWorld::CheckNodes(std::vector<std::string>* wrong) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    ClaimsNode& app = *nodes_[i].app;
    const absl::Status health = app.log().Health(stream_);
    if (!health.ok()) wrong->push_back(absl::StrCat("node ", i, ": ", health.ToString()));
    if (!app.idle()) wrong->push_back(absl::StrCat("node ", i, " has requests it never answered"));
    if (app.claims().holder != claims_.holder) {
      wrong->push_back(absl::StrCat("node ", i, " folds to another state than the log"));
    }
    auto records = app.log().Read(stream_, 0, 1'000'000, size_t{1} << 40);
    std::vector<std::string> bytes;
    if (records.ok()) {
      for (StoredRecord& record : *records) bytes.push_back(std::move(record.bytes));
    }
    if (bytes != valid_) {
      wrong->push_back(absl::StrCat("node ", i, " serves ", bytes.size(), " records, the log has ",
                                    valid_.size()));
    }
  }
}

std::vector<std::string> ContentionWorld::Check() {
  std::vector<std::string> wrong = broken_rules_;
  CheckAnswers(&wrong);
  CheckNodes(&wrong);
  if (valid_.size() < requests_.size() / 20) wrong.push_back("hardly anything was written");
  return wrong;
}

}  // namespace purser::simulation
