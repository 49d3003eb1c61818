#include "tests/support/delivery/delivery_cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "connectors/delivery/app_settings.h"
#include "gtest/gtest.h"
#include "purser/event/v1/directory.pb.h"
#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

constexpr absl::Duration kStep = absl::Milliseconds(10);

}  // namespace

// In the order in which its parts are built.
struct DeliveryCluster::Node {
  std::string id;
  bool paused = false;
  bool stopping = false;
  MemoryNode log;
  MetricsRegistry metrics;
  std::unique_ptr<Membership> membership;
  std::unique_ptr<DirectoryProjection> directory;
  std::unique_ptr<DirectoryReaders> readers;
  std::unique_ptr<delivery::FollowedEvents> events;
  std::unique_ptr<StreamWriter> directory_writer;
  StreamPosition directory_folded = 0;
  std::unique_ptr<AppProjection> projection;
  std::unique_ptr<delivery::OwnerFold> fold;
  std::unique_ptr<StreamWriter> writer;
  std::unique_ptr<delivery::AppWorker> worker;
};

DeliveryCluster::DeliveryCluster(int nodes, FakeAppOptions options) : app(&clock, options) {
  nodes_.resize(static_cast<size_t>(nodes) + 1);
  // The last one is the front door.
  Start(nodes);
  front_ = std::move(nodes_.back());
  nodes_.pop_back();
}

DeliveryCluster::~DeliveryCluster() = default;

void DeliveryCluster::Start(int index) {
  const bool front = front_ == nullptr;
  auto node = std::make_unique<Node>();
  node->id = NodeId(index);
  node->log = *OpenMemoryEventLog(&cluster, dir_ / (node->id + "-log.db"), clock, ids, ++boots_);
  EventLog* log = node->log.log.get();
  node->membership = std::make_unique<Membership>(
      Membership::Options{.role = front ? Membership::Role::kBystander : Membership::Role::kMember,
                          .node_id = node->id,
                          .boot_id = absl::StrCat("boot-", boots_),
                          .parts = {},
                          .log = log,
                          .clock = &clock});
  node->membership->Join();
  log->Open(directory_, [](const absl::StatusOr<Head>&) {});
  log->Open(stream_, [](const absl::StatusOr<Head>&) {});
  log->Open(StreamId::Exchanges("app1"), [](const absl::StatusOr<Head>&) {});
  const auto run = [](const std::function<void()>& closure) { closure(); };
  const std::string folder = dir_ / node->id;
  node->directory = *DirectoryProjection::Open(folder + "-directory.db", directory_, 1024);
  node->readers = std::make_unique<DirectoryReaders>(folder + "-directory.db");
  node->events = std::make_unique<delivery::FollowedEvents>(log, "d1");
  node->directory_writer =
      std::make_unique<StreamWriter>(log, directory_, node->directory.get(), &clock, run, [] {});
  node->projection = *AppProjection::Open(folder + "-app.db", stream_, 1024);
  node->fold = std::make_unique<delivery::OwnerFold>(node->projection.get());
  node->writer = std::make_unique<StreamWriter>(log, stream_, node->fold.get(), &clock, run, [] {});
  node->worker = NewWorker(node.get());
  log->SetListener([node = node.get()](const StreamId& stream) {
    if (stream.kind() == StreamKind::kDirectory) node->directory_writer->NewRecords();
    if (stream.kind() == StreamKind::kApp) node->writer->NewRecords();
    if (stream.kind() == StreamKind::kHeartbeats) node->membership->NewRecords();
  });
  nodes_[static_cast<size_t>(index)] = std::move(node);
}

std::unique_ptr<delivery::AppWorker> DeliveryCluster::NewWorker(Node* node) {
  delivery::AppWorkerOptions options;
  options.app_id = "app1";
  options.directory_id = "d1";
  options.node_id = node->id;
  options.boot_id = node->membership->boot_id();
  options.log = node->log.log.get();
  options.nodes = node->membership.get();
  options.directory = node->readers.get();
  options.events = node->events.get();
  options.projection = node->projection.get();
  options.fold = node->fold.get();
  options.writer = node->writer.get();
  options.clock = &clock;
  options.ids = &ids;
  options.metrics = &node->metrics;
  options.jitter_seed = ++boots_;
  options.wake = [] {};
  auto worker = std::make_unique<delivery::AppWorker>(std::move(options));
  AppEntry entry;
  entry.id = "app1";
  entry.directory_id = "d1";
  entry.app = PlainApp();
  entry.version = 1;
  worker->Configure(*delivery::CompileSettings(entry, {}), app.Connect());
  return worker;
}

void DeliveryCluster::Kill(int node) { nodes_[static_cast<size_t>(node)].reset(); }

void DeliveryCluster::Stop(int index) {
  Node* node = nodes_[static_cast<size_t>(index)].get();
  node->stopping = true;
  node->membership->Leave();
  node->worker->Stop();
  EXPECT_TRUE(RunUntil([&] { return node->worker->stopped(); }, absl::Minutes(1)));
  Kill(index);
}

void DeliveryCluster::Pause(int node, bool paused) {
  nodes_[static_cast<size_t>(node)]->paused = paused;
}

