// What durable creates could cost at least: HTTP, one parse of the body, one record each in a group
// commit of the same log; no schema, no state, no answer but the body itself.
//
//   bare_creates ADDRESS FOLDER [kafka://..]
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "broker/app/open_log.h"
#include "broker/base/clock.h"
#include "broker/base/mutex.h"
#include "broker/events/record.h"
#include "broker/http/server.h"
#include "broker/scim/json_text.h"

namespace purser {
namespace {

struct Waiting {
  std::string body;
  http::Respond respond;
};

// Takes what waits, appends it as one group, answers it.
class BareLoop {
 public:
  explicit BareLoop(EventLog* log) : log_(log) {}

  void Submit(Waiting waiting) {
    MutexLock lock(&mutex_);
    waiting_.push_back(std::move(waiting));
    if (waiting_.size() == 1) log_->Wake();
  }

  void Run(const bool& stop) {
    bool opened = false;
    log_->Open(stream_, [&](absl::StatusOr<Head> head) {
      if (head.ok()) head_ = *head;
      opened = head.ok();
    });
    while (!opened) log_->RunOnce(absl::Milliseconds(10));
    while (!stop) {
      const bool started = StartGroup();
      log_->RunOnce(started ? absl::ZeroDuration() : absl::Milliseconds(20));
    }
  }

 private:
  bool StartGroup() {
    if (appending_) return false;
    auto group = std::make_shared<std::vector<Waiting>>();
    {
      MutexLock lock(&mutex_);
      group->swap(waiting_);
    }
    if (group->empty()) return false;
    const Head before = head_;
    std::vector<Record> records;
    for (const Waiting& one : *group) {
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::RESOURCE_CREATED);
      envelope.set_resource_type(event::v1::USER);
      envelope.set_resource_id("0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f");
      envelope.set_payload(one.body);
      records.push_back(ChainRecord(stream_, std::move(envelope), SystemClock().Now(), &head_));
    }
    appending_ = true;
    log_->Append(stream_, before, std::move(records), [this, group](const AppendResult& result) {
      appending_ = false;
      for (Waiting& one : *group) {
        http::Response response;
        response.status = result.status.ok() ? 201 : 503;
        response.content_type = "application/scim+json";
        response.body = std::move(one.body);
        one.respond(std::move(response));
      }
    });
    return true;
  }

  EventLog* const log_;
  const StreamId stream_ = StreamId::Directory("bare");
  Head head_;
  bool appending_ = false;
  Mutex mutex_;
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
};

bool stop = false;

int Run(const std::string& address, const std::string& folder, const std::string& kafka) {
  auto log = OpenLog({folder, kafka, ""}, &SystemClock(), [](const absl::Status&) { stop = true; });
  if (!log.ok()) {
    std::fprintf(stderr, "%s\n", log.status().ToString().c_str());
    return 1;
  }
  BareLoop loop(log->log.get());
  http::ServerOptions options;
  options.address = address;
  options.threads = 2;
  auto server = http::Server::Start(options, [&loop](http::Request request, http::Respond respond) {
    const auto parsed = scim::ParseJson(request.body);
    if (!parsed.ok()) {
      respond({.status = 400});
      return;
    }
    loop.Submit({std::move(request.body), std::move(respond)});
  });
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  loop.Run(stop);
  (*server)->Stop(absl::ZeroDuration());
  return 0;
}

}  // namespace
}  // namespace purser

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bare_creates ADDRESS FOLDER [kafka://HOST:PORT/PREFIX]\n");
    return 2;
  }
  std::signal(SIGTERM, [](int) { purser::stop = true; });
  return purser::Run(argv[1], argv[2], argc > 3 ? argv[3] : "");
}
