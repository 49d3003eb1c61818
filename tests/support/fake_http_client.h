// An HttpClient whose answers a test gives: by a handler, or one after the other.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/api/http_client.h"

namespace purser::connectors {

// Not thread-safe. Completions run in RunOnce() or RunAll(), in the order of the requests.
class FakeHttpClient : public HttpClient {
 public:
  using Handler = std::function<absl::StatusOr<HttpResponse>(const HttpRequest&)>;

  FakeHttpClient() = default;
  explicit FakeHttpClient(Handler handler) : handler_(std::move(handler)) {}

  void Send(HttpRequest request, Done done) override {
    requests.push_back(request);
    pending_.emplace_back(std::move(request), std::move(done));
  }

  // Answers the oldest request; false where none waits.
  bool RunOnce() {
    if (pending_.empty()) return false;
    auto [request, done] = std::move(pending_.front());
    pending_.pop_front();
    done(Respond(request));
    return true;
  }
  void RunAll() {
    while (RunOnce()) continue;
  }

  // Answers that come before the handler's, each once, the first first.
  void Push(absl::StatusOr<HttpResponse> answer) { scripted_.push_back(std::move(answer)); }
  void Push(int status, std::string body,
            std::vector<std::pair<std::string, std::string>> headers = {}) {
    Push(HttpResponse{.status = status, .headers = std::move(headers), .body = std::move(body)});
  }

  std::vector<HttpRequest> requests;  // all that were sent

 private:
  absl::StatusOr<HttpResponse> Respond(const HttpRequest& request) {
    if (!scripted_.empty()) {
      absl::StatusOr<HttpResponse> answer = std::move(scripted_.front());
      scripted_.pop_front();
      return answer;
    }
    if (handler_) return handler_(request);
    return absl::FailedPreconditionError("no answer is scripted");
  }

  Handler handler_;
  std::deque<std::pair<HttpRequest, Done>> pending_;
  std::deque<absl::StatusOr<HttpResponse>> scripted_;
};

// The value of a request's header, "" where it has none.
inline std::string HeaderOf(const HttpRequest& request, const std::string& name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace purser::connectors
