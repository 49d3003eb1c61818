// What befalls nodes, the log and the apps.
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/product/product_world.h"

namespace purser::simulation {
namespace {

constexpr int kFileCount = 4;
const std::string kFiles[kFileCount] = {"log.db", "directory.db", "app1.db", "app2.db"};

}  // namespace

void ProductWorld::Start(int index) {
  Place& place = places_[static_cast<size_t>(index)];
  const std::string node_id = absl::StrCat("node-", index, "-", place.lives);
  const std::string folder = dir_ / node_id;
  std::filesystem::create_directories(folder);
  place.node = std::make_unique<ProductNode>(
      ProductNode::Around{
          .cluster = &cluster_,
          .clock = &clock_,
          .ids = &ids_,
          .apps = {{"app1", apps_["app1"].app.get()}, {"app2", apps_["app2"].app.get()}},
          .bugs = &bugs_},
      ProductNode::Identity{.node_id = node_id,
                            .boot_id = absl::StrCat("boot-", index, "-", ++place.boots),
                            .folder = folder,
                            .clock_ahead = absl::Milliseconds(Below(20'000) - 10'000),
                            .seed = random_()});
  place.state = State::kUp;
  if (!peace_) SetFaults(index, true);
}

void ProductWorld::Kill(int index) {
  Place& place = places_[static_cast<size_t>(index)];
  const std::string folder = place.node->folder();
  place.node.reset();
  place.state = State::kDown;
  ++deaths_;
  CallsDie(index);
  if (Chance(0.15)) {
    ++place.lives;  // its disk is lost too
    place.kept.clear();
  } else if (Chance(0.3)) {
    LoseUnsynced(&place, folder);
  }
}

// Of one file that is not synced at each commit: this is what a loss of power may leave of it.
void ProductWorld::Sync(int index) {
  Place& place = places_[static_cast<size_t>(index)];
  if (place.node == nullptr || !Chance(0.3)) return;
  const std::string& file = kFiles[Below(kFileCount)];
  const std::string path = absl::StrCat(place.node->folder(), "/", file);
  if (!std::filesystem::exists(path)) return;
  for (const char* suffix : {"", "-wal"}) {
    const std::string part = absl::StrCat(path, suffix);
    std::filesystem::remove(absl::StrCat(part, ".kept"));
    if (std::filesystem::exists(part)) std::filesystem::copy(part, absl::StrCat(part, ".kept"));
  }
  place.kept.insert(file);
}

// Each file by itself: back to what it was, gone, or as it is.
void ProductWorld::LoseUnsynced(Place* place, const std::string& folder) {
  for (const std::string& file : kFiles) {
    const bool back = place->kept.contains(file) && Chance(0.5);
    if (!back && (file == "log.db" || !Chance(0.2))) continue;
    for (const char* suffix : {"", "-wal", "-shm"}) {
      const std::string part = absl::StrCat(folder, "/", file, suffix);
      std::filesystem::remove(part);
      const std::string kept = absl::StrCat(part, ".kept");
      if (back && std::filesystem::exists(kept)) std::filesystem::copy(kept, part);
    }
  }
}

// A call that died with its process takes effect soon or never.
void ProductWorld::CallsDie(int index) {
  for (auto& [id, app] : apps_) {
    app.judge->Died(index);
    std::multimap<absl::Duration, std::function<void()>> late;
    for (auto& [due, effect] : std::exchange(app.app->late, {})) {
      if (Chance(0.5)) late.emplace(clock_.SinceBoot() + absl::Seconds(Below(2)), effect);
    }
    app.app->late = std::move(late);
  }
}

void ProductWorld::Mend(int index) {
  Place& place = places_[static_cast<size_t>(index)];
  if (place.state == State::kCutOff) place.node->transport().SetReachable(true);
  if (place.state == State::kStopping) Kill(index);
  if (place.state == State::kDown) Start(index);
  place.state = State::kUp;
}

void ProductWorld::Befall(int index) {
  Place& place = places_[static_cast<size_t>(index)];
  if (place.state != State::kUp) return Mend(index);
  switch (Below(5)) {
    case 0:
      return Kill(index);
    case 1:
      place.node->BeginStop();
      place.state = State::kStopping;
      place.stop_by = clock_.SinceBoot() + absl::Seconds(10);
      return;
    case 2:
      place.state = State::kAsleep;
      return;
    case 3:
      place.node->transport().SetReachable(false);
      place.state = State::kCutOff;
      return;
    default:
      SetFaults(index, true);
  }
}

void ProductWorld::EndStopped() {
  for (int index = 0; index < static_cast<int>(places_.size()); ++index) {
    const Place& place = places_[static_cast<size_t>(index)];
    if (place.state != State::kStopping) continue;
    if (place.node->stopped() || clock_.SinceBoot() >= place.stop_by) Kill(index);
  }
}

MemoryFaults ProductWorld::DrawFaults() {
  MemoryFaults faults{.longest_delivery = absl::Milliseconds(Below(5)),
                      .longest_report = absl::Milliseconds(Below(10)),
                      .longest_fetch = absl::Milliseconds(Chance(0.2) ? Below(500) : Below(10)),
                      .longest_late = absl::Milliseconds(1 + Below(5000)),
                      .message_timeout = absl::Milliseconds(300)};
  for (double* share : {&faults.report_lost, &faults.error_written, &faults.error_later,
                        &faults.error_dropped, &faults.no_offset, &faults.query_lost}) {
    *share = Chance(0.25) ? 0.05 : 0;
  }
  faults.split = Chance(0.5) ? 0.3 : 0;
  return faults;
}

void ProductWorld::SetFaults(int index, bool any) {
  ProductNode* node = places_[static_cast<size_t>(index)].node.get();
  if (node != nullptr) node->transport().SetFaults(any ? DrawFaults() : MemoryFaults());
}

void ProductWorld::Misbehave() {
  App& app = apps_[Chance(0.5) ? "app1" : "app2"];
  const double shares[] = {0, 0, 0.1, 0.3, 1};
  app.fault_share = shares[Below(5)];
  app.app->options.latency = absl::Milliseconds(Chance(0.1) ? 2000 : Below(100));
  if (Chance(0.1)) CommandAll(event::v1::AppCommand::PAUSE);
  if (Chance(0.3)) CommandAll(event::v1::AppCommand::START);
  if (Chance(0.1)) CommandAll(event::v1::AppCommand::RETRY);
}

Fault ProductWorld::OnCall(App* app, const AppCall& call) {
  Fault fault = Fault::kNone;
  if (Chance(app->fault_share)) fault = static_cast<Fault>(1 + Below(11));
  // Where it is wholly down it is so for all; else a Check that goes wrong is rare.
  if (call.verb == "check" && app->fault_share < 1 && Chance(0.7)) fault = Fault::kNone;
  const bool lost =
      fault == Fault::kLostBefore || fault == Fault::kLostAfter || fault == Fault::kLostLate;
  app->judge->OnCall(call, running_, lost ? absl::Seconds(5) : app->app->options.latency);
  return fault;
}

}  // namespace purser::simulation
