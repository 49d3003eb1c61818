#include "broker/feed/directory_feeds.h"

#include <gtest/gtest.h>

#include <optional>

#include "broker/crypto/base64url.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"
#include "feed_events.h"
#include "nlohmann/json.hpp"
#include "purser/event/v1/delivery.pb.h"
#include "tests/support/temp_dir.h"

namespace purser::feed {
namespace {

using nlohmann::json;

// One directory on an embedded log, with one feed; what is pushed waits in `sent`.
class DirectoryFeedsTest : public testing::Test {
 protected:
  DirectoryFeedsTest() : key_(*SigningKey::FromPem(SigningKey::MakePem())) {
    log_ = *SqliteEventLog::Create({.folder = dir_ / "log"});
    log_->SetListener([](const StreamId&) {});
    for (const StreamId& stream : {kDirectory, kFeeds}) {
      log_->Open(stream, [](const absl::StatusOr<Head>&) {});
    }
    log_->RunOnce(absl::ZeroDuration());
    settings_ = PlainFeed();
    settings_.events = {"create"};
    Membership::Options nodes;
    nodes.role = Membership::Role::kMember;
    nodes.node_id = "node-1";
    nodes.boot_id = "boot-1";
    nodes.log = log_.get();
    nodes.clock = &clock_;
    nodes_ = std::make_unique<Membership>(std::move(nodes));
    nodes_->Join();
    Open("boot-1");
  }

  void Open(const std::string& boot_id) {
    feeds_.reset();
    DirectoryFeeds::Options options;
    options.directory_id = "d1";
    options.log = log_.get();
    options.folded = [this] { return directory_.position; };
    options.clock = &clock_;
    options.ids = &ids_;
    options.metrics = &metrics_;
    options.post = [](const std::function<void()>& work) { work(); };
    options.wake = [] {};
    options.node_id = "node-1";
    options.boot_id = boot_id;
    options.nodes = nodes_.get();
    options.push = [this](PushRequest request, std::function<void(PushAnswer)> done) {
      sent_.emplace_back(std::move(request), std::move(done));
    };
    feeds_ = *DirectoryFeeds::Open(dir_ / ("feeds-" + boot_id), std::move(options));
  }

  void Configure() {
    feeds_->Configure("staff", {settings_}, std::make_shared<const SigningKey>(key_));
    Run();
  }

  void Run() {
    for (int i = 0; i < 20; ++i) {
      nodes_->NewRecords();
      nodes_->RunOnce();
      feeds_->RunOnce();
      log_->RunOnce(absl::ZeroDuration());
    }
  }

  void Pass(absl::Duration time) {
    for (; time > absl::ZeroDuration(); time -= absl::Seconds(1)) {
      clock_.Advance(absl::Seconds(1));
      Run();
    }
  }
  // Another node takes the feeds over.
  void TakenOver() {
    event::v1::TookOver took_over;
    took_over.set_node_id("node-9");
    took_over.set_boot_id("boot-9");
    event::v1::Envelope envelope;
    envelope.set_kind(event::v1::TOOK_OVER);
    envelope.set_payload(took_over.SerializeAsString());
    Head head = *log_->KnownHead(kFeeds);
    Append(kFeeds, std::move(envelope), &head);
    feeds_->writer().NewRecords();
    Run();
  }

  void Append(const StreamId& stream, event::v1::Envelope envelope, Head* head) {
    envelope.set_event_id(ids_.NewId(clock_.Now()));
    const Head before = *head;
    const Record record = ChainRecord(stream, std::move(envelope), clock_.Now(), head);
    log_->Append(stream, before, {record}, [](const AppendResult& result) {
      EXPECT_TRUE(result.status.ok()) << result.status;
    });
    log_->RunOnce(absl::ZeroDuration());
  }

  void CreateUser(const std::string& id) {
    Append(kDirectory, Created(id, R"({"userName":"u"})"), &directory_);
    feeds_->DirectoryMoved();
    Run();
  }

