// Two nodes that write one stream of names, on a log that a test can hold up, cut short and fail.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/eventlog/memory/memory_event_log.h"
#include "broker/eventlog/stream_writer.h"
#include "tests/support/temp_dir.h"

namespace purser {

inline const StreamId kStream = StreamId::Directory("d1");

// Names that are taken: "ada" takes one, "-ada" lets it go.
class NamesFold : public Fold {
 public:
  const Head& head() const override { return draft_.head; }
  absl::Status Begin() override { return begin_status; }
  absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) override {
    if (!poison.empty() && envelope.payload() == poison) return poison_status;
    absl::string_view name = envelope.payload();
    if (envelope.kind() == event::v1::CHUNK) {
      // Says nothing by itself.
    } else if (absl::ConsumePrefix(&name, "-")) {
      draft_.names.erase(std::string(name));
    } else {
      draft_.names.insert(std::string(name));
    }
    draft_.head = AdvancedHead(draft_.head, record, envelope);
    return absl::OkStatus();
  }
  absl::Status Commit() override {
    if (!commit_status.ok()) {
      Rollback();
      return commit_status;
    }
    committed_ = draft_;
    return absl::OkStatus();
  }
  void Rollback() override { draft_ = committed_; }

  bool Taken(const std::string& name) const { return draft_.names.count(name) > 0; }
  const std::set<std::string>& committed() const { return committed_.names; }

  absl::Status begin_status;
  absl::Status commit_status;
  absl::Status poison_status = absl::DataLossError("cannot be folded");
  std::string poison;

 private:
  struct State {
    Head head = EmptyHead(kStream);
    std::set<std::string> names;
  };
  State committed_;
  State draft_;
};

// A node's log, whose appends a test can hold up, cut short and fail.
class HookedLog : public EventLog {
 public:
  explicit HookedLog(EventLog* inner) : inner_(inner) {}

  void Open(const StreamId& stream, HeadDone done) override {
    inner_->Open(stream, std::move(done));
  }
  void Append(const StreamId& stream, const Head& expected_head, std::vector<Record> records,
              AppendDone done) override {
    ++appends;
    if (hold) {
      held = [this, stream, expected_head, records, done] {
        inner_->Append(stream, expected_head, records, done);
      };
      held_done = done;
    } else if (answer.has_value()) {
      const AppendResult result = *answer;
      if (result.valid == 0) return done(result);
      records.resize(result.valid);
      inner_->Append(stream, expected_head, std::move(records),
                     [done, result](const AppendResult&) { done(result); });
    } else {
      inner_->Append(stream, expected_head, std::move(records), std::move(done));
    }
  }
  void AppendUnchained(const StreamId&, std::string) override {}
  uint64_t unchained_dropped() const override { return 0; }
  void CatchUp(const StreamId& stream, absl::Duration deadline, HeadDone done) override {
    if (before_catch_up) before_catch_up();
    inner_->CatchUp(stream, deadline, std::move(done));
  }
  absl::StatusOr<Head> KnownHead(const StreamId& stream) const override {
    return inner_->KnownHead(stream);
  }
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& stream, StreamPosition after,
                                                 size_t max_records,
                                                 size_t max_bytes) const override {
    return inner_->Read(stream, after, max_records, max_bytes);
  }
  absl::Status Health(const StreamId& stream) const override {
    return health.ok() ? inner_->Health(stream) : health;
  }
  void SetListener(std::function<void(const StreamId&)> listener) override {
    inner_->SetListener(std::move(listener));
  }
  bool RunOnce(absl::Duration max_wait) override { return inner_->RunOnce(max_wait); }
  void Wake() override { inner_->Wake(); }

  int appends = 0;
  bool hold = false;
  std::function<void()> held;  // sends the append that was held
  AppendDone held_done;
  std::optional<AppendResult> answer;  // `valid` records are appended, and this is told
  std::function<void()> before_catch_up;
  absl::Status health;

 private:
  EventLog* const inner_;
};

struct Node {
  MemoryNode memory;
  std::unique_ptr<HookedLog> log;
  NamesFold fold;
  std::unique_ptr<StreamWriter> writer;
};

struct Outcome {
  std::optional<absl::StatusOr<WriteReceipt>> result;
  int decisions = 0;
  int answers = 0;

  bool answered() const { return result.has_value(); }
  bool ok() const { return answered() && result->ok(); }
  absl::StatusCode code() const {
    return answered() ? result->status().code() : absl::StatusCode::kUnknown;
  }
};
using OutcomePtr = std::shared_ptr<Outcome>;

