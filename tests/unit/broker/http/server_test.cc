#include "broker/http/server.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "raw_client.h"

namespace purser::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ServerOptions Loopback() {
  ServerOptions options;
  options.address = "127.0.0.1:0";
  return options;
}

// Answers with what it understood of the request.
void Echo(Request request, Respond respond) {
  Response response;
  response.content_type = "text/plain";
  response.headers = {{"X-Method", request.method}};
  response.body = absl::StrCat(request.path, "|", request.body);
  respond(std::move(response));
}

std::unique_ptr<Server> StartOrDie(const ServerOptions& options, Handler handler) {
  auto server = Server::Start(options, std::move(handler));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

// Keeps what the server hands over, for the test to answer from its own thread.
class Desk {
 public:
  Handler handler() {
    return [this](Request request, Respond respond) {
      std::lock_guard<std::mutex> lock(mutex_);
      waiting_.emplace_back(std::move(request), std::move(respond));
      arrived_.notify_all();
    };
  }

  std::pair<Request, Respond> Next() {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_.wait(lock, [this] { return !waiting_.empty(); });
    auto next = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return next;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::pair<Request, Respond>> waiting_;
};

TEST(Server, ARequestReachesTheHandlerWholeAndItsAnswerTheClient) {
  Desk desk;
  auto server = StartOrDie(Loopback(), desk.handler());
  RawClient client(server->port());
  client.Send(
      "POST /scim/v2/Users?a=1 HTTP/1.1\r\nHost: h.example\r\nX-One:  two \r\n"
      "Content-Length: 4\r\n\r\nbody");
  auto [request, respond] = desk.Next();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/scim/v2/Users");
  ASSERT_NE(request.Query("a"), nullptr);
  EXPECT_EQ(*request.Query("a"), "1");
  EXPECT_EQ(request.Query("b"), nullptr);
  EXPECT_EQ(request.Header("x-ONE"), "two");
  EXPECT_EQ(request.host, "h.example");
  EXPECT_EQ(request.scheme, "http");
  EXPECT_EQ(request.remote_address, "127.0.0.1");
  EXPECT_EQ(request.body, "body");
  respond({.status = 201, .body = "made"});
  const std::string answer = client.ReadResponse();
  EXPECT_EQ(StatusOf(answer), "201");
  EXPECT_EQ(BodyOf(answer), "made");
}

TEST(Server, AConnectionCarriesManyRequests) {
  auto server = StartOrDie(Loopback(), Echo);
  RawClient client(server->port());
  for (int i = 0; i < 100; ++i) {
    client.Send(absl::StrCat("GET /", i, " HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_EQ(BodyOf(client.ReadResponse()), absl::StrCat("/", i, "|"));
  }
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  auto server = StartOrDie(Loopback(), [](Request request, Respond respond) {
    // The first is the slowest: without order it would be answered last.
    std::thread([path = request.path, respond = std::move(respond)] {
      if (path == "/0") std::this_thread::yield();
      respond({.body = path});
    }).detach();
  });
  RawClient client(server->port());
  std::string all;
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&all, "GET /", i, " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  client.Send(all);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(BodyOf(client.ReadResponse()), absl::StrCat("/", i));
  }
}

TEST(Server, ARequestSentByteByByteIsUnderstood) {
  auto server = StartOrDie(Loopback(), Echo);
  RawClient client(server->port());
  for (const absl::string_view request :
       {"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n"}) {
    for (const char c : request) client.Send(absl::string_view(&c, 1));
  }
  EXPECT_EQ(BodyOf(client.ReadResponse()), "/a|abc");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "/b|abc0123456789abcdef");
}

TEST(Server, ALargeBodyGoesBothWays) {
  auto server = StartOrDie(Loopback(), Echo);
  RawClient client(server->port());
  const std::string body(8 << 20, 'x');
  std::thread sender([&] {
    client.Send(absl::StrCat("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: ", body.size(),
                             "\r\n\r\n", body));
  });
  sender.join();
  EXPECT_EQ(BodyOf(client.ReadResponse()), absl::StrCat("/|", body));
}

TEST(Server, HeadIsAnsweredWithTheLengthAndWithoutTheBody) {
  auto server = StartOrDie(Loopback(), Echo);
  RawClient client(server->port());
  client.Send("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\nGET /d HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(true), HasSubstr("Content-Length: 5\r\n"));
  EXPECT_EQ(BodyOf(client.ReadResponse()), "/d|");
}

TEST(Server, AClientThatWaitsForContinueIsToldToGoOn) {
  auto server = StartOrDie(Loopback(), Echo);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.ReadResponse(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("ok");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "/|ok");
}

TEST(Server, AClientThatAsksToCloseOrSpeaksHttp10IsClosedAfterItsAnswer) {
  auto server = StartOrDie(Loopback(), Echo);
  for (const char* request : {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                              "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}) {
    RawClient client(server->port());
    client.Send(request);
    const std::string answer = client.ReadToEnd();
    EXPECT_EQ(StatusOf(answer), "200");
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  }
}

TEST(Server, AClientThatClosedItsSideStillGetsItsAnswer) {
  Desk desk;
  auto server = StartOrDie(Loopback(), desk.handler());
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.ShutdownSend();
  desk.Next().second({.body = "late"});
  EXPECT_EQ(BodyOf(client.ReadResponse()), "late");
}

TEST(Server, ADroppedRespondClosesTheConnectionUnanswered) {
  auto server = StartOrDie(Loopback(), [](Request, Respond) {});
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST(Server, TheFirstAnswerOfARequestIsTheOnlyOne) {
  auto server = StartOrDie(Loopback(), [](Request, Respond respond) {
    const Respond copy = respond;
    respond({.body = "first"});
    copy({.body = "second"});
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(BodyOf(client.ReadToEnd()), "first");
}

TEST(Server, AnAnswerAfterTheClientWentOrTheServerStoppedIsHarmless) {
  Desk desk;
  auto server = StartOrDie(Loopback(), desk.handler());
  auto client = std::make_unique<RawClient>(server->port());
  client->Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  auto gone = desk.Next();
  client.reset();
  gone.second({.body = std::string(1 << 20, 'x')});
  RawClient other(server->port());
  other.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  auto late = desk.Next();
  server->Stop(absl::ZeroDuration());
  EXPECT_EQ(other.ReadToEnd(), "");
  server.reset();
  late.second({.body = "too late"});
}

TEST(Server, StopWaitsForAnswersUnderWayAndTakesNoNewConnection) {
  Desk desk;
  auto server = StartOrDie(Loopback(), desk.handler());
  RawClient idle(server->port());
  RawClient busy(server->port());
  busy.Send("GET /busy HTTP/1.1\r\nHost: h\r\n\r\n");
  auto [request, respond] = desk.Next();
  std::thread stopper([&] { server->Stop(absl::Seconds(5)); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  respond({.body = "done"});
  const std::string answer = busy.ReadToEnd();
  stopper.join();
  EXPECT_EQ(BodyOf(answer), "done");
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  RawClient late(server->port());
  EXPECT_FALSE(late.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n") && !late.ReadResponse().empty());
}

TEST(Server, RequestsThatArriveAsItStopsAreAnswered) {
  std::promise<void> held;
  std::promise<void> stopping;
  auto server = StartOrDie(Loopback(), [&](Request request, Respond respond) {
    if (request.path == "/hold") {  // the server's one thread, so that requests stay where they are
      held.set_value();
      stopping.get_future().wait();
    }
    respond({.body = request.path});
  });
  RawClient kept(server->port());
  kept.Send("GET /first HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(BodyOf(kept.ReadResponse()), "/first");
  RawClient holder(server->port());
  holder.Send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  held.get_future().wait();
  kept.Send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  RawClient unaccepted(server->port());
  unaccepted.Send("GET /new HTTP/1.1\r\nHost: h\r\n\r\n");
  std::thread stopper([&] {
    stopping.set_value();
    server->Stop(absl::Seconds(5));
  });
  EXPECT_EQ(BodyOf(kept.ReadToEnd()), "/next");
  EXPECT_EQ(BodyOf(unaccepted.ReadToEnd()), "/new");
  EXPECT_EQ(BodyOf(holder.ReadToEnd()), "/hold");
  stopper.join();
}

TEST(Server, StopGivesUpOnAnswersThatDoNotComeInTime) {
  Desk desk;
  auto server = StartOrDie(Loopback(), desk.handler());
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  auto waiting = desk.Next();
  server->Stop(absl::Milliseconds(20));
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST(Server, ConnectionsAreSpreadOverThreads) {
  ServerOptions options = Loopback();
  options.threads = 2;
  auto server = StartOrDie(options, [](Request, Respond respond) {
    respond({.body = absl::StrCat(std::hash<std::thread::id>()(std::this_thread::get_id()))});
  });
  RawClient one(server->port());
  RawClient two(server->port());
  one.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  two.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(BodyOf(one.ReadResponse()), BodyOf(two.ReadResponse()));
}

TEST(Server, AnAddressInUseOrWrongIsRefused) {
  auto server = StartOrDie(Loopback(), Echo);
  ServerOptions options;
  options.address = absl::StrCat("127.0.0.1:", server->port());
  EXPECT_EQ(Server::Start(options, Echo).status().code(), absl::StatusCode::kFailedPrecondition);
  for (const char* address : {"", "8080", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"}) {
    options.address = address;
    EXPECT_EQ(Server::Start(options, Echo).status().code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
}

}  // namespace
}  // namespace purser::http
