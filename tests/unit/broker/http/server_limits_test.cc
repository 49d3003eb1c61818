#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/http/server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "raw_client.h"

namespace purser::http {
namespace {

using ::testing::HasSubstr;

class ServerLimits : public ::testing::Test {
 protected:
  ServerLimits() { options_.address = "127.0.0.1:0"; }

  uint16_t Start() {
    auto server = Server::Start(options_, [this](Request request, Respond respond) {
      ++handled_;
      respond({.body = absl::StrCat(request.body.size())});
    });
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    return server_->port();
  }

  // The answer to `request` on a connection of its own, which the server must close.
  std::string Refusal(absl::string_view request) {
    RawClient client(server_->port());
    client.Send(request);
    return client.ReadToEnd();
  }

  ServerOptions options_;
  std::atomic<int> handled_ = 0;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerLimits, ABodyOverTheLimitIs413HoweverItIsFramed) {
  options_.max_body_bytes = 10;
  Start();
  EXPECT_EQ(StatusOf(Refusal("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n")), "413");
  EXPECT_EQ(StatusOf(Refusal("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n")),
            "413");
  EXPECT_EQ(StatusOf(Refusal("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                             "Content-Length: 11\r\n\r\n")),
            "413");
  EXPECT_EQ(handled_, 0);
  RawClient client(server_->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "10");
}

TEST_F(ServerLimits, AClientStillSendingItsBodyCanReadThe413) {
  options_.max_body_bytes = 10;
  Start();
  RawClient client(server_->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n");
  client.Send(std::string(4'000'000, 'x'));
  EXPECT_EQ(StatusOf(client.ReadResponse()), "413");
}

TEST_F(ServerLimits, HeadersOverTheLimitAre431) {
  options_.max_header_bytes = 1000;
  Start();
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(StatusOf(Refusal(absl::StrCat(begin, "X: ", std::string(1000, 'x'), "\r\n\r\n"))),
            "431");
  EXPECT_EQ(StatusOf(Refusal(absl::StrCat("GET /", std::string(2000, 'x'), " HTTP/1.1\r\n"))),
            "431");
  RawClient client(server_->port());
  client.Send(absl::StrCat(begin, "X: ", std::string(900, 'x'), "\r\n\r\n"));
  EXPECT_EQ(StatusOf(client.ReadResponse()), "200");
}

TEST_F(ServerLimits, ManySmallHeadersSentOneByOneAreCountedTogether) {
  options_.max_header_bytes = 1000;
  Start();
  RawClient client(server_->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n");
  for (int i = 0; i < 300; ++i) {
    if (!client.Send("X-Name: some value\r\n")) break;
  }
  EXPECT_EQ(StatusOf(client.ReadToEnd()), "431");
}

TEST_F(ServerLimits, AnEndlessChunkHeaderOrTrailerIsRefused) {
  options_.max_header_bytes = 1000;
  Start();
  const std::string begin = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(StatusOf(Refusal(absl::StrCat(begin, "1;", std::string(100'000, 'x')))), "400");
  std::string trailer;
  for (int i = 0; i < 10'000; ++i) trailer += "X-T: y\r\n";
  const std::string status = StatusOf(Refusal(absl::StrCat(begin, "0\r\n", trailer)));
  EXPECT_TRUE(status == "400" || status == "431") << status;
  EXPECT_EQ(handled_, 0);
}

TEST_F(ServerLimits, WhatIsNoHttpIs400) {
  Start();
  for (const char* request : {
           "nonsense\r\n\r\n",
           "GET /\r\n\r\n",
           "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
           "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
           "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
           "\x16\x03\x01 a TLS client at the clear port\r\n\r\n",
       }) {
    EXPECT_EQ(StatusOf(Refusal(request)), "400") << request;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(ServerLimits, ABodyWhoseEndIsInDoubtIsRefused) {
  Start();
  for (const char* headers : {
           "Transfer-Encoding: gzip\r\n",
           "Transfer-Encoding: chunked, gzip\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
       }) {
    const std::string status =
        StatusOf(Refusal(absl::StrCat("POST / HTTP/1.1\r\nHost: h\r\n", headers, "\r\n0\r\n\r\n")));
    EXPECT_TRUE(status == "400" || status == "501") << headers << status;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(ServerLimits, ASlowHeaderIs408EvenWhenBytesKeepComing) {
  options_.header_timeout = absl::Milliseconds(60);
  Start();
  RawClient client(server_->port());
  const absl::Time begin = absl::Now();
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n");
  while (client.Send("X: y\r\n") && absl::Now() < begin + absl::Milliseconds(120)) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(StatusOf(client.ReadToEnd()), "408");
  EXPECT_EQ(handled_, 0);
}

TEST_F(ServerLimits, AStalledBodyIs408) {
  options_.body_timeout = absl::Milliseconds(50);
  Start();
  EXPECT_EQ(StatusOf(Refusal("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")), "408");
}

TEST_F(ServerLimits, ABodyThatTricklesIs408AfterTheTotalTime) {
  options_.body_timeout = absl::Seconds(10);
  options_.body_total_timeout = absl::Milliseconds(60);
  Start();
  RawClient client(server_->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n");
  const absl::Time begin = absl::Now();
  while (client.Send("x") && absl::Now() < begin + absl::Milliseconds(120)) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(StatusOf(client.ReadToEnd()), "408");
}

TEST_F(ServerLimits, AnIdleConnectionIsClosedWithoutAnAnswer) {
  options_.idle_timeout = absl::Milliseconds(40);
  Start();
  RawClient fresh(server_->port());
  EXPECT_EQ(fresh.ReadToEnd(), "");
  RawClient used(server_->port());
  used.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(StatusOf(used.ReadResponse()), "200");
  EXPECT_EQ(used.ReadToEnd(), "");
}

TEST_F(ServerLimits, AClientThatDoesNotReadItsAnswerIsClosed) {
  options_.body_timeout = absl::Milliseconds(50);
  auto server = Server::Start(
      options_, [](Request, Respond respond) { respond({.body = std::string(64 << 20, 'x')}); });
  ASSERT_TRUE(server.ok());
  RawClient client((*server)->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_LT(client.ReadToEnd().size(), 64u << 20);
}

TEST_F(ServerLimits, AConnectionTooManyIsTurnedAwayAndAFreedPlaceIsUsed) {
  options_.max_connections = 1;
  Start();
  auto first = std::make_unique<RawClient>(server_->port());
  first->Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(StatusOf(first->ReadResponse()), "200");
  EXPECT_EQ(StatusOf(RawClient(server_->port()).ReadToEnd()), "503");
  first.reset();
  std::string status;
  for (int i = 0; i < 100 && status != "200"; ++i) {
    RawClient next(server_->port());
    next.Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    status = StatusOf(next.ReadResponse());
  }
  EXPECT_EQ(status, "200");
}

TEST_F(ServerLimits, RefusalsAreRenderedByTheErrorPageOfThePath) {
  options_.max_body_bytes = 1;
  options_.error_page = [](int status, absl::string_view path, absl::string_view message) {
    return Response{.status = status,
                    .content_type = "application/scim+json",
                    .body = absl::StrCat(path, ": ", message)};
  };
  Start();
  const std::string answer =
      Refusal("POST /scim/v2/Users HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(StatusOf(answer), "413");
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/scim+json\r\n"));
  EXPECT_EQ(BodyOf(answer),
            "/scim/v2/Users: the request's body is too large: at most 1 bytes are taken");
}

}  // namespace
}  // namespace purser::http
