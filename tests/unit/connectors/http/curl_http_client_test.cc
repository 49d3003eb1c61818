#include "connectors/http/curl_http_client.h"

#include <sys/resource.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/http/server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/self_signed.h"

namespace purser::connectors {
namespace {

using http::Handler;
using http::Request;
using http::Respond;
using http::Server;
using http::ServerOptions;

constexpr absl::Duration kLimit = absl::Seconds(20);

class CurlClient : public ::testing::Test {
 protected:
  void Serve(Handler handler, ServerOptions options = {}) {
    options.address = "127.0.0.1:0";
    auto server = Server::Start(options, std::move(handler));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string Url(absl::string_view path, absl::string_view scheme = "http") const {
    return absl::StrCat(scheme, "://127.0.0.1:", server_->port(), path);
  }

  CurlHttpClient& client() {
    if (client_ == nullptr) {
      auto client = CurlHttpClient::Create(options_);
      EXPECT_TRUE(client.ok()) << client.status();
      client_ = *std::move(client);
    }
    return *client_;
  }

  // Drives the client until all that was sent has its answer.
  void RunAll() {
    const absl::Time end = absl::Now() + kLimit;
    while (client().in_flight() > 0) {
      ASSERT_LT(absl::Now(), end) << client().in_flight() << " requests without an answer";
      client().RunOnce(absl::Seconds(1));
    }
  }

  absl::StatusOr<HttpResponse> Call(HttpRequest request) {
    absl::StatusOr<HttpResponse> result = absl::InternalError("not called");
    int calls = 0;
    client().Send(std::move(request), [&](absl::StatusOr<HttpResponse> answer) {
      ++calls;
      result = std::move(answer);
    });
    EXPECT_EQ(calls, 0) << "completed inside Send()";
    RunAll();
    EXPECT_EQ(calls, 1);
    return result;
  }

  CurlOptions options_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<CurlHttpClient> client_;
};

TEST_F(CurlClient, ARequestArrivesAsItWasMadeAndItsAnswerComesBackWhole) {
  Request arrived;
  Serve([&](Request request, Respond respond) {
    arrived = std::move(request);
    respond({.status = 201,
             .headers = {{"ETag", "W/\"1\""}, {"Location", "/Users/1"}},
             .content_type = "application/scim+json",
             .body = "{}"});
  });
  const auto answer = Call({.method = "PATCH",
                            .url = Url("/a/../Users/1?x=%20y"),
                            .headers = {{"Authorization", "Bearer t"}, {"X-Empty", ""}},
                            .body = std::string("bin\0ary", 7)});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(arrived.method, "PATCH");
  EXPECT_EQ(arrived.path, "/a/../Users/1");
  EXPECT_EQ(arrived.body, std::string("bin\0ary", 7));
  EXPECT_EQ(arrived.Header("Authorization"), "Bearer t");
  EXPECT_EQ(arrived.Header("Content-Type"), "");
  EXPECT_EQ(arrived.Header("User-Agent").substr(0, 7), "Purser/");
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->Header("etag"), "W/\"1\"");
  EXPECT_EQ(answer->Header("content-type"), "application/scim+json");
  EXPECT_EQ(answer->body, "{}");
}

TEST_F(CurlClient, EachMethodIsSentAsItself) {
  Serve([](Request request, Respond respond) {
    respond({.body = absl::StrCat(request.method, request.Header("Content-Length"))});
  });
  for (const auto& [method, body, expected] :
       std::vector<std::tuple<std::string, std::string, std::string>>{{"GET", "", "GET"},
                                                                      {"DELETE", "", "DELETE"},
                                                                      {"POST", "", "POST0"},
                                                                      {"PUT", "ab", "PUT2"},
                                                                      {"DELETE", "abc", "DELETE3"},
                                                                      {"HEAD", "", ""}}) {
    const auto answer = Call({.method = method, .url = Url("/"), .body = body});
    ASSERT_TRUE(answer.ok()) << method << answer.status();
    EXPECT_EQ(answer->body, expected);
  }
}

TEST_F(CurlClient, ARedirectIsReturnedAndNotFollowed) {
  std::atomic<int> requests = 0;
  Serve([&](Request, Respond respond) {
    ++requests;
    respond({.status = 307, .headers = {{"Location", "/elsewhere"}}});
  });
  const auto answer = Call({.method = "GET", .url = Url("/")});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(answer->Header("Location"), "/elsewhere");
  EXPECT_EQ(requests, 1);
}

TEST_F(CurlClient, AnAnswerThatDoesNotComeInTimeIsDeadlineExceeded) {
  std::vector<Respond> kept;
  Serve([&](Request, Respond respond) { kept.push_back(std::move(respond)); });
  const auto answer = Call({.method = "POST", .url = Url("/"), .timeout = absl::Milliseconds(50)});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded) << answer.status();
  server_->Stop(absl::ZeroDuration());
}

TEST_F(CurlClient, ARefusedConnectionIsFailedPrecondition) {
  Serve([](Request, Respond) {});
  const std::string url = Url("/");
  server_.reset();
  const auto answer = Call({.method = "POST", .url = url});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kFailedPrecondition) << answer.status();
}

TEST_F(CurlClient, AConnectionLostAfterTheRequestIsUnavailable) {
  Serve([](Request, Respond) {});
  const auto answer = Call({.method = "POST", .url = Url("/"), .body = "x"});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
}

