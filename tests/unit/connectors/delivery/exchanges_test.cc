// What is kept of each call, and the trace it is in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "broker/base/trace_context.h"
#include "connectors/delivery/exchange_log.h"
#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

using delivery::ExchangeLog;
using event::v1::Exchange;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kInbound[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kOtherTrace[] = "1bf7651916cd43dd8448eb211c80319c";
constexpr char kOtherInbound[] = "00-1bf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

std::vector<std::string> Verbs(const std::vector<Exchange>& exchanges) {
  std::vector<std::string> verbs;
  for (const Exchange& exchange : exchanges) verbs.push_back(exchange.verb());
  return verbs;
}

// The traces of the calls of that verb, "" for one that is in none.
std::vector<std::string> TracesOf(const FakeApp& app, const std::string& verb) {
  std::vector<std::string> traces;
  for (const AppCall& call : app.calls) {
    if (call.verb != verb) continue;
    const auto trace = ParseTraceParent(call.trace_parent);
    traces.push_back(trace ? trace->trace_id : "");
  }
  return traces;
}

// The last outcome that holds an exchange.
event::v1::Outcome LastWithExchange(const DeliveryRig& rig) {
  event::v1::Outcome last;
  for (const event::v1::Envelope& envelope : rig.Records()) {
    event::v1::Outcomes outcomes;
    if (envelope.kind() != event::v1::OUTCOMES) continue;
    EXPECT_TRUE(outcomes.ParseFromString(envelope.payload()));
    for (const event::v1::Outcome& outcome : outcomes.outcomes()) {
      if (outcome.has_exchange()) last = outcome;
    }
  }
  return last;
}

TEST(Exchanges, EveryCallIsKeptWithWhatCameOfIt) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna@example.com");
  rig.Settle();
  const std::vector<Exchange> kept = rig.Exchanges();
  ASSERT_THAT(Verbs(kept), ElementsAre("find", "create"));
  const Exchange& create = kept[1];
  EXPECT_EQ(create.resource_id(), "u1");
  EXPECT_EQ(create.resource_type(), event::v1::USER);
  EXPECT_EQ(create.operation_id(), rig.app.calls[1].operation_id);
  EXPECT_EQ(create.request_id(), rig.app.calls[1].request_id);
  EXPECT_EQ(create.trace_parent(), rig.app.calls[1].trace_parent);
  EXPECT_EQ(create.method(), "POST");
  EXPECT_EQ(create.url(), "https://app.test/Users");
  EXPECT_EQ(create.http_status(), 201u);
  EXPECT_EQ(create.verdict(), "done");
  EXPECT_EQ(create.duration().nanos(), 20'000'000);
  EXPECT_EQ(create.message(), "");
  EXPECT_EQ(kept[0].operation_id(), "") << "a question is no operation";
}

TEST(Exchanges, AParkedLaneHoldsTheExchangeItWasParkedFor) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "create" ? Fault::kRefused : Fault::kNone;
  };
  rig.CreateUser("u1", "anna@example.com");
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("u1").state, event::v1::PARKED);
  const event::v1::Outcome outcome = LastWithExchange(rig);
  EXPECT_EQ(outcome.lane_state(), event::v1::PARKED);
  EXPECT_EQ(outcome.exchange().method(), "POST");
  EXPECT_EQ(outcome.exchange().http_status(), 400u);
  EXPECT_EQ(outcome.exchange().verdict(), "refused");
  EXPECT_THAT(outcome.exchange().message(), HasSubstr("400"));
  rig.Crash();
  rig.ForgetProjection();
  rig.log.unchained.clear();
  rig.Start();
  rig.Settle();
  EXPECT_EQ(LastWithExchange(rig).exchange().http_status(), 400u);
}

TEST(Exchanges, ANameThatIsTakenIsParkedWithTheAppsNo) {
  DeliveryRig rig;
  rig.app.Add(connectors::ResourceType::kUser, "anna");
  rig.app.hidden.insert("anna");
  rig.CreateUser("u1", "anna");
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("u1").code, "name-taken");
  EXPECT_EQ(LastWithExchange(rig).exchange().http_status(), 409u);
}

TEST(Exchanges, AMissingAttributeIsParkedWithoutOne) {
  config::v1::App config = PlainApp();
  for (config::v1::MappingRow& row : *config.mutable_users()->mutable_rows()) {
    if (row.target() == "title") row.set_required(true);
  }
  DeliveryRig rig({}, config);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  ASSERT_EQ(rig.LaneOf("u1").code, "required-missing");
  EXPECT_FALSE(LastWithExchange(rig).has_exchange());
}