  // The answer, once it came.
  std::shared_ptr<std::optional<json>> Poll(PollMessage message = {},
                                            const std::string& from = "") {
    auto answer = std::make_shared<std::optional<json>>();
    feeds_->Poll("warehouse", from, std::move(message),
                 [answer](absl::StatusOr<http::Response> response) {
                   *answer = response.ok() ? json::parse(response->render().body)["sets"]
                                           : json(std::string(response.status().message()));
                 });
    Run();
    return answer;
  }
  static PollMessage AtOnce() {
    PollMessage message;
    message.return_immediately = true;
    return message;
  }

  // Answers the oldest of what was sent.
  void AnswerPush(int status, const std::string& body = "") {
    ASSERT_FALSE(sent_.empty());
    const auto done = std::move(sent_.front().second);
    sent_.erase(sent_.begin());
    PushAnswer answer;
    answer.status = status;
    answer.body = body;
    done(answer);
    Run();
  }
  // Whom the only event under way is about.
  std::string UnderWay() {
    if (sent_.size() != 1) return std::to_string(sent_.size()) + " requests";
    const std::string& text = sent_.front().first.body;
    const size_t begin = text.find('.') + 1;
    return json::parse(
        *Base64UrlDecode(text.substr(begin, text.rfind('.') - begin)))["sub_id"]["uri"];
  }
  void StartPushing() {
    settings_.push_url = "https://warehouse.example.com/events";
    Configure();
  }
  double Metric(const char* name) {
    return metrics_.GetGauge(name, "", {{"directory", "staff"}, {"feed", "warehouse"}})->value();
  }

  const StreamId kDirectory = StreamId::Directory("d1");
  const StreamId kFeeds = StreamId::Feeds("d1");
  TempDir dir_;
  FakeClock clock_;
  SequentialIdSource ids_;
  MetricsRegistry metrics_;
  const SigningKey key_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<Membership> nodes_;
  Head directory_ = EmptyHead(kDirectory);
  FeedSettings settings_;
  std::unique_ptr<DirectoryFeeds> feeds_;
  std::vector<std::pair<PushRequest, std::function<void(PushAnswer)>>> sent_;
};

TEST_F(DirectoryFeedsTest, APollWaitsForAnEventAndNotForEver) {
  Configure();
  const auto answer = Poll();
  EXPECT_FALSE(answer->has_value());
  CreateUser("u1");
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->size(), 1u);
  PollMessage acknowledge;
  acknowledge.acknowledged = {(*answer)->begin().key()};
  const auto late = Poll(acknowledge);
  EXPECT_FALSE(late->has_value());
  clock_.Advance(absl::Seconds(21));
  Run();
  EXPECT_EQ(**late, json::object());
}

TEST_F(DirectoryFeedsTest, PollsThatWaitAreAnsweredAtTheEnd) {
  Configure();
  const auto answer = Poll();
  feeds_->Stop();
  EXPECT_EQ(**answer, json::object());
}

TEST_F(DirectoryFeedsTest, APlaceIsKeptAndMayBeMovedAnywhere) {
  Configure();
  CreateUser("u1");
  CreateUser("u2");
  const auto first = Poll(AtOnce());
  PollMessage acknowledge = AtOnce();
  for (const auto& [jti, set] : (*first)->items()) acknowledge.acknowledged.push_back(jti);
  EXPECT_EQ(**Poll(acknowledge), json::object());
  Open("boot-2");  // Another node: it has the log alone.
  Configure();
  EXPECT_EQ(**Poll(AtOnce()), json::object());
  EXPECT_EQ((**Poll(AtOnce(), "2")).size(), 1u);
  EXPECT_EQ((**Poll(AtOnce(), "beginning")).size(), 2u);
  EXPECT_EQ(**Poll(AtOnce(), "now"), json::object());
}

TEST_F(DirectoryFeedsTest, AFeedThatBeginsNowHasNothingOfBefore) {
  CreateUser("u1");
  settings_.from = "now";
  Configure();
  EXPECT_EQ(**Poll(AtOnce()), json::object());
  CreateUser("u2");
  EXPECT_EQ((**Poll(AtOnce())).size(), 1u);
}

TEST_F(DirectoryFeedsTest, EventsArePushedOneAtATimeInOrder) {
  CreateUser("u1");
  CreateUser("u2");
  StartPushing();
  EXPECT_EQ(UnderWay(), "/Users/u1");
  AnswerPush(202);
  EXPECT_EQ(UnderWay(), "/Users/u2");
  AnswerPush(202);
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(Metric("purser_feed_pending"), 0);
  CreateUser("u3");
  EXPECT_EQ(UnderWay(), "/Users/u3");
}

TEST_F(DirectoryFeedsTest, AReceiverThatIsAwayIsAskedAgainLaterAndLosesNothing) {
  CreateUser("u1");
  CreateUser("u2");
  StartPushing();
  for (const int status : {503, 401, 0, 302}) {
    EXPECT_EQ(UnderWay(), "/Users/u1") << status;
    AnswerPush(status);
    EXPECT_TRUE(sent_.empty()) << "not at once";
    EXPECT_EQ(Metric("purser_feed_failing"), 1);
    clock_.Advance(absl::Minutes(5));
    Run();
  }
  AnswerPush(202);
  EXPECT_EQ(UnderWay(), "/Users/u2");
  EXPECT_EQ(Metric("purser_feed_failing"), 0);
}

TEST_F(DirectoryFeedsTest, AnEventThatIsRefusedThreeTimesIsSkippedAndCounted) {
  CreateUser("u1");
  CreateUser("u2");
  StartPushing();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(UnderWay(), "/Users/u1");
    AnswerPush(400, R"({"err":"invalid_request"})");
    clock_.Advance(absl::Minutes(5));
    Run();
  }
  EXPECT_EQ(UnderWay(), "/Users/u2");
  EXPECT_EQ(Metric("purser_feed_refused"), 1);
}