TEST_F(CurlClient, AWriteIsNeverSentTwiceWhenAKeptConnectionDies) {
  std::atomic<int> requests = 0;
  Serve([&](Request, Respond respond) {
    if (++requests == 1) respond({});
  });
  EXPECT_TRUE(Call({.method = "POST", .url = Url("/"), .body = "1"}).ok());
  const auto lost = Call({.method = "POST", .url = Url("/"), .body = "2"});
  EXPECT_EQ(lost.status().code(), absl::StatusCode::kUnavailable) << lost.status();
  EXPECT_EQ(requests, 2);
}

TEST_F(CurlClient, AnAnswerOverTheLimitIsUnavailable) {
  options_.max_response_bytes = 1000;
  Serve([](Request request, Respond respond) {
    respond({.body = std::string(request.path == "/1000" ? 1000 : 1001, 'x')});
  });
  EXPECT_TRUE(Call({.method = "GET", .url = Url("/1000")}).ok());
  const auto answer = Call({.method = "GET", .url = Url("/1001")});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
}

TEST_F(CurlClient, ARequestThatIsNotAllowedIsRefusedUnsent) {
  const auto answer = Call({.method = "GET", .url = "http://app.example/"});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CurlClient, AConnectionIsUsedAgain) {
  ServerOptions options;
  options.max_connections = 1;
  Serve([](Request, Respond respond) { respond({}); }, options);
  for (int i = 0; i < 20; ++i) {
    const auto answer = Call({.method = "GET", .url = Url("/")});
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->status, 200) << "a second connection would be turned away with 503";
  }
}

TEST_F(CurlClient, AnEnvironmentsProxyIsNotUsed) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  Serve([](Request, Respond respond) { respond({}); });
  EXPECT_TRUE(Call({.method = "GET", .url = Url("/")}).ok());
  unsetenv("http_proxy");
  unsetenv("all_proxy");
}

TEST_F(CurlClient, ACertificateIsVerified) {
  const SelfSigned certificate;
  ServerOptions tls;
  tls.certificate_file = certificate.certificate_path;
  tls.key_file = certificate.key_path;
  Serve([](Request request, Respond respond) { respond({.body = request.scheme}); }, tls);
  const auto untrusted = Call({.method = "GET", .url = Url("/", "https")});
  EXPECT_EQ(untrusted.status().code(), absl::StatusCode::kFailedPrecondition) << untrusted.status();
  options_.ca_file = certificate.certificate_path;
  client_.reset();
  const auto trusted = Call({.method = "GET", .url = Url("/", "https")});
  ASSERT_TRUE(trusted.ok()) << trusted.status();
  EXPECT_EQ(trusted->body, "https");
  const auto other_name =
      Call({.method = "GET", .url = absl::StrCat("https://localhost:", server_->port(), "/")});
  EXPECT_EQ(other_name.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(CurlClient, AThousandRequestsAreUnderWayAtOnce) {
  constexpr int kRequests = 1000;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 4096) GTEST_SKIP() << "needs 4096 open files";
  files.rlim_cur = std::max<rlim_t>(files.rlim_cur, 4096);
  setrlimit(RLIMIT_NOFILE, &files);
  // Answers none before all have arrived.
  std::mutex mutex;
  std::vector<std::pair<std::string, Respond>> waiting;
  Serve([&](Request request, Respond respond) {
    std::lock_guard<std::mutex> lock(mutex);
    waiting.emplace_back(request.path, std::move(respond));
    if (waiting.size() < kRequests) return;
    for (auto& [path, answer] : waiting) answer({.body = path});
    waiting.clear();
  });
  std::set<std::string> answered;
  for (int i = 0; i < kRequests; ++i) {
    const std::string path = absl::StrCat("/", i);
    client().Send({.method = "GET", .url = Url(path)}, [&, path](auto answer) {
      if (answer.ok() && answer->body == path) answered.insert(path);
    });
  }
  RunAll();
  EXPECT_EQ(answered.size(), kRequests);
}

TEST_F(CurlClient, ACompletionMaySendTheNextRequest) {
  Serve([](Request, Respond respond) { respond({}); });
  int done = 0;
  std::function<void(absl::StatusOr<HttpResponse>)> again = [&](auto answer) {
    EXPECT_TRUE(answer.ok());
    if (++done < 5) client().Send({.method = "GET", .url = Url("/")}, again);
  };
  client().Send({.method = "GET", .url = Url("/")}, again);
  RunAll();
  EXPECT_EQ(done, 5);
}

TEST_F(CurlClient, WakeEndsAWait) {
  client().RunOnce(absl::ZeroDuration());
  const absl::Time begin = absl::Now();
  std::thread waker([this] { client().Wake(); });
  client().RunOnce(absl::Seconds(30));
  waker.join();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(CurlClient, DestructionCutsWhatIsUnderWay) {
  std::vector<Respond> kept;
  Serve([&](Request, Respond respond) { kept.push_back(std::move(respond)); });
  int completions = 0;
  client().Send({.method = "GET", .url = Url("/")}, [&](auto) { ++completions; });
  for (int i = 0; i < 5; ++i) client().RunOnce(absl::Milliseconds(5));
  client_.reset();
  EXPECT_EQ(completions, 0);
  server_->Stop(absl::ZeroDuration());
}

}  // namespace
}  // namespace purser::connectors
