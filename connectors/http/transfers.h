// Requests on their way through libcurl, any number of them at once.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/http/curl_http_client.h"
#include "connectors/http/transfer.h"

namespace purser::connectors {

// Drives libcurl by epoll and its socket interface, whose cost follows the sockets that are ready;
// curl_multi_perform() visits every request under way each time.
//
// All but Wake() is one thread's. Requests under way at destruction are cut.
class Transfers {
 public:
  struct Finished {
    uint64_t id = 0;  // that it was started with
    absl::StatusOr<HttpResponse> result;
  };

  explicit Transfers(const CurlOptions& options);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  // ResourceExhausted where the system has no descriptor left. Nothing else before it.
  absl::Status Open();

  // `request` has passed CheckRequest().
  void Start(uint64_t id, HttpRequest request);

  // Moves bytes, waiting at most `max_wait` for the first thing to happen, and tells what finished.
  std::vector<Finished> RunOnce(absl::Duration max_wait);

  // Ends a wait in RunOnce(), or the next one. Thread-safe.
  void Wake();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr TimePoint kNever = TimePoint::max();

  struct MultiFreer {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };

  static int OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*);
  static int OnTimer(CURLM*, long milliseconds, void* self);  // NOLINT(google-runtime-int)
  void Poll(absl::Duration max_wait);
  int WaitOf(absl::Duration max_wait) const;
  std::vector<Finished> Collect();
  EasyHandle TakeEasy();
  void Keep(EasyHandle easy);

  const CurlOptions options_;
  int epoll_ = -1;
  int wake_ = -1;
  TimePoint timer_ = kNever;
  std::unique_ptr<CURLM, MultiFreer> multi_;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> under_way_;
  std::vector<EasyHandle> idle_;
};

}  // namespace purser::connectors
