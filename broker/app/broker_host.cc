#include "broker/app/broker_host.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/base/log.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr absl::Duration kIdle = absl::Milliseconds(50);
constexpr absl::Duration kFoldWithin = absl::Seconds(60);
constexpr absl::Duration kLookEvery = absl::Milliseconds(10);
constexpr absl::Duration kAskAgainAfter = absl::Milliseconds(200);

void TellWaiting(const absl::Status& why) {
  LogWarning("waiting for the log", {{"why", why.message()}});
}

absl::Status NotInTime(const std::string& id) {
  return absl::DeadlineExceededError(absl::StrCat("directory ", id, " was not built in time"));
}

}  // namespace

BrokerHost::BrokerHost(Options options) : options_(std::move(options)) {
  control_writer_ = std::make_unique<StreamWriter>(
      options_.log, StreamId::Control(), &control_, options_.clock,
      [this](std::function<void()> work) { mailbox_.Post(std::move(work)); },
      [this] { mailbox_.Wake(); });
  options_.log->SetListener([this](const StreamId& stream) { OnRecords(stream); });
}

BrokerHost::~BrokerHost() { Stop(); }

// Opened once: tried for as long as the log itself waits for an answer.
absl::StatusOr<Head> BrokerHost::OpenControl(const std::function<bool()>& wait_on) {
  auto opened = std::make_shared<std::optional<absl::StatusOr<Head>>>();
  options_.log->Open(StreamId::Control(),
                     [opened](absl::StatusOr<Head> head) { *opened = std::move(head); });
  while (!opened->has_value()) {
    if (!wait_on()) return absl::UnavailableError("the control stream is not open yet");
    options_.log->RunOnce(absl::Milliseconds(10));
  }
  return **std::move(opened);
}

absl::Status BrokerHost::Start(const std::function<bool()>& wait_on) {
  absl::StatusOr<Head> head = OpenControl(wait_on);
  while (IsRetryable(head.status()) && wait_on()) {
    TellWaiting(head.status());
    head = OpenControl(wait_on);
  }
  RETURN_IF_ERROR(head.status());
  const absl::Duration until = options_.clock->SinceBoot() + kFoldWithin;
  while (control_writer_->folded() < head->position) {
    options_.log->RunOnce(absl::Milliseconds(10));
    RunOnce(absl::ZeroDuration());
    RETURN_IF_ERROR(control_writer_->health());
    if (options_.clock->SinceBoot() > until) {
      return absl::UnavailableError("the log could not be read within a minute");
    }
  }
  FollowControl();
  log_thread_ = std::thread([this] { RunLog(); });
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void BrokerHost::Stop() {
  stop_ = true;
  mailbox_.Wake();
  options_.log->Wake();
  if (thread_.joinable()) thread_.join();
  if (log_thread_.joinable()) log_thread_.join();
}

void BrokerHost::Run() {
  while (!stop_) RunOnce(kIdle);
}

void BrokerHost::RunLog() {
  while (!stop_) options_.log->RunOnce(kIdle);
}

void BrokerHost::RunOnce(absl::Duration max_wait) {
  bool worked = control_writer_->RunOnce();
  std::vector<DirectoryService*> directories;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, directory] : directories_) directories.push_back(directory.get());
  }
  for (DirectoryService* directory : directories) worked |= directory->writer().RunOnce();
  mailbox_.RunOnce(worked ? absl::ZeroDuration() : max_wait);
  FollowControl();
  FollowFolds();
}

void BrokerHost::OnRecords(const StreamId& stream) {
  if (stream.kind() == StreamKind::kControl) {
    control_writer_->NewRecords();
  } else if (stream.kind() == StreamKind::kDirectory) {
    if (DirectoryService* directory = Directory(stream.id())) directory->writer().NewRecords();
  } else {
    options_.on_records(stream);
  }
}

// Opens directories that are new, and hands the configuration on.
void BrokerHost::FollowControl() {
  const std::shared_ptr<const ControlState> state = control_.state();
  if (configured_once_ && state->head.position == configured_) return;
  configured_ = state->head.position;
  configured_once_ = true;
  PutTokens(*state);
  for (const auto& [id, entry] : state->directories) OpenDirectory(entry);
  options_.on_configuration(state);
}

void BrokerHost::PutTokens(const ControlState& state) {
  for (const auto& [id, tokens] : state.tokens) {
    options_.tokens->Put(id, {tokens.begin(), tokens.end()});
  }
}

void BrokerHost::OpenDirectory(const DirectoryEntry& entry) {
  if (std::exchange(opening_[entry.id], true)) return;
  // Nobody waits for it: until it is open, refused requests are not kept.
  options_.log->Open(StreamId::Requests(entry.id), [](const absl::StatusOr<Head>&) {});
  options_.log->Open(StreamId::Directory(entry.id),
                     [this, id = entry.id](const absl::StatusOr<Head>& head) {
                       mailbox_.Post([this, id, head] { OnDirectoryOpen(id, head); });
                     });
}