TEST_F(DirectoryFeedsTest, WhoseFeedsAnotherNodeTookOverPushesNoMoreUntilThatOneIsGone) {
  StartPushing();
  TakenOver();
  CreateUser("u1");
  EXPECT_TRUE(sent_.empty());
  Pass(absl::Seconds(5));
  EXPECT_TRUE(sent_.empty()) << "it may be alive";
  // It says nothing.
  Pass(absl::Seconds(10));
  EXPECT_EQ(UnderWay(), "/Users/u1");
}

TEST_F(DirectoryFeedsTest, WhoStopsLeavesThePushingToOthersOnceItsPlaceStands) {
  StartPushing();
  CreateUser("u1");
  CreateUser("u2");
  feeds_->Stop();
  Run();
  EXPECT_FALSE(feeds_->stopped()) << "an answer is awaited";
  AnswerPush(202);
  Pass(absl::Seconds(2));
  EXPECT_TRUE(feeds_->stopped());
  EXPECT_TRUE(sent_.empty());
  const auto records = log_->Read(kFeeds, 0, 100, 1 << 20);
  std::vector<event::v1::Kind> kinds;
  for (const StoredRecord& record : *records) kinds.push_back(DecodeRecord(record.bytes)->kind());
  EXPECT_EQ(kinds, (std::vector{event::v1::FEED_PLACED, event::v1::TOOK_OVER,
                                event::v1::FEED_PLACED, event::v1::RELEASED}));
}

TEST_F(DirectoryFeedsTest, AMovedFeedIsPushedFromThere) {
  CreateUser("u1");
  CreateUser("u2");
  StartPushing();
  AnswerPush(202);
  AnswerPush(202);
  EXPECT_EQ(**Poll(), json("this feed is pushed to its receiver"));
  Poll({}, "2");
  EXPECT_EQ(UnderWay(), "/Users/u2");
}

TEST_F(DirectoryFeedsTest, WithoutAKeyNothingIsHandedOut) {
  feeds_->Configure("staff", {settings_}, nullptr);
  Run();
  EXPECT_TRUE((**Poll(AtOnce())).is_string());
}

}  // namespace
}  // namespace purser::feed