class StreamWriterTest : public testing::Test {
 protected:
  StreamWriterTest() {
    Start(0);
    Start(1);
    Settle();
  }
  ~StreamWriterTest() override {
    for (Node& node : nodes_) node.writer.reset();
    for (Node& node : nodes_) node.memory.log.reset();
  }

  void Start(size_t n) {
    Node& node = nodes_[n];
    auto opened =
        OpenMemoryEventLog(&cluster_, dir_ / absl::StrCat("n", n, ".db"), clock_, ids_, n);
    ASSERT_TRUE(opened.ok()) << opened.status();
    node.memory = *std::move(opened);
    node.log = std::make_unique<HookedLog>(node.memory.log.get());
    bool open = false;
    node.log->Open(kStream, [&](const absl::StatusOr<Head>& head) { open = head.ok(); });
    while (!open) ASSERT_TRUE(node.log->RunOnce(absl::ZeroDuration()));
    node.writer = std::make_unique<StreamWriter>(
        node.log.get(), kStream, &node.fold, &clock_,
        [](const std::function<void()>& work) { work(); }, [] {});
    node.log->SetListener([&node](const StreamId&) {
      if (node.writer) node.writer->NewRecords();
    });
  }

  bool RunNode(size_t n) {
    bool ran = nodes_[n].writer != nullptr && nodes_[n].writer->RunOnce();
    ran |= nodes_[n].log->RunOnce(absl::ZeroDuration());
    return ran;
  }
  // All that can be done without time passing; a writer that spins is a failure.
  void SettleNode(size_t n) {
    int steps = 0;
    while (RunNode(n)) ASSERT_LT(++steps, 10'000) << "it never comes to rest";
  }
  void Settle() {
    int steps = 0;
    while (RunNode(0) | RunNode(1)) ASSERT_LT(++steps, 10'000) << "it never comes to rest";
  }
  void Pass(absl::Duration time) {
    Settle();
    for (; time > absl::ZeroDuration(); time -= absl::Milliseconds(50)) {
      clock_.Advance(absl::Milliseconds(50));
      Settle();
    }
  }

  // Takes `name`, or lets it go; AlreadyExists where it is taken, nothing where it is free.
  OutcomePtr Submit(const std::string& name, size_t n = 0,
                    absl::Duration within = absl::Seconds(10)) {
    return Submit(name, n, within, /*done_when_valid=*/false);
  }
  OutcomePtr SubmitToBeDoneWhenValid(const std::string& name, size_t n = 0) {
    return Submit(name, n, absl::Seconds(10), /*done_when_valid=*/true);
  }
  OutcomePtr Submit(const std::string& name, size_t n, absl::Duration within,
                    bool done_when_valid) {
    auto outcome = std::make_shared<Outcome>();
    WriteRequest request;
    request.deadline = clock_.SinceBoot() + within;
    request.done_when_valid = done_when_valid;
    request.decide = [this, name, outcome, fold = &nodes_[n].fold](
                         absl::Time at) -> absl::StatusOr<std::vector<event::v1::Envelope>> {
      ++outcome->decisions;
      absl::string_view bare = name;
      const bool letting_go = absl::ConsumePrefix(&bare, "-");
      const bool taken = fold->Taken(std::string(bare));
      if (letting_go && !taken) return std::vector<event::v1::Envelope>();
      if (!letting_go && taken) return absl::AlreadyExistsError("taken");
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::RESOURCE_CREATED);
      // Two nodes' records are never the same bytes.
      envelope.set_event_id(ids_.NewId(at));
      envelope.set_payload(name);
      return std::vector<event::v1::Envelope>{envelope};
    };
    request.done = [outcome](const absl::StatusOr<WriteReceipt>& result) {
      ++outcome->answers;
      outcome->result = result;
    };
    nodes_[n].writer->Submit(std::move(request));
    return outcome;
  }
  void MustTake(const std::string& name, size_t n = 0) {
    auto outcome = Submit(name, n);
    Pass(absl::Milliseconds(100));
    ASSERT_TRUE(outcome->ok());
  }

  Node& node(size_t n = 0) { return nodes_[n]; }

  TempDir dir_;
  FakeClock clock_;
  SequentialIdSource ids_;
  MemoryCluster cluster_;
  std::array<Node, 2> nodes_;
};

}  // namespace purser
