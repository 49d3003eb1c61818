#include "broker/admin/parked_service.h"

#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

using admin::v1::ReleaseParkedRequest;

class Parked : public AdminFixture {
 protected:
  void SetUp() override {
    PutWiki();
    for (const char* name : {"alice", "bob", "carol"}) {
      const std::string id = std::string("u-") + name;
      position_ = CreateUser(id, std::string(R"({"userName":")") + name + "\"}");
    }
    Link("u-alice", "7", position_);
    Park("u-bob", position_);
    Park("u-carol", position_);
  }

  admin::v1::ListParkedResponse List(uint32_t page_size = 0, const std::string& token = "") {
    admin::v1::ListParkedRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    const auto response = ListParked(context(), viewer(), request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(admin::v1::ListParkedResponse());
  }

  ReleaseParkedRequest Named(const std::string& resource) {
    ReleaseParkedRequest request;
    request.add_resources(resource);
    request.set_reason("left the company");
    return request;
  }

  StreamPosition position_ = 0;
};

TEST_F(Parked, AListTellsWhoAndWhyAndSinceWhen) {
  const auto response = List();
  ASSERT_EQ(response.parked_size(), 2);
  EXPECT_EQ(response.total(), 2u);
  const auto& lane = response.parked(0);
  EXPECT_EQ(lane.app(), "wiki");
  EXPECT_EQ(lane.resource_id(), "u-bob");
  EXPECT_EQ(lane.user_name(), "bob");
  EXPECT_EQ(lane.code(), "refused");
  EXPECT_EQ(lane.http_status(), 400u);
  EXPECT_EQ(lane.tries(), 3u);
  EXPECT_EQ(lane.since().seconds(), absl::ToUnixSeconds(clock().Now()) - 1);
}

TEST_F(Parked, ALaneShowsTheExchangeItWasParkedForThoughNoneIsKeptElsewhere) {
  const admin::v1::Exchange exchange = List().parked(0).exchange();
  EXPECT_EQ(exchange.method(), "POST");
  EXPECT_EQ(exchange.url(), "https://wiki.example.com/scim/v2/Users");
  EXPECT_EQ(exchange.http_status(), 400u);
  EXPECT_EQ(exchange.summary(), "sent userName, title; scimType invalidValue");
}

TEST_F(Parked, ALaneThatIsTriedAgainAndStaysParkedIsParkedSinceTheFirstTime) {
  clock().Advance(absl::Hours(5));
  Park("u-carol", position_);
  EXPECT_EQ(List().parked(1).since().seconds(),
            absl::ToUnixSeconds(clock().Now() - absl::Hours(5)) - 1);
}

TEST_F(Parked, PagesFollowEachOtherWithoutGapOrRepetition) {
  const auto first = List(1);
  ASSERT_EQ(first.parked_size(), 1);
  EXPECT_EQ(first.total(), 2u);
  const auto second = List(1, first.next_page_token());
  ASSERT_EQ(second.parked_size(), 1);
  EXPECT_EQ(second.parked(0).resource_id(), "u-carol");
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(Parked, ARetryByUserNameReleasesThatLaneAlone) {
  const auto response = RetryParked(context(), admin(), Named("bob"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->count(), 1u);
  EXPECT_EQ(response->released(0).resource_id(), "u-bob");
  ASSERT_EQ(List().parked_size(), 1);
  EXPECT_EQ(List().parked(0).resource_id(), "u-carol");
}

TEST_F(Parked, ASkipNeedsAReasonAndStandsWithIt) {
  ReleaseParkedRequest request = Named("u-bob");
  request.clear_reason();
  EXPECT_EQ(SkipParked(context(), admin(), request).status().code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(SkipParked(context(), admin(), Named("u-bob")).ok());
  EXPECT_EQ(LastRecord(StreamId::App(app_id())).reason(), "left the company");
  EXPECT_EQ(List().parked_size(), 1);
}

TEST_F(Parked, ASkippedLaneCanBeRetriedStill) {
  ASSERT_TRUE(SkipParked(context(), admin(), Named("u-bob")).ok());
  EXPECT_TRUE(RetryParked(context(), admin(), Named("u-bob")).ok());
}

TEST_F(Parked, WhoIsNotParkedIsRefusedByStateAndWhoIsUnknownIsNotFound) {
  EXPECT_EQ(RetryParked(context(), admin(), Named("alice")).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RetryParked(context(), admin(), Named("mallory")).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(Parked, NothingIsReleasedWhereOneOfThoseNamedCannotBe) {
  ReleaseParkedRequest request = Named("u-bob");
  request.add_resources("mallory");
  EXPECT_FALSE(RetryParked(context(), admin(), request).ok());
  EXPECT_EQ(List().parked_size(), 2);
}

TEST_F(Parked, ADryRunOverAllCountsAndReleasesNothing) {
  ReleaseParkedRequest request;
  request.set_all(true);
  request.set_dry_run(true);
  EXPECT_EQ(SkipParked(context(), admin(), request)->count(), 2u);
  EXPECT_EQ(List().parked_size(), 2);
}

TEST_F(Parked, AllOfAllAppsAreReleasedAtOnce) {
  ReleaseParkedRequest request;
  request.set_all(true);
  EXPECT_EQ(RetryParked(context(), admin(), request)->count(), 2u);
  EXPECT_EQ(List().parked_size(), 0);
}

}  // namespace
}  // namespace purser
