// What goes wrong between an app and us, and what is made of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/delivery/delivery_rig.h"

namespace purser {
namespace {

using event::v1::PARKED;

// The first `count` calls of that verb meet `fault`.
std::function<Fault(const AppCall&)> First(const std::string& verb, Fault fault, int count = 1) {
  return [verb, fault, left = std::make_shared<int>(count)](const AppCall& call) {
    return call.verb == verb && (*left)-- > 0 ? fault : Fault::kNone;
  };
}

TEST(DeliveryFaults, ALostCreateIsLookedForAndFound) {
  DeliveryRig rig;
  rig.app.fault = First("create", Fault::kLostAfter);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_EQ(rig.app.users.size(), 1u);
  EXPECT_EQ(rig.app.Count("create"), 1);
  EXPECT_TRUE(rig.LaneOf("u1").linked);
}

TEST(DeliveryFaults, ALostCreateWithoutEffectIsTheSameOperationAgain) {
  DeliveryRig rig;
  rig.app.fault = First("create", Fault::kLostBefore);
  rig.CreateUser("u1", "anna", {{"title", "Cook"}});
  rig.RunFor(absl::Seconds(1));
  rig.Change("u1", "title", "Chef");
  rig.Settle();
  ASSERT_EQ(rig.app.Count("create"), 2);
  std::vector<AppCall> creates;
  for (const AppCall& call : rig.app.calls) {
    if (call.verb == "create") creates.push_back(call);
  }
  EXPECT_EQ(creates[0].operation_id, creates[1].operation_id);
  EXPECT_EQ(creates[0].body, creates[1].body) << "frozen";
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Chef");
}

TEST(DeliveryFaults, ALateCreateIsNotMadeTwiceThoughNamesAreNotUnique) {
  FakeAppOptions options;
  options.unique_names = false;
  DeliveryRig rig(options);
  rig.app.fault = First("create", Fault::kLostLate);
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_EQ(rig.app.users.size(), 1u);
}

TEST(DeliveryFaults, AfterALostReplyTheLaneRestsAndReadsBeforeItWrites) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.fault = First("update", Fault::kLostAfter);
  rig.Change("u1", "title", "Cook");
  rig.RunFor(absl::Seconds(31));
  const size_t lost = rig.app.calls.size();
  // News while it rests does not cut the rest short.
  rig.Change("u1", "title", "Chef");
  rig.RunFor(absl::Seconds(3));
  for (size_t at = lost; at < rig.app.calls.size(); ++at) {
    EXPECT_EQ(rig.app.calls[at].verb, "check");
  }
  rig.Settle();
  std::string after;
  for (size_t at = lost; at < rig.app.calls.size(); ++at) {
    if (rig.app.calls[at].verb != "check") absl::StrAppend(&after, rig.app.calls[at].verb, " ");
  }
  EXPECT_EQ(after, "read update ");
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Chef");
}

TEST(DeliveryFaults, AnUpdateInDoubtThatWasRevertedEndsRight) {
  for (const Fault fault : {Fault::kLostAfter, Fault::kLostBefore, Fault::kLostLate,
                            Fault::kServerErrorAfter, Fault::kNotTheProtocol}) {
    DeliveryRig rig;
    rig.CreateUser("u1", "anna", {{"title", "Cook"}});
    rig.Settle();
    rig.app.fault = First("update", fault);
    rig.Change("u1", "title", "Chef");
    rig.RunFor(absl::Seconds(1));
    rig.Change("u1", "title", "Cook");
    rig.Settle();
    EXPECT_EQ(rig.app.User("anna")->values["title"], "Cook") << static_cast<int>(fault);
  }
}

TEST(DeliveryFaults, ALostDeleteIsDone) {
  for (const Fault fault : {Fault::kLostAfter, Fault::kLostBefore, Fault::kLostLate}) {
    DeliveryRig rig;
    rig.CreateUser("u1", "anna");
    rig.Settle();
    rig.app.fault = First("delete", fault);
    rig.Delete("u1");
    rig.Settle();
    EXPECT_TRUE(rig.app.users.empty());
    EXPECT_FALSE(rig.LaneOf("u1").linked);
  }
}

TEST(DeliveryFaults, ThrottlingWaitsForAsLongAsTheAppSays) {
  DeliveryRig rig;
  rig.app.retry_after = absl::Seconds(60);
  rig.app.fault = First("create", Fault::kThrottled);
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Seconds(1));
  const size_t before = rig.app.calls.size();
  rig.CreateUser("u2", "bea");
  rig.RunFor(absl::Seconds(55));
  EXPECT_EQ(rig.app.calls.size(), before);
  rig.Settle();
  EXPECT_EQ(rig.app.users.size(), 2u);
  EXPECT_EQ(rig.LaneOf("u1").tries, 0);
}