TEST(Exchanges, WhereNothingWasSentNothingIsKept) {
  FakeClock clock;
  SimEventLog log(&clock);
  const StreamId stream = StreamId::Exchanges("a1");
  ExchangeLog exchanges(&log, stream, &clock);
  Exchange exchange = exchanges.Begin({.request_id = "r-1"}, "create");
  connectors::Result unsent;
  unsent.verdict = connectors::Verdict::kRefused;
  exchanges.End(unsent, &exchange);
  EXPECT_EQ(exchange.verb(), "");
  exchanges.Flush(/*now=*/true);
  EXPECT_TRUE(log.unchained.empty());
}

TEST(Exchanges, TheyGoToTheLogInBatches) {
  FakeClock clock;
  SimEventLog log(&clock);
  const StreamId stream = StreamId::Exchanges("a1");
  ExchangeLog exchanges(&log, stream, &clock);
  connectors::Result done;
  done.verdict = connectors::Verdict::kDone;
  done.exchange.method = "GET";
  for (int call = 0; call < 150; ++call) {
    Exchange exchange = exchanges.Begin({.request_id = absl::StrCat("r-", call)}, "read");
    exchanges.End(done, &exchange);
    exchanges.Flush();
  }
  EXPECT_EQ(log.unchained[stream].size(), 2u) << "two full ones; the rest is not due";
  ASSERT_LT(exchanges.NextDue(), absl::InfiniteDuration());
  clock.Advance(exchanges.NextDue() - clock.SinceBoot());
  exchanges.Flush();
  EXPECT_EQ(log.unchained[stream].size(), 3u);
  EXPECT_EQ(exchanges.NextDue(), absl::InfiniteDuration());
}

TEST(Traces, EveryCallIsInTheTraceOfTheEventItComesFrom) {
  DeliveryRig rig;
  rig.trace_parent = kInbound;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.trace_parent = kOtherInbound;
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  EXPECT_THAT(TracesOf(rig.app, "find"), ElementsAre(kTrace));
  EXPECT_THAT(TracesOf(rig.app, "create"), ElementsAre(kTrace));
  EXPECT_THAT(TracesOf(rig.app, "update"), ElementsAre(kOtherTrace));
  std::set<std::string> headers = {kInbound, kOtherInbound};
  for (const AppCall& call : rig.app.calls) headers.insert(call.trace_parent);
  EXPECT_EQ(headers.size(), rig.app.calls.size() + 2) << "each call is a span of its own";
  EXPECT_TRUE(ParseTraceParent(rig.app.calls[0].trace_parent)->sampled);
  EXPECT_FALSE(ParseTraceParent(rig.app.calls.back().trace_parent)->sampled);
}

TEST(Traces, OfEventsThatCoalesceTheNewestCounts) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.Command(event::v1::AppCommand::PAUSE);
  rig.trace_parent = kInbound;
  rig.Change("u1", "title", "Cook");
  rig.trace_parent = kOtherInbound;
  rig.Change("u1", "title", "Chef");
  rig.Command(event::v1::AppCommand::START);
  rig.Settle();
  EXPECT_THAT(TracesOf(rig.app, "update"), ElementsAre(kOtherTrace));
}

TEST(Traces, AnEventWithoutOneBeginsATraceThatIsNamedByIt) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  const auto events = rig.log.Envelopes(StreamId::Directory("d1"));
  const std::string own = TraceBegunBy(events.back().event_id()).trace_id;
  EXPECT_THAT(TracesOf(rig.app, "find"), ElementsAre(own));
  EXPECT_THAT(TracesOf(rig.app, "create"), ElementsAre(own));
}

TEST(Traces, ARepeatAfterARestartStaysInItsTrace) {
  DeliveryRig rig;
  rig.app.fault = [lost = std::make_shared<int>(1)](const AppCall& call) {
    return call.verb == "create" && (*lost)-- > 0 ? Fault::kLostBefore : Fault::kNone;
  };
  rig.trace_parent = kInbound;
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Seconds(1));
  ASSERT_EQ(rig.app.Count("create"), 1);
  rig.Crash();
  rig.ForgetProjection();
  rig.Start();
  rig.trace_parent = kOtherInbound;
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  EXPECT_THAT(TracesOf(rig.app, "create"), ElementsAre(kTrace, kTrace));
  EXPECT_THAT(TracesOf(rig.app, "update"), ElementsAre(kOtherTrace));
}

TEST(Traces, ACheckIsATraceOfItsOwn) {
  DeliveryRig rig;
  event::v1::AppCommand test;
  test.set_action(event::v1::AppCommand::TEST);
  test.set_job_id("j1");
  rig.Command(test);
  rig.Settle();
  ASSERT_EQ(rig.app.Count("check"), 1);
  EXPECT_TRUE(ParseTraceParent(rig.app.calls.back().trace_parent));
  ASSERT_THAT(Verbs(rig.Exchanges()), ElementsAre("check"));
  EXPECT_EQ(rig.Exchanges()[0].resource_id(), "");
}

}  // namespace
}  // namespace purser
