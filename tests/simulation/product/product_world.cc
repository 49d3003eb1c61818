#include "tests/simulation/product/product_world.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/auth/token.h"
#include "broker/crypto/sha256.h"
#include "broker/events/payload_run.h"
#include "tests/simulation/product/scim_requests.h"
#include "tests/support/delivery/delivery_rig.h"

namespace purser::simulation {
namespace {

constexpr absl::Duration kLongestStep = absl::Milliseconds(500);
constexpr absl::Duration kShortestStep = absl::Microseconds(200);
constexpr int kMostTurns = 20'000;

config::v1::App AppConfig(const std::string& id, bool removes) {
  config::v1::App app = PlainApp();
  if (removes) app.mutable_deprovision()->set_inactive(config::v1::REMOVE);
  app.set_name(id);
  app.mutable_timing()->mutable_call_timeout()->set_seconds(5);
  app.mutable_timing()->mutable_settling_time()->set_seconds(3);
  app.mutable_timing()->mutable_create_visible_within()->set_seconds(4);
  return app;
}

template <typename Payload>
event::v1::Envelope Put(event::v1::Kind kind, event::v1::ResourceType type, const std::string& id,
                        const Payload& payload) {
  event::v1::Envelope envelope;
  envelope.set_kind(kind);
  envelope.set_resource_type(type);
  envelope.set_resource_id(id);
  envelope.set_payload(payload.SerializeAsString());
  return envelope;
}

}  // namespace

ProductWorld::ProductWorld(uint64_t seed, Bug bug, WorldKind kind)
    : plain_(kind == WorldKind::kPlain),
      random_(seed),
      history_(&cluster_, StreamId::Directory(kDirectory), &found_),
      bugs_(bug, &cluster_, [this] { return history_.end(); }) {
  const double shares[] = {0.05, 0.15, 0.4};
  temper_ = {.trouble = shares[Below(3)],
             .misbehaviour = shares[Below(3)],
             .long_step = shares[Below(3)],
             .bulk = plain_ || Chance(0.5) ? 0 : 0.15,
             .drift = plain_ || Chance(0.5) ? 0 : shares[Below(3)]};
  const size_t pieces[] = {60, 250, kMaxPieceBytes, kMaxPieceBytes};
  SetMaxPieceBytesForTest(pieces[Below(4)]);
  AddApp("app1", /*unique_names=*/true);
  AddApp("app2", /*unique_names=*/false);
  places_.resize(static_cast<size_t>(2 + Below(3)));
  for (int index = 0; index < static_cast<int>(places_.size()); ++index) Start(index);
  Configure(places_[0].node.get());
  RunFor(absl::Seconds(5));
  for (int index = 0; index < static_cast<int>(places_.size()); ++index) SetFaults(index, true);
}

ProductWorld::~ProductWorld() { SetMaxPieceBytesForTest(kMaxPieceBytes); }

void ProductWorld::AddApp(const std::string& id, bool unique_names) {
  FakeAppOptions options;
  options.unique_names = unique_names;
  options.ignores_filter = Chance(0.3);
  App& app = apps_[id];
  app.config = AppConfig(id, Chance(0.3));
  app.app = std::make_unique<FakeApp>(&clock_, options);
  app.app->fault = [this, &app](const AppCall& call) { return OnCall(&app, call); };
  app.judge = std::make_unique<AppJudge>(id, &cluster_, &clock_, app.app.get(), &found_);
}

// As an operator would: a directory, its token, its apps.
void ProductWorld::Configure(ProductNode* node) {
  if (node == nullptr) return;
  WriteRequest write;
  write.deadline = clock_.SinceBoot() + absl::Seconds(10);
  write.decide = [this](absl::Time at) {
    event::v1::DirectoryPut directory;
    directory.mutable_directory()->set_name("people");
    event::v1::TokensPut tokens;
    *tokens.add_tokens() = auth::TokenOf(kSecret, "t1", auth::Role::kScim, absl::InfiniteFuture());
    std::vector<event::v1::Envelope> records;
    records.push_back(Put(event::v1::DIRECTORY_PUT, event::v1::DIRECTORY, kDirectory, directory));
    records.push_back(Put(event::v1::TOKENS_PUT, event::v1::DIRECTORY, kDirectory, tokens));
    for (const auto& [id, app] : apps_) {
      event::v1::AppPut put;
      *put.mutable_app() = app.config;
      put.set_directory_id(kDirectory);
      records.push_back(Put(event::v1::APP_PUT, event::v1::APP, id, put));
    }
    for (event::v1::Envelope& record : records) record.set_event_id(ids_.NewId(at));
    return records;
  };
  write.done = [](const absl::StatusOr<WriteReceipt>&) {};
  node->SubmitControl(std::move(write));
}

std::vector<std::string> ProductWorld::Run(int steps) {
  for (int step = 0; step < steps && found_.empty(); ++step) Step();
  if (found_.empty()) MakePeace();
  if (found_.empty()) Judge();
  return found_;
}

void ProductWorld::Step() {
  for (int asked = Below(5); asked > 0; --asked) Ask();
  if (Chance(temper_.trouble)) Befall(Below(static_cast<int>(places_.size())));
  if (Chance(temper_.misbehaviour)) Misbehave();
  if (Chance(temper_.drift)) Drift(&apps_[Chance(0.5) ? "app1" : "app2"]);
  if (Chance(temper_.drift)) Replay(Chance(0.5) ? "app1" : "app2");
  Sync(Below(static_cast<int>(places_.size())));
  if (Chance(0.02)) Configure(AnyDoor());
  if (Chance(0.1)) CompareDigests(/*all=*/false);
  RunFor(Chance(temper_.long_step) ? absl::Seconds(Below(20)) : absl::Milliseconds(Below(150)));
}

bool ProductWorld::Pump() {
  bool worked = true;
  for (int turn = 0; worked && turn < kMostTurns; ++turn) {
    worked = cluster_.in_flight().RunDue(clock_.SinceBoot());
    for (running_ = 0; running_ < static_cast<int>(places_.size()); ++running_) {
      const Place& place = places_[static_cast<size_t>(running_)];
      if (place.node != nullptr && place.state != State::kAsleep) worked |= place.node->RunOnce();
    }
    for (auto& [id, app] : apps_) worked |= app.app->RunOnce();
    Follow();
  }
  if (worked) Note("it never rests");
  return !worked;
}

void ProductWorld::Follow() {
  history_.Follow();
  for (auto& [id, app] : apps_) app.judge->Follow();
}

absl::Duration ProductWorld::NextDue() {
  absl::Duration due = cluster_.in_flight().next_due();
  for (const Place& place : places_) {
    if (place.node != nullptr && place.state != State::kAsleep) {
      due = std::min(due, place.node->NextDue());
    }
  }
  for (const auto& [id, app] : apps_) due = std::min(due, app.app->NextDue());
  return due;
}

void ProductWorld::RunFor(absl::Duration duration) {
  const absl::Duration end = clock_.SinceBoot() + duration;
  while (Pump() && found_.empty()) {
    const absl::Duration now = clock_.SinceBoot();
    if (now >= end) return;
    EndStopped();
    const absl::Duration due = std::clamp(NextDue(), now + kShortestStep, now + kLongestStep);
    clock_.Advance(std::min(due, end) - now);
  }
}

// Equal at equal positions, whoever folded.
void ProductWorld::CompareDigests(bool all) {
  const auto compare = [&](const std::string& stream, auto* readers, StreamPosition end) {
    auto lease = readers->Take();
    if (!lease.ok()) return;
    const StreamPosition position = (*lease)->FoldHead()->position;
    const std::string digest = *(*lease)->Digest();
    const auto [it, fresh] = digests_[stream].try_emplace(position, digest);
    if (it->second != digest) Note(absl::StrCat("folds of ", stream, " differ at ", position));
    if (all && position != end) {
      Note(absl::StrCat("a fold of ", stream, " ended at ", position, ", not ", end));
    }
  };
  for (const Place& place : places_) {
    if (place.node == nullptr || !place.node->ready()) continue;
    compare("directory", &place.node->directory()->readers(), history_.end());
    for (const auto& [id, app] : apps_) {
      if (AppReaders* readers = place.node->readers(id)) {
        compare(id, readers, app.judge->end());
      }
    }
  }
}

void ProductWorld::MakePeace() {
  peace_ = true;
  for (int index = 0; index < static_cast<int>(places_.size()); ++index) {
    Mend(index);
    SetFaults(index, false);
  }
  for (auto& [id, app] : apps_) app.fault_share = 0;
  RunFor(absl::Seconds(20));
  CommandAll(event::v1::AppCommand::START);
  RunFor(absl::Minutes(1));
  CommandAll(event::v1::AppCommand::RETRY);
  ReplayDrifted();
  for (int tries = 0; tries < 240 && found_.empty(); ++tries) {
    RunFor(absl::Seconds(10));
    if (IsQuiet()) return RunFor(absl::Seconds(15));
  }
  if (found_.empty()) Note("it never settles");
}

bool ProductWorld::IsQuiet() {
  return std::all_of(apps_.begin(), apps_.end(),
                     [this](const auto& app) { return IsSettled(app.first); });
}

bool ProductWorld::IsSettled(const std::string& app) {
  for (const Place& place : places_) {
    const delivery::AppWorker* worker = place.node->worker(app);
    if (worker == nullptr || !worker->owns()) continue;
    const AppReader& reader = place.node->reader(app);
    return worker->idle() && reader.OpenOperations()->empty() &&
           !reader.CountByState()->contains(event::v1::RETRYING) &&
           worker->settled() == history_.end() && reader.Jobs(/*unfinished_only=*/true)->empty();
  }
  return false;
}

void ProductWorld::Judge() {
  history_.CheckEnd();
  CompareDigests(/*all=*/true);
  for (const Place& place : places_) {
    const absl::Status health = place.node->Health();
    if (!health.ok()) Note(health.ToString());
  }
  for (auto& [id, app] : apps_) {
    const std::string digest = app.judge->Rebuild(dir_.path(), places_[0].node->log(), &bugs_);
    CheckOwner(id);
    if (digests_[id].rbegin()->second != digest) Note("a fold made anew is another");
    app.judge->Compare(history_.now());
  }
}

// One node has the app, and it is the one that the hash gives it.
void ProductWorld::CheckOwner(const std::string& app) {
  std::set<std::string> live;
  std::vector<std::string> owners;
  for (const Place& place : places_) {
    live.insert(place.node->node_id());
    if (place.node->worker(app)->owns()) owners.push_back(place.node->node_id());
  }
  if (owners.size() != 1) return Note(absl::StrCat(app, " has ", owners.size(), " owners"));
  const std::string right = RendezvousNode(StreamId::App(app).ToString(), live);
  if (owners.front() != right) {
    Note(absl::StrCat(owners.front(), " owns ", app, ", which is ", right, "'s"));
  }
}

ProductWorld::Counts ProductWorld::counts() const {
  Counts counts = {.requests = history_.counts(), .deaths = deaths_};
  for (const auto& [id, app] : apps_) {
    counts.calls += app.app->calls.size();
    counts.take_overs += app.judge->take_overs();
    counts.replays += app.judge->replays();
    for (const AppCall& call : app.app->calls) counts.faults += call.fault != Fault::kNone;
  }
  counts.runs = history_.judge().runs();
  counts.inert = cluster_.Records(history_.judge().stream()).size() - history_.end();
  return counts;
}

std::string ProductWorld::Fingerprint() const {
  std::string text;
  for (const std::string& record : history_.judge().records()) absl::StrAppend(&text, record);
  for (const auto& [id, app] : apps_) {
    for (const AppCall& call : app.app->calls) {
      absl::StrAppend(&text, call.verb, call.id, call.body, absl::ToInt64Nanoseconds(call.at));
    }
  }
  return absl::BytesToHexString(AsBytes(Sha256(text)));
}

}  // namespace purser::simulation