TEST(DeliveryFaults, RefusedCredentialsPauseTheAppAndItResumesByItself) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall&) { return Fault::kUnauthenticated; };
  for (int i = 0; i < 5; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.RunFor(absl::Minutes(20));
  EXPECT_TRUE(rig.Row().credentials_refused);
  EXPECT_FALSE(rig.Row().breaker_open);
  EXPECT_LT(rig.app.calls.size(), 40u);
  rig.Crash();
  rig.Start();
  rig.RunFor(absl::Minutes(1));
  EXPECT_TRUE(rig.Row().credentials_refused);
  rig.app.fault = nullptr;
  rig.Settle();
  EXPECT_FALSE(rig.Row().credentials_refused);
  EXPECT_EQ(rig.app.users.size(), 5u);
  int notices = 0;
  for (const auto& envelope : rig.Records()) {
    event::v1::AppNote note;
    if (envelope.kind() != event::v1::APP_NOTE || !note.ParseFromString(envelope.payload())) {
      continue;
    }
    notices += note.topic() == event::v1::AppNote::CREDENTIALS_REFUSED;
  }
  EXPECT_EQ(notices, 1);
}

TEST(DeliveryFaults, ASecretThatIsNotThereIsNamedAndToldFromARefusedOneAfterARestartToo) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall&) { return Fault::kNotConfigured; };
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Minutes(5));
  EXPECT_TRUE(rig.Row().not_configured);
  EXPECT_FALSE(rig.Row().credentials_refused);
  EXPECT_EQ(rig.Row().trouble, "${env:TOKEN} is not set");
  const size_t records = rig.Records().size();
  rig.RunFor(absl::Minutes(30));
  EXPECT_EQ(rig.Records().size(), records) << "said once";
  rig.Crash();
  rig.app.fault = [](const AppCall&) { return Fault::kUnauthenticated; };
  rig.Start();
  rig.RunFor(absl::Minutes(5));
  EXPECT_FALSE(rig.Row().not_configured) << "it is there now, and refused";
  EXPECT_TRUE(rig.Row().credentials_refused);
  rig.app.fault = nullptr;
  rig.Settle();
  EXPECT_FALSE(rig.Row().credentials_refused);
  EXPECT_EQ(rig.app.users.size(), 1u);
}

TEST(DeliveryFaults, ABreakerThatWasOpenAtTheRestartClosesByItself) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall&) { return Fault::kUnavailable; };
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Minutes(1));
  ASSERT_TRUE(rig.Row().breaker_open);
  rig.Crash();
  rig.app.fault = nullptr;
  rig.Start();
  rig.Settle();
  EXPECT_FALSE(rig.Row().breaker_open);
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

TEST(DeliveryFaults, OneResourceWithoutAVerdictIsParkedForAllToSeeAndTriedHourly) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.verb == "create" && call.name == "bad" ? Fault::kServerError : Fault::kNone;
  };
  rig.CreateUser("u1", "bad");
  rig.CreateUser("u2", "good");
  rig.RunFor(absl::Hours(4));
  EXPECT_EQ(rig.LaneOf("u1").state, PARKED);
  EXPECT_NE(rig.app.User("good"), nullptr);
  rig.Crash();
  rig.Start();
  rig.app.fault = nullptr;
  rig.RunFor(absl::Hours(1) + absl::Minutes(2));
  EXPECT_NE(rig.app.User("bad"), nullptr) << "still tried hourly, after a restart too";
}

