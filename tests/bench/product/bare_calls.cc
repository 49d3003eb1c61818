// What delivery to an application could cost at least: for each user a look-up and a create by
// libcurl, so many calls at once, and one record of each call in the embedded log; no mapping, no
// state, no order.
//
//   bare_calls URL TOKEN FOLDER USERS CALLS_AT_ONCE
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "broker/app/open_log.h"
#include "broker/base/clock.h"
#include "broker/base/mutex.h"
#include "broker/base/status.h"
#include "broker/events/record.h"
#include "connectors/http/curl_http_client.h"
#include "tests/bench/http/load_generator.h"

namespace purser {
namespace {

// Appends what waits as one group after the other, on a thread of its own.
class BareRecords {
 public:
  explicit BareRecords(EventLog* log) : log_(log), thread_([this] { Run(); }) {}
  // Once all is on the disk.
  ~BareRecords() {
    stopping_ = true;
    log_->Wake();
    thread_.join();
  }

  void Append(std::string body) {
    MutexLock lock(&mutex_);
    waiting_.push_back(std::move(body));
    if (waiting_.size() == 1) log_->Wake();
  }

 private:
  void Run() {
    bool opened = false;
    log_->Open(stream_, [&](const absl::StatusOr<Head>& head) {
      if (head.ok()) head_ = *head;
      opened = head.ok();
    });
    while (!opened) log_->RunOnce(absl::Milliseconds(10));
    while (true) {
      const bool last = stopping_;
      if (!appending_ && !StartGroup() && last) return;
      log_->RunOnce(appending_ ? absl::ZeroDuration() : absl::Milliseconds(20));
    }
  }

  bool StartGroup() {
    std::vector<std::string> group;
    {
      MutexLock lock(&mutex_);
      group.swap(waiting_);
    }
    if (group.empty()) return false;
    const Head before = head_;
    std::vector<Record> records;
    for (std::string& body : group) {
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::RESOURCE_CREATED);
      envelope.set_payload(std::move(body));
      records.push_back(ChainRecord(stream_, std::move(envelope), SystemClock().Now(), &head_));
    }
    appending_ = true;
    log_->Append(stream_, before, std::move(records), [this](const AppendResult& result) {
      if (!result.status.ok()) std::abort();
      appending_ = false;
    });
    return true;
  }

  EventLog* const log_;
  const StreamId stream_ = StreamId::Directory("bare");
  Head head_;
  bool appending_ = false;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  std::vector<std::string> waiting_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

struct Plan {
  std::string url;
  std::string token;
  int users = 0;
  int at_once = 0;
};

// Each user's look-up, and then its create.
class BareCalls {
 public:
  BareCalls(const Plan& plan, connectors::CurlHttpClient* client, BareRecords* records)
      : plan_(plan), client_(client), records_(records) {}

  // The number of calls that were not answered as they should be.
  int Run() {
    for (int n = 0; n < plan_.at_once; ++n) StartNext();
    while (client_->in_flight() > 0) client_->RunOnce(absl::Milliseconds(100));
    return failed_;
  }

 private:
  connectors::HttpRequest Request(std::string method, absl::string_view path) const {
    connectors::HttpRequest request;
    request.method = std::move(method);
    request.url = absl::StrCat(plan_.url, path);
    request.headers = {{"Authorization", "Bearer " + plan_.token},
                       {"Accept", "application/scim+json"},
                       {"Content-Type", "application/scim+json"}};
    return request;
  }

  void StartNext() {
    if (next_ == plan_.users) return;
    const std::string number = absl::StrFormat("%09d", ++next_);
    client_->Send(Request("GET", absl::StrCat("/Users?filter=userName%20eq%20%22load.", number,
                                              "%40bench.example%22")),
                  [this, number](const absl::StatusOr<connectors::HttpResponse>& response) {
                    Note(response, 200);
                    Create(number);
                  });
  }

  void Create(const std::string& number) {
    connectors::HttpRequest request = Request("POST", "/Users");
    request.body = absl::StrReplaceAll(template_, {{"{n}", number}});
    client_->Send(std::move(request),
                  [this](const absl::StatusOr<connectors::HttpResponse>& response) {
                    Note(response, 201);
                    StartNext();
                  });
  }

  void Note(const absl::StatusOr<connectors::HttpResponse>& response, int status) {
    if (!response.ok() || response->status != status) ++failed_;
    records_->Append(response.ok() ? response->body : "");
  }

  const Plan& plan_;
  connectors::CurlHttpClient* const client_;
  BareRecords* const records_;
  const std::string template_ = bench::ScimUserTemplate();
  int next_ = 0;
  int failed_ = 0;
};

absl::Status Run(const Plan& plan, const std::string& folder) {
  ASSIGN_OR_RETURN(auto log, OpenLog({folder, "", ""}, &SystemClock(),
                                     [](const absl::Status&) { std::abort(); }));
  ASSIGN_OR_RETURN(auto client, connectors::CurlHttpClient::Create({}));
  const auto began = std::chrono::steady_clock::now();
  int failed = 0;
  {
    BareRecords records(log.log.get());
    failed = BareCalls(plan, client.get(), &records).Run();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (failed > 0) return absl::InternalError(absl::StrCat(failed, " calls failed"));
  std::printf("{\"calls\": %d, \"seconds\": %.3f}\n", 2 * plan.users, took.count());
  return absl::OkStatus();
}

}  // namespace
}  // namespace purser

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: bare_calls URL TOKEN FOLDER USERS CALLS_AT_ONCE\n");
    return 2;
  }
  const absl::Status done =
      purser::Run({argv[1], argv[2], std::atoi(argv[4]), std::atoi(argv[5])}, argv[3]);
  if (!done.ok()) std::fprintf(stderr, "bare_calls: %s\n", done.ToString().c_str());
  return done.ok() ? 0 : 1;
}
