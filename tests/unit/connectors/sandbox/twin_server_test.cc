#include "connectors/sandbox/twin_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "connectors/sandbox/timer_thread.h"
#include "tests/unit/connectors/sandbox/twin_testing.h"

namespace purser::sandbox {
namespace {

std::unique_ptr<TwinServer> Serve(Scheduler& scheduler) {
  return std::make_unique<TwinServer>(
      "preciate",
      std::make_unique<ScimTwin>(PreciateProfile(), "secret", SystemClock(), RandomIdSource()),
      SystemClock(), scheduler);
}

TEST(TwinServer, OfCreatesOfOneNameAtOnceOneAloneSucceeds) {
  TimerThread timer;
  const auto server = Serve(timer);
  std::atomic<int> created = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        server->Serve(
            MakeRequest("POST", "/preciate/api/v1/scim/Users",
                        {{"userName", "u" + std::to_string(i)}}),
            [&](http::Response response) { ++(response.status == 201 ? created : refused); });
        server->Control("state", MakeRequest("GET", "/_sandbox/preciate/state"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 50);
  EXPECT_EQ(refused, 150);
  timer.Stop();
}

TEST(TwinServer, ThousandsOfCallsCanWaitAtOnce) {
  TimerThread timer;
  const auto server = Serve(timer);
  ASSERT_TRUE(server->Configure({{"latency_ms", 100}}).ok());
  std::atomic<int> answered = 0;
  for (int i = 0; i < 3000; ++i) {
    server->Serve(MakeRequest("GET", "/preciate/api/v1/scim/Users"),
                  [&](http::Response) { ++answered; });
  }
  const absl::Duration give_up = SystemClock().SinceBoot() + absl::Seconds(60);
  while (answered < 3000 && SystemClock().SinceBoot() < give_up) std::this_thread::yield();
  EXPECT_EQ(answered, 3000);
  timer.Stop();
}

TEST(TimerThread, StoppingDropsWhatWaits) {
  TimerThread timer;
  auto connection = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = connection;
  timer.After(absl::Hours(1), [connection = std::move(connection)] { FAIL(); });
  timer.Stop();
  EXPECT_TRUE(watched.expired());
  timer.After(absl::ZeroDuration(), [] { FAIL(); });
}

}  // namespace
}  // namespace purser::sandbox