TEST(DeliveryFaults, AnAppThatFailsEveryResourceIsAtFaultThoughItsCheckPasses) {
  DeliveryRig rig;
  rig.app.fault = [](const AppCall& call) {
    return call.writes() ? Fault::kServerError : Fault::kNone;
  };
  for (int i = 0; i < 30; ++i) rig.CreateUser(absl::StrCat("u", i), absl::StrCat("user", i));
  rig.RunFor(absl::Hours(5));
  EXPECT_EQ((*rig.reader().CountByState())[PARKED], 0u);
  EXPECT_TRUE(rig.Row().breaker_open);
  EXPECT_LT(rig.app.Count("create"), 500);
  rig.app.fault = nullptr;
  rig.Settle();
  EXPECT_EQ(rig.app.users.size(), 30u);
  EXPECT_FALSE(rig.Row().breaker_open);
}

TEST(DeliveryFaults, AnAccountThatVanishedIsMadeAgain) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.users.clear();
  rig.Change("u1", "title", "Cook");
  rig.Settle();
  ASSERT_NE(rig.app.User("anna"), nullptr);
  EXPECT_EQ(rig.app.User("anna")->values["title"], "Cook");
}

TEST(DeliveryFaults, AnInactiveUserWhoseAccountVanishedGetsNone) {
  DeliveryRig rig;
  rig.CreateUser("u1", "anna");
  rig.Settle();
  rig.app.users.clear();
  rig.Change("u1", "active", false);
  rig.Settle();
  EXPECT_TRUE(rig.app.users.empty());
  EXPECT_EQ(rig.LaneOf("u1").state, event::v1::IDLE);
  rig.Change("u1", "active", true);
  rig.Settle();
  EXPECT_NE(rig.app.User("anna"), nullptr);
}

TEST(DeliveryFaults, NoCallLeavesWhileTheLogIsOutOfReach) {
  DeliveryRig rig;
  rig.Pump();
  rig.RunFor(absl::Seconds(1));
  bool out = true;
  rig.log.fate = [&](const StreamId& stream) {
    return out && stream.kind() == StreamKind::kApp ? SimEventLog::Fate::kLost
                                                    : SimEventLog::Fate::kStands;
  };
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Minutes(2));
  EXPECT_EQ(rig.app.Writes(), 0);
  out = false;
  rig.Settle();
  EXPECT_EQ(rig.app.Count("create"), 1);
}

TEST(DeliveryFaults, AStartThatStandsWithoutOurKnowingIsSettledBeforeAnythingElse) {
  DeliveryRig rig;
  rig.RunFor(absl::Seconds(1));
  int left = 3;
  rig.log.fate = [&](const StreamId& stream) {
    return stream.kind() == StreamKind::kApp && left-- > 0 ? SimEventLog::Fate::kStandsUnknown
                                                           : SimEventLog::Fate::kStands;
  };
  rig.CreateUser("u1", "anna");
  rig.Settle();
  EXPECT_EQ(rig.app.users.size(), 1u);
  EXPECT_EQ(rig.app.Count("create"), 1);
  rig.ExpectRebuiltEqual();
}

TEST(DeliveryFaults, ACallThatIsTooLateIsNotMade) {
  DeliveryRig rig;
  rig.RunFor(absl::Seconds(1));
  rig.log.latency = absl::Seconds(3);
  rig.CreateUser("u1", "anna");
  rig.RunFor(absl::Seconds(30));
  EXPECT_EQ(rig.app.Writes(), 0);
  rig.log.latency = absl::ZeroDuration();
  rig.Settle();
  EXPECT_EQ(rig.app.Count("create"), 1);
}

}  // namespace
}  // namespace purser
