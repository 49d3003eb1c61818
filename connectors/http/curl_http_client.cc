#include "connectors/http/curl_http_client.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/base/mailbox.h"
#include "broker/base/mutex.h"
#include "broker/base/status.h"
#include "connectors/http/request_check.h"
#include "connectors/http/transfers.h"

namespace purser::connectors {
namespace {

// What travels between the threads is a request's number and its result: completions, and what
// they hold, are the driving thread's from Send() to their end.
class ThreadedClient : public CurlHttpClient {
 public:
  explicit ThreadedClient(const CurlOptions& options) : nice_(options.nice), transfers_(options) {}

  ~ThreadedClient() override {
    stop_ = true;
    transfers_.Wake();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Start() {
    RETURN_IF_ERROR(transfers_.Open());
    thread_ = std::thread([this] { Run(); });
    return absl::OkStatus();
  }

  void Send(HttpRequest request, Done done) override {
    const uint64_t id = ++last_id_;
    completions_.emplace(id, std::move(done));
    if (absl::Status status = CheckRequest(request); !status.ok()) {
      finished_.Post([this, id, status = std::move(status)] { Complete({id, status}); });
      return;
    }
    bool first = false;
    {
      MutexLock lock(&mutex_);
      first = sent_.empty();
      sent_.push_back({id, std::move(request)});
    }
    if (first) transfers_.Wake();
  }

  bool RunOnce(absl::Duration max_wait) override { return finished_.RunOnce(max_wait); }
  void Wake() override { finished_.Wake(); }
  size_t in_flight() const override { return completions_.size(); }

 private:
  struct Sent {
    uint64_t id;
    HttpRequest request;
  };

  void Run() {
    // Of this thread alone, on Linux. Where it is refused, nothing is lost but the order.
    if (nice_ != 0) setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice_);
    while (!stop_) {
      for (Sent& sent : TakeSent()) transfers_.Start(sent.id, std::move(sent.request));
      auto finished = transfers_.RunOnce(absl::InfiniteDuration());
      if (finished.empty()) continue;
      finished_.Post([this, finished = std::move(finished)]() mutable {
        for (Transfers::Finished& each : finished) Complete(std::move(each));
      });
    }
  }

  std::vector<Sent> TakeSent() {
    MutexLock lock(&mutex_);
    return std::exchange(sent_, {});
  }

  void Complete(Transfers::Finished finished) {
    auto completion = completions_.extract(finished.id);
    completion.mapped()(std::move(finished.result));
  }

  const int nice_;
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  std::vector<Sent> sent_ ABSL_GUARDED_BY(mutex_);
  Mailbox finished_;
  Transfers transfers_;  // the thread's, but for Wake()

  // The driving thread's.
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, Done> completions_;

  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CurlHttpClient>> CurlHttpClient::Create(const CurlOptions& options) {
  CurlOptions complete = options;
  if (complete.user_agent.empty()) complete.user_agent = "Purser/" PURSER_VERSION;
  auto client = std::make_unique<ThreadedClient>(complete);
  RETURN_IF_ERROR(client->Start());
  return client;
}

}  // namespace purser::connectors
