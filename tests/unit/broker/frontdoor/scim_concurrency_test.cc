// Many threads at one directory: exactly one wins, and nothing is lost.
#include <atomic>
#include <thread>

#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

class ScimConcurrency : public ScimRig {
 protected:
  ScimConcurrency() : ScimRig(SystemClock()) {
    driver_ = std::thread([this] {
      while (!stop_) {
        const bool worked = directory_->writer().RunOnce();
        log_->RunOnce(worked ? absl::ZeroDuration() : absl::Milliseconds(20));
      }
    });
  }
  ~ScimConcurrency() override { StopDriver(); }
  void StopDriver() {
    stop_ = true;
    log_->Wake();
    if (driver_.joinable()) driver_.join();
  }

  // Blocks until the answer is there.
  Answer Ask(http::Request request) {
    struct Waiting {
      Mutex mutex;
      CondVar arrived;
      std::optional<Answer> answer ABSL_GUARDED_BY(mutex);
    };
    auto waiting = std::make_shared<Waiting>();
    endpoints_->Handle(std::move(request),
                       [waiting](http::Response response) {
                         Answer answer = Finished(std::move(response));
                         MutexLock lock(&waiting->mutex);
                         waiting->answer = std::move(answer);
                         waiting->arrived.NotifyAll();
                       },
                       directory_.get(), "/scim/v2", {});
    MutexLock lock(&waiting->mutex);
    while (!waiting->answer) waiting->arrived.WaitFor(&waiting->mutex, absl::Seconds(1));
    return *waiting->answer;
  }

  template <typename Work>
  static void OnThreads(int count, const Work& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
    for (std::thread& thread : threads) thread.join();
  }

  std::string RebuiltDigest() {
    auto rebuilt = DirectoryProjection::Open(dir_ / "rebuilt.db", directory_->stream());
    EXPECT_TRUE(rebuilt.ok());
    Fold& fold = **rebuilt;
    while (true) {
      auto batch = log_->Read(directory_->stream(), fold.head().position, 100, 1 << 20);
      if (!batch.ok() || batch->empty()) break;
      EXPECT_TRUE(fold.Begin().ok());
      for (const StoredRecord& stored : *batch) {
        const Record record{stored.bytes};
        EXPECT_TRUE(fold.Apply(record, *DecodeRecord(record.bytes)).ok());
      }
      EXPECT_TRUE(fold.Commit().ok());
    }
    return *(*rebuilt)->reader().Digest();
  }

  std::atomic<bool> stop_{false};
  std::thread driver_;
};

constexpr int kThreads = 64;

TEST_F(ScimConcurrency, OfManyCreatesOfOneNameExactlyOneWins) {
  std::atomic<int> created{0}, taken{0};
  OnThreads(kThreads, [&](int i) {
    const Answer own = Ask(Request("POST", "/Users", UserBody(absl::StrCat("own", i))));
    EXPECT_EQ(own.status, 201);
    EXPECT_EQ(Ask(Request("GET", "/Users/" + own.id())).status, 200);
    const Answer answer = Ask(Request("POST", "/Users", UserBody(i % 2 == 0 ? "same" : "SAME")));
    created += answer.status == 201;
    taken += answer.status == 409;
  });
  EXPECT_EQ(created, 1);
  EXPECT_EQ(taken, kThreads - 1);
  EXPECT_EQ(Ask(Request("GET", "/Users")).Json()["totalResults"], kThreads + 1);
  StopDriver();
  EXPECT_EQ(*(*directory_->readers().Take())->Digest(), RebuiltDigest());
}

TEST_F(ScimConcurrency, OfManyPatchesOnOneVersionExactlyOneWinsAndARetryLosesNone) {
  const Answer user = Ask(Request("POST", "/Users", UserBody("ada")));
  const std::string path = "/Users/" + user.id();
  std::atomic<int> first_wins{0};
  OnThreads(kThreads, [&](int i) {
    const std::string body =
        PatchBody({{{"op", "add"},
                    {"path", "emails"},
                    {"value", {{{"value", absl::StrCat("a", i, "@example.com")}}}}}});
    std::string tag = user.Header("ETag");
    for (int attempt = 0; attempt < 1000; ++attempt) {
      const Answer patched = Ask(Request("PATCH", path, body, {{"If-Match", tag}}));
      first_wins += attempt == 0 && patched.status == 200;
      if (patched.status == 200) return;
      ASSERT_EQ(patched.status, 412) << patched.body;
      tag = Ask(Request("GET", path)).Header("ETag");
    }
    FAIL() << "it never won";
  });
  EXPECT_EQ(first_wins, 1);
  EXPECT_EQ(Ask(Request("GET", path)).Json()["emails"].size(), static_cast<size_t>(kThreads));
  StopDriver();
  EXPECT_EQ(directory_->writer().folded(), static_cast<StreamPosition>(kThreads + 1));
  EXPECT_EQ(*(*directory_->readers().Take())->Digest(), RebuiltDigest());
}

TEST_F(ScimConcurrency, MembersAddedAndUsersDeletedAtOnceLeaveAGroupThatAddsUp) {
  const json group = {{"schemas", {kGroupUrn}}, {"displayName", "all"}};
  const std::string path = "/Groups/" + Ask(Request("POST", "/Groups", group.dump())).id();
  OnThreads(kThreads, [&](int i) {
    const std::string id = Ask(Request("POST", "/Users", UserBody(absl::StrCat("u", i)))).id();
    const json add = {{"op", "add"}, {"path", "members"}, {"value", MemberList({id})}};
    EXPECT_EQ(Ask(Request("PATCH", path, PatchBody(json::array({add})))).status, 200);
    if (i % 2 == 0) {
      EXPECT_EQ(Ask(Request("DELETE", "/Users/" + id)).status, 204);
    }
  });
  EXPECT_EQ(Ask(Request("GET", path)).Json()["members"].size(), static_cast<size_t>(kThreads / 2));
  StopDriver();
  EXPECT_EQ(*(*directory_->readers().Take())->Digest(), RebuiltDigest());
}

}  // namespace
}  // namespace purser