void DeliveryCluster::SetReachable(int node, bool reachable) {
  nodes_[static_cast<size_t>(node)]->log.transport->SetReachable(reachable);
}

bool DeliveryCluster::Turn(Node* node) {
  if (node == nullptr || node->paused) return false;
  bool worked = node->log.log->RunOnce(absl::ZeroDuration());
  worked |= node->membership->RunOnce();
  worked |= node->directory_writer->RunOnce();
  if (node->directory_writer->folded() != node->directory_folded) {
    node->directory_folded = node->directory_writer->folded();
    node->worker->DirectoryMoved();
  }
  worked |= node->worker->RunOnce();
  if (node->worker->stopped() && !node->stopping) node->worker = NewWorker(node);
  return worked;
}

void DeliveryCluster::Pump() {
  bool worked = true;
  for (int turn = 0; worked && turn < 10'000; ++turn) {
    worked = Turn(front_.get());
    for (const auto& node : nodes_) worked |= Turn(node.get());
    worked |= app.RunOnce();
  }
  EXPECT_FALSE(worked) << "it never rests";
}

void DeliveryCluster::RunFor(absl::Duration duration) {
  RunUntil([] { return false; }, duration);
}

bool DeliveryCluster::RunUntil(const std::function<bool()>& met, absl::Duration at_most) {
  const absl::Duration end = clock.SinceBoot() + at_most;
  for (Pump(); !met(); Pump()) {
    if (clock.SinceBoot() >= end) return false;
    clock.Advance(kStep);
  }
  return true;
}

bool DeliveryCluster::RunUntilIdle(absl::Duration at_most) {
  return RunUntil(
      [this] {
        const int owner = Owner();
        if (owner < 0 || nodes_[static_cast<size_t>(owner)] == nullptr) return false;
        const Node& node = *nodes_[static_cast<size_t>(owner)];
        return !node.paused && node.worker->idle() &&
               node.projection->reader().OpenOperations()->empty() &&
               !node.projection->reader().CountByState()->contains(event::v1::RETRYING) &&
               node.worker->settled() == node.directory_writer->folded();
      },
      at_most);
}

void DeliveryCluster::Write(event::v1::Kind kind, const std::string& id,
                            const std::string& payload) {
  WriteRequest write;
  write.deadline = clock.SinceBoot() + absl::Seconds(10);
  write.decide = [=, this](absl::Time at) {
    event::v1::Envelope envelope;
    envelope.set_event_id(ids.NewId(at));
    envelope.set_kind(kind);
    envelope.set_resource_type(event::v1::USER);
    envelope.set_resource_id(id);
    envelope.set_payload(payload);
    return std::vector<event::v1::Envelope>{envelope};
  };
  auto written = std::make_shared<bool>(false);
  write.done = [written](const absl::StatusOr<WriteReceipt>& receipt) {
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    *written = true;
  };
  front_->directory_writer->Submit(std::move(write));
  EXPECT_TRUE(RunUntil([&] { return *written; }, absl::Seconds(10)));
}

void DeliveryCluster::CreateUser(const std::string& id, const std::string& user_name) {
  event::v1::ResourceCreated created;
  created.set_attributes(nlohmann::json{{"userName", user_name}}.dump());
  Write(event::v1::RESOURCE_CREATED, id, created.SerializeAsString());
}

void DeliveryCluster::SetTitle(const std::string& id, const std::string& title) {
  event::v1::ResourceChanged changed;
  event::v1::AttributeChange* change = changed.add_changes();
  change->set_attribute("title");
  change->set_value(nlohmann::json(title).dump());
  Write(event::v1::RESOURCE_CHANGED, id, changed.SerializeAsString());
}

int DeliveryCluster::Owner() {
  const auto app_row = front_->projection->reader().App();
  if (!app_row.ok() || app_row->released) return -1;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (app_row->owner_node == NodeId(static_cast<int>(n))) return static_cast<int>(n);
  }
  return -1;
}

int DeliveryCluster::OwnerAmong(const std::vector<int>& nodes) const {
  std::set<std::string> live;
  for (const int node : nodes) live.insert(NodeId(node));
  const std::string owner = RendezvousNode(stream_.ToString(), live);
  return *std::find_if(nodes.begin(), nodes.end(), [&](int node) { return NodeId(node) == owner; });
}

std::vector<event::v1::Envelope> DeliveryCluster::Records() {
  std::vector<event::v1::Envelope> records;
  const auto stored = front_->log.log->Read(stream_, 0, SIZE_MAX, SIZE_MAX);
  EXPECT_TRUE(stored.ok()) << stored.status();
  for (const StoredRecord& record : *stored) records.push_back(*DecodeRecord(record.bytes));
  return records;
}

int DeliveryCluster::Count(event::v1::Kind kind) {
  const auto records = Records();
  return static_cast<int>(std::count_if(records.begin(), records.end(),
                                        [&](const auto& record) { return record.kind() == kind; }));
}

std::vector<std::string> DeliveryCluster::Digests() {
  std::vector<std::string> digests = {*front_->projection->reader().Digest()};
  for (const auto& node : nodes_) {
    if (node != nullptr) digests.push_back(*node->projection->reader().Digest());
  }
  return digests;
}

}  // namespace purser
