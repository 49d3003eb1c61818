#include "broker/app/feed_host.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/log.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "connectors/api/secrets.h"

namespace purser {
namespace {

constexpr absl::Duration kIdle = absl::Seconds(1);
constexpr absl::Duration kReadDeadline = absl::Seconds(2);
constexpr absl::Duration kKeysAgain = absl::Seconds(10);  // a changed file counts

absl::StatusOr<SigningKey> ReadKey(const std::string& reference) {
  ASSIGN_OR_RETURN(const std::string pem, connectors::ProcessSecrets()(reference));
  return SigningKey::FromPem(pem);
}

http::Response ToResponse(absl::StatusOr<http::Response> answer) {
  return answer.ok() ? *std::move(answer) : ErrorResponse(answer.status());
}

}  // namespace

FeedHost::FeedHost(Options options) : options_(std::move(options)) {}

FeedHost::~FeedHost() { Stop(absl::ZeroDuration()); }

absl::Status FeedHost::Start() {
  ASSIGN_OR_RETURN(http_, connectors::CurlHttpClient::Create({}));
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void FeedHost::Post(std::function<void()> work) {
  mailbox_.Post(std::move(work));
  if (http_ != nullptr) http_->Wake();
}

void FeedHost::BeginStop() {
  Post([this] {
    ending_ = true;
    for (auto& [id, directory] : directories_) {
      if (directory.feeds != nullptr) directory.feeds->Stop();
    }
  });
}

void FeedHost::Stop(absl::Duration drain) {
  if (!thread_.joinable()) return;
  BeginStop();
  const absl::Duration until = options_.clock->SinceBoot() + drain;
  Mutex mutex;
  CondVar tick;
  while (!drained_ && options_.clock->SinceBoot() < until) {
    MutexLock lock(&mutex);
    tick.WaitFor(&mutex, absl::Milliseconds(5));
  }
  stop_ = true;
  http_->Wake();
  thread_.join();
}

void FeedHost::Run() {
  absl::Duration keys_at = options_.clock->SinceBoot() + kKeysAgain;
  while (!stop_) {
    mailbox_.RunOnce(absl::ZeroDuration());
    OpenMissing();
    http_->RunOnce(RunFeeds());
    if (options_.clock->SinceBoot() < keys_at) continue;
    keys_at = options_.clock->SinceBoot() + kKeysAgain;
    for (auto& [id, directory] : directories_) ConfigureFeeds(&directory);
  }
}

// How long nothing is due.
absl::Duration FeedHost::RunFeeds() {
  const bool moved = moved_.exchange(false);
  bool worked = false;
  bool stopped = ending_;
  absl::Duration wait = kIdle;
  for (const auto& [id, directory] : directories_) {
    if (directory.feeds == nullptr) continue;
    if (moved) directory.feeds->DirectoryMoved();
    worked |= directory.feeds->RunOnce();
    stopped &= directory.feeds->stopped();
    wait = std::min(wait, directory.feeds->NextDue() - options_.clock->SinceBoot());
  }
  if (stopped) drained_ = true;
  return worked ? absl::ZeroDuration() : std::max(wait, absl::ZeroDuration());
}

void FeedHost::Configure(std::shared_ptr<const ControlState> state) {
  Post([this, state = std::move(state)] { ConfigureHere(*state); });
}

void FeedHost::ConfigureHere(const ControlState& state) {
  for (const auto& [id, entry] : state.directories) {
    const auto known = directories_.find(id);
    const bool had = known != directories_.end();
    if (!had && entry.directory.security_events().feeds().empty()) continue;
    if (had && known->second.entry.version == entry.version) continue;
    Directory& directory = directories_[id];
    directory.entry = entry;
    ConfigureFeeds(&directory);
  }
}

// Opens what a directory's feeds need, once the directory itself is there.
void FeedHost::OpenMissing() {
  for (auto& [id, directory] : directories_) {
    if (directory.feeds != nullptr || directory.opening) continue;
    if (options_.directory(id) == nullptr) continue;
    directory.opening = true;
    options_.log->Open(StreamId::Feeds(id), [this, id = id](const absl::StatusOr<Head>& head) {
      Post([this, id, status = head.status()] { OnOpen(id, status); });
    });
  }
}

void FeedHost::OnOpen(const std::string& id, const absl::Status& opened) {
  Directory& directory = directories_[id];
  absl::Status status = opened;
  if (status.ok()) {
    DirectoryService* service = options_.directory(id);
    feed::DirectoryFeeds::Options feeds;
    feeds.directory_id = id;
    feeds.log = options_.log;
    feeds.readers = &service->readers();
    feeds.folded = [service] { return service->writer().folded(); };
    feeds.clock = options_.clock;
    feeds.ids = options_.ids;
    feeds.metrics = options_.metrics;
    feeds.node_id = options_.nodes->node_id();
    feeds.boot_id = options_.nodes->boot_id();
    feeds.nodes = options_.nodes;
    feeds.jitter_seed = std::random_device()();
    feeds.post = [this](std::function<void()> work) { Post(std::move(work)); };
    feeds.wake = [this] { http_->Wake(); };
    feeds.push = [this](feed::PushRequest request, std::function<void(feed::PushAnswer)> done) {
      Push(std::move(request), std::move(done));
    };
    auto made = feed::DirectoryFeeds::Open(absl::StrCat(options_.folder, "/feeds-", id, ".db"),
                                           std::move(feeds));
    status = made.status();
    if (made.ok()) directory.feeds = *std::move(made);
    if (made.ok() && ending_) directory.feeds->Stop();
  }
  if (status.ok()) return ConfigureFeeds(&directory);
  directory.opening = IsBroken(*options_.log, StreamId::Feeds(id));  // Else tried again.
  LogError("a directory's feeds cannot be opened",
           {{"directory", id}, {"status", status.ToString()}});
}

void FeedHost::ConfigureFeeds(Directory* directory) {
  std::shared_ptr<const SigningKey> key = ReadKeys(directory->entry);
  if (directory->feeds == nullptr) return;
  const config::v1::Directory& configured = directory->entry.directory;
  directory->feeds->Configure(configured.name(),
                              feed::FeedsOf(configured, directory->entry.schemas), std::move(key));
}

// The key that signs; nullptr where there is none. What verifies is published.
std::shared_ptr<const SigningKey> FeedHost::ReadKeys(const DirectoryEntry& entry) {
  const config::v1::SecurityEvents& events = entry.directory.security_events();
  absl::StatusOr<SigningKey> first = absl::NotFoundError("no signing_key is configured");
  if (!events.signing_key().empty()) {
    first = ReadKey(events.signing_key());
  } else if (!options_.dev_key.empty()) {
    first = SigningKey::FromPem(options_.dev_key);
  }
  std::vector<std::string> keys;
  if (first.ok()) keys.push_back(first->public_jwk());
  if (!events.second_signing_key().empty()) {
    const absl::StatusOr<SigningKey> second = ReadKey(events.second_signing_key());
    if (second.ok()) keys.push_back(second->public_jwk());
  }
  if (!first.ok()) {
    LogError("a directory's events cannot be signed",
             {{"directory", entry.id}, {"status", first.status().ToString()}});
  }
  MutexLock lock(&mutex_);
  published_[entry.id] = absl::StrCat("{\"keys\":[", absl::StrJoin(keys, ","), "]}");
  return first.ok() ? std::make_shared<const SigningKey>(*std::move(first)) : nullptr;
}

std::optional<std::string> FeedHost::PublicKeys(const std::string& directory_id) const {
  MutexLock lock(&mutex_);
  const auto it = published_.find(directory_id);
  return it == published_.end() ? std::nullopt : std::optional<std::string>(it->second);
}

void FeedHost::NewRecords(const StreamId& stream) {
  if (stream.kind() != StreamKind::kFeeds) return;
  Post([this, id = stream.id()] {
    const auto it = directories_.find(id);
    if (it != directories_.end() && it->second.feeds != nullptr) {
      it->second.feeds->writer().NewRecords();
    }
  });
}

void FeedHost::DirectoryMoved() {
  if (!moved_.exchange(true) && http_ != nullptr) http_->Wake();
}

void FeedHost::Push(feed::PushRequest request, std::function<void(feed::PushAnswer)> done) {
  const connectors::SecretResolver secrets = connectors::ProcessSecrets();
  const auto url = connectors::ResolveSecrets(request.url, secrets);
  const auto token = connectors::ResolveSecrets(request.token, secrets);
  if (!url.ok() || !token.ok()) {
    const absl::Status& why = url.ok() ? token.status() : url.status();
    // Not from within the call: whoever made it is not done with it.
    return Post(
        [done = std::move(done), error = std::string(why.message())] { done({.error = error}); });
  }
  connectors::HttpRequest sent{.method = "POST", .url = *url, .body = std::move(request.body)};
  sent.headers = {{"Content-Type", "application/secevent+jwt"}, {"Accept", "application/json"}};
  if (!token->empty()) sent.headers.emplace_back("Authorization", absl::StrCat("Bearer ", *token));
  http_->Send(std::move(sent),
              [done = std::move(done)](const absl::StatusOr<connectors::HttpResponse>& answer) {
                if (!answer.ok()) return done({.error = std::string(answer.status().message())});
                done({answer->status, answer->body, std::string(answer->Header("Retry-After"))});
              });
}

void FeedHost::Handle(const ScimRequestPtr& request) {
  const std::string& method = request->http.method;
  const size_t depth = request->segments.size();
  if (depth > 2) {
    request->respond(ErrorResponse(404, "no such endpoint"));
  } else if (method != (depth == 1 ? "GET" : "POST")) {
    request->respond(MethodNotAllowed(depth == 1 ? "GET" : "POST"));
  } else {
    // Whoever wrote, and then asks, is told. What cannot be had in time comes with a later poll.
    request->directory->WhenCurrent(kReadDeadline, [this, request](const absl::Status&) {
      Post([this, request] { HandleHere(request); });
    });
  }
}

void FeedHost::HandleHere(const ScimRequestPtr& request) {
  const auto it = directories_.find(request->directory->id());
  if (it == directories_.end() || it->second.entry.directory.security_events().feeds().empty()) {
    return request->respond(ErrorResponse(404, "the directory has no feeds"));
  }
  feed::DirectoryFeeds* feeds = it->second.feeds.get();
  if (feeds == nullptr) {
    return request->respond(ErrorResponse(absl::UnavailableError("the feeds are not open yet")));
  }
  if (request->segments.size() == 1) return request->respond(feeds->List());
  absl::StatusOr<feed::PollMessage> message = feed::ParsePoll(request->http.body);
  if (!message.ok()) return request->respond(ErrorResponse(message.status()));
  if (ending_) message->return_immediately = true;
  const std::string* from = request->http.Query("from");
  feeds->Poll(request->segments[1], from == nullptr ? "" : *from, *std::move(message),
              [request](absl::StatusOr<http::Response> answer) {
                request->respond(ToResponse(std::move(answer)));
              });
}

}  // namespace purser
