// bench_frontdoor: durable creates a second through the front door, and of a bare loop that only
// parses and commits. No sockets: one thread hands in requests, one drives the log.
//
//   bench_frontdoor FOLDER [CREATES] [IN_FLIGHT]
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/scim/resource_input.h"
#include "purser/event/v1/directory.pb.h"
#include "tests/bench/http/load_generator.h"

namespace purser {
namespace {

constexpr char kSecret[] = "a-secret-of-the-benchmark-000000000000000";

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double ThreadCpuSeconds() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

std::string Body(int number) {
  return absl::StrReplaceAll(bench::ScimUserTemplate(),
                             {{"{n}", absl::StrCat(1'000'000'000 + number).substr(1)}});
}

// What cannot be spared: the body parsed, its record chained and committed, `group` at a time.
void BareLoop(const std::string& folder, int creates, int group) {
  auto log = SqliteEventLog::Create({.folder = folder});
  const StreamId stream = StreamId::Directory("bare");
  Head head = EmptyHead(stream);
  (*log)->Open(stream, [](const absl::StatusOr<Head>&) {});
  (*log)->RunOnce(absl::ZeroDuration());
  const auto start = std::chrono::steady_clock::now();
  const double cpu = ThreadCpuSeconds();
  for (int done = 0; done < creates; done += group) {
    const Head base = head;
    std::vector<Record> records;
    for (int i = 0; i < group; ++i) {
      auto input = scim::ParseResource(scim::UserSchema(), Body(done + i));
      event::v1::ResourceCreated created;
      created.set_attributes(std::move(input->attributes_text));
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::RESOURCE_CREATED);
      envelope.set_resource_type(event::v1::USER);
      envelope.set_resource_id(RandomIdSource().NewId(SystemClock().Now()));
      envelope.set_payload(created.SerializeAsString());
      records.push_back(ChainRecord(stream, std::move(envelope), SystemClock().Now(), &head));
    }
    (*log)->Append(stream, base, std::move(records), [](const AppendResult& result) {
      if (!result.status.ok()) std::abort();
    });
    (*log)->RunOnce(absl::ZeroDuration());
  }
  std::printf("bare loop   %8.0f creates/s, %.0f us each\n", creates / SecondsSince(start),
              (ThreadCpuSeconds() - cpu) * 1e6 / creates);
}

// The front door on the same log.
class FrontDoor {
 public:
  explicit FrontDoor(const std::string& folder) {
    log_ = *SqliteEventLog::Create({.folder = folder});
    const StreamId stream = StreamId::Directory("front");
    log_->SetListener([this](const StreamId&) { directory_->writer().NewRecords(); });
    log_->Open(stream, [](const absl::StatusOr<Head>&) {});
    log_->RunOnce(absl::ZeroDuration());
    directory_ = *DirectoryService::Open(
        folder + "/front.db", "front", log_.get(), &SystemClock(), [](auto work) { work(); },
        [this] { log_->Wake(); });
    auth::Tokens tokens;
    *tokens.Add() = auth::TokenOf(kSecret, "t1", auth::Role::kScim, absl::InfiniteFuture());
    tokens_.Put("front", tokens);
    thread_ = std::thread([this] {
      while (!stop_) {
        const bool worked = directory_->writer().RunOnce();
        log_->RunOnce(worked ? absl::ZeroDuration() : absl::Milliseconds(50));
      }
      driver_cpu_ = ThreadCpuSeconds();
    });
  }
  ~FrontDoor() { Stop(); }

  void Run(int creates, int in_flight) {
    const ScimEndpoints endpoints({&tokens_, &SystemClock(), &RandomIdSource()});
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < creates; ++i) {
      while (i - answered_ >= in_flight) Render();
      endpoints.Handle(Create(i),
                       [this](http::Response response) { Answered(std::move(response)); },
                       directory_.get(), "/scim/v2", {});
    }
    while (answered_ < creates) Render();
    const double seconds = SecondsSince(start);
    Stop();
    std::printf("front door  %8.0f creates/s, %.0f us of the directory's thread each, %d failed\n",
                creates / seconds, driver_cpu_ * 1e6 / creates, failed_.load());
  }

 private:
  void Stop() {
    stop_ = true;
    log_->Wake();
    if (thread_.joinable()) thread_.join();
  }
  static http::Request Create(int number) {
    http::Request request;
    request.method = "POST";
    request.path = "/scim/v2/Users";
    request.headers = {{"Authorization", absl::StrCat("Bearer ", kSecret)},
                       {"Content-Type", "application/scim+json"}};
    request.body = Body(number);
    request.scheme = "http";
    request.host = "localhost";
    return request;
  }
  void Answered(http::Response response) {
    // Rendered by the thread that hands in requests, as a server's would.
    if (response.render) {
      MutexLock lock(&mutex_);
      unsent_.push_back(std::move(response.render));
      return;
    }
    Count(response);
  }
  void Render() {
    std::vector<std::function<http::Response()>> unsent;
    {
      MutexLock lock(&mutex_);
      unsent.swap(unsent_);
    }
    for (const auto& render : unsent) Count(render());
    if (unsent.empty()) std::this_thread::yield();
  }
  void Count(const http::Response& response) {
    if (response.status != 201) ++failed_;
    ++answered_;
  }

  std::unique_ptr<SqliteEventLog> log_;
  std::unique_ptr<DirectoryService> directory_;
  auth::TokenTable tokens_;
  std::atomic<bool> stop_{false};
  std::atomic<int> answered_{0};
  std::atomic<int> failed_{0};
  Mutex mutex_;
  std::vector<std::function<http::Response()>> unsent_ ABSL_GUARDED_BY(mutex_);
  double driver_cpu_ = 0;
  std::thread thread_;
};

}  // namespace
}  // namespace purser

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_frontdoor FOLDER [CREATES] [IN_FLIGHT]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const int creates = argc > 2 ? std::atoi(argv[2]) : 20'000;
  const int in_flight = argc > 3 ? std::atoi(argv[3]) : 64;
  purser::BareLoop(folder + "/bare", creates, in_flight);
  purser::FrontDoor(folder + "/front").Run(creates, in_flight);
  return 0;
}