void BrokerHost::OnDirectoryOpen(const std::string& id, const absl::StatusOr<Head>& head) {
  // A broken stream is served as far as this node holds it.
  if (!head.ok() && !IsBroken(*options_.log, StreamId::Directory(id))) {
    LogError("a directory's stream cannot be opened",
             {{"directory", id}, {"status", head.status().ToString()}});
    opening_[id] = false;
    configured_once_ = false;  // Tried again.
    return;
  }
  auto opened = DirectoryService::Open(
      absl::StrCat(options_.folder, "/directory-", id, ".db"), id, options_.log, options_.clock,
      [this](std::function<void()> work) { mailbox_.Post(std::move(work)); },
      [this] { mailbox_.Wake(); });
  if (!opened.ok()) {
    LogError("a directory's read model cannot be opened",
             {{"directory", id}, {"status", opened.status().ToString()}});
    return;
  }
  MutexLock lock(&mutex_);
  directories_[id] = *std::move(opened);
}

void BrokerHost::FollowFolds() {
  std::vector<std::string> moved;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, directory] : directories_) {
      const StreamPosition folded = directory->writer().folded();
      directory->series().Expire(folded);
      const auto [told, first] = told_.try_emplace(id, 0);
      if (!first && told->second == folded) continue;
      if (std::exchange(told->second, folded) != folded) moved.push_back(id);
      options_.metrics
          ->GetGauge("purser_log_position", "Position of a stream's last record that is folded.",
                     {{"stream", directory->stream().ToString()}})
          ->Set(static_cast<double>(folded));
    }
  }
  for (const std::string& id : moved) options_.on_folded(id);
}

DirectoryService* BrokerHost::Directory(const std::string& id) const {
  MutexLock lock(&mutex_);
  const auto it = directories_.find(id);
  return it == directories_.end() ? nullptr : it->second.get();
}

DirectoryService* BrokerHost::DirectoryByName(const std::string& name) const {
  const auto state = control_.state();
  const DirectoryEntry* entry = state->DirectoryByName(name);
  return entry == nullptr ? nullptr : Directory(entry->id);
}

absl::Status BrokerHost::WhyNotServed(const std::string& name,
                                      absl::string_view authorization) const {
  const auto state = control_.state();
  const DirectoryEntry* entry = state->DirectoryByName(name);
  if (entry != nullptr &&
      options_.tokens->AuthenticateHeader(entry->id, authorization, options_.clock->Now()).ok()) {
    return absl::UnavailableError("the directory is being opened");
  }
  return absl::UnauthenticatedError("a bearer token of the directory is needed");
}

void BrokerHost::SubmitControl(WriteRequest request) {
  {
    MutexLock lock(&mutex_);
    control_writes_.push_back(std::move(request));
    if (control_writing_) return;
    control_writing_ = true;
  }
  NextControlWrite();
}

void BrokerHost::NextControlWrite() {
  WriteRequest next;
  {
    MutexLock lock(&mutex_);
    if (control_writes_.empty()) {
      control_writing_ = false;
      return;
    }
    next = std::move(control_writes_.front());
    control_writes_.pop_front();
  }
  next.done = [this, done = std::move(next.done)](const absl::StatusOr<WriteReceipt>& receipt) {
    // Who is told that a token is revoked finds it shut.
    if (receipt.ok()) PutTokens(*control_.state());
    done(receipt);
    NextControlWrite();
  };
  control_writer_->Submit(std::move(next));
}

absl::Status BrokerHost::WaitCurrent(const std::function<bool()>& wait_on) {
  const std::shared_ptr<const ControlState> state = control_.state();
  for (const auto& [id, entry] : state->directories) {
    ASSIGN_OR_RETURN(DirectoryService * directory, WaitOpen(id, wait_on));
    absl::Status current = WaitCurrent(directory, wait_on);
    // A broken stream has no end to reach; its directory says so, and the others are served.
    const auto broken = [&] { return IsBroken(*options_.log, StreamId::Directory(id)); };
    while (IsRetryable(current) && !broken() && wait_on()) {
      TellWaiting(current);
      absl::SleepFor(kAskAgainAfter);
      current = WaitCurrent(directory, wait_on);
    }
    if (!current.ok() && !broken()) return current;
  }
  return absl::OkStatus();
}

absl::StatusOr<DirectoryService*> BrokerHost::WaitOpen(const std::string& id,
                                                       const std::function<bool()>& wait_on) {
  DirectoryService* directory = Directory(id);
  for (; directory == nullptr; directory = Directory(id)) {
    if (!wait_on()) return NotInTime(id);
    absl::SleepFor(kLookEvery);
  }
  return directory;
}

absl::Status BrokerHost::WaitCurrent(DirectoryService* directory,
                                     const std::function<bool()>& wait_on) {
  struct Answer {
    Mutex mutex;
    CondVar arrived;
    std::optional<absl::Status> status ABSL_GUARDED_BY(mutex);
  };
  auto answer = std::make_shared<Answer>();
  directory->WhenCurrent(absl::InfiniteDuration(), [answer](absl::Status status) {
    MutexLock lock(&answer->mutex);
    answer->status = std::move(status);
    answer->arrived.NotifyAll();
  });
  while (wait_on()) {
    MutexLock lock(&answer->mutex);
    if (!answer->status.has_value()) answer->arrived.WaitFor(&answer->mutex, kLookEvery);
    if (answer->status.has_value()) return *answer->status;
  }
  return NotInTime(directory->stream().id());
}

}  // namespace purser
