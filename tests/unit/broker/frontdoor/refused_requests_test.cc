// What is kept of a request that was refused, and what is not.
#include "broker/frontdoor/refused_requests.h"

#include <gmock/gmock.h>

#include "broker/events/sealing.h"
#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Refused : public ScimRig {
 protected:
  std::vector<event::v1::RefusedRequest> Kept() const {
    std::vector<event::v1::RefusedRequest> kept;
    for (const auto& [stream, bytes] : log_->unchained) {
      EXPECT_EQ(stream, StreamId::Requests("d1"));
      kept.emplace_back();
      EXPECT_TRUE(kept.back().ParseFromString(bytes));
    }
    return kept;
  }
  event::v1::RefusedRequest Only() const {
    const auto kept = Kept();
    EXPECT_EQ(kept.size(), 1u);
    return kept.empty() ? event::v1::RefusedRequest() : kept.front();
  }
  static json NamesIn(const event::v1::RefusedRequest& refused) {
    return json::parse(*Open(refused.key_id(), refused.sealed_names()));
  }
};

TEST_F(Refused, ANameThatIsTakenIsKeptWithWhomItWasAbout) {
  ASSERT_EQ(Call("POST", "/Users", UserBody("bob")).status, 201);
  const json body = {
      {"schemas", {kUserUrn}}, {"userName", "BOB"}, {"externalId", "e7"}, {"title", "Treasurer"}};
  const Answer answer = Call("POST", "/Users", body.dump(),
                             {{"User-Agent", "directory-sync/2.1"}, {"X-Request-Id", "r-1"}});
  ASSERT_EQ(answer.status, 409);
  const event::v1::RefusedRequest refused = Only();
  EXPECT_EQ(refused.request_id(), "r-1");
  EXPECT_EQ(refused.token_id(), "t1");
  EXPECT_EQ(refused.client(), "directory-sync/2.1");
  EXPECT_EQ(refused.method(), "POST");
  EXPECT_EQ(refused.path(), "/Users");
  EXPECT_EQ(refused.http_status(), 409u);
  EXPECT_EQ(refused.reason(), "uniqueness");
  EXPECT_EQ(refused.message(), answer.Json()["detail"]);
  EXPECT_THAT(refused.attributes(), ElementsAre("externalId", "schemas", "title", "userName"));
  EXPECT_EQ(NamesIn(refused), (json{{"userName", "BOB"}, {"externalId", "e7"}}));
  EXPECT_THAT(refused.DebugString(), Not(HasSubstr("Treasurer")));
}

TEST_F(Refused, OfAPatchThePathsAreKeptWithoutTheirFilters) {
  const std::string id = Call("POST", "/Users", UserBody("bob")).id();
  const std::string path = "/Users/" + id;
  ASSERT_EQ(Patch(path, {{"op", "replace"},
                         {"path", "emails[value eq \"b@example.com\"].value"},
                         {"value", "c@example.com"}})
                .status,
            400);
  const event::v1::RefusedRequest refused = Only();
  EXPECT_EQ(refused.path(), path);
  EXPECT_EQ(refused.resource_id(), id);
  EXPECT_EQ(refused.reason(), "noTarget");
  EXPECT_THAT(refused.attributes(), ElementsAre("emails"));
  EXPECT_THAT(refused.DebugString(), Not(HasSubstr("example.com")));
}

TEST_F(Refused, OfABulkEachOperationIsKeptAsIfItHadComeAlone) {
  ASSERT_EQ(Call("POST", "/Users", UserBody("bob")).status, 201);
  const json operations = {{{"method", "post"},
                            {"path", "/Users"},
                            {"bulkId", "b"},
                            {"data", json::parse(UserBody("BOB", {{"title", "Treasurer"}}))}},
                           {{"method", "DELETE"}, {"path", "/Users/bob@example.com"}},
                           {{"method", "POST"},
                            {"path", "/Users"},
                            {"bulkId", "e"},
                            {"data", json::parse(UserBody("eve"))}}};
  json bulk = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}},
               {"Operations", operations}};
  ASSERT_EQ(Call("POST", "/Bulk", bulk.dump()).status, 200);
  ASSERT_EQ(Kept().size(), 2u);
  const event::v1::RefusedRequest taken = Kept()[0], gone = Kept()[1];
  EXPECT_EQ(taken.method(), "POST");
  EXPECT_EQ(taken.path(), "/Users");
  EXPECT_EQ(taken.http_status(), 409u);
  EXPECT_EQ(taken.token_id(), "t1");
  EXPECT_EQ(NamesIn(taken), (json{{"userName", "BOB"}}));
  EXPECT_THAT(taken.DebugString(), Not(HasSubstr("Treasurer")));
  EXPECT_EQ(gone.path(), "/Users/?");
  EXPECT_EQ(gone.http_status(), 404u);
  bulk["failOnErrors"] = 0;
  ASSERT_EQ(Call("POST", "/Bulk", bulk.dump()).status, 400);
  ASSERT_EQ(Kept().size(), 3u);
  EXPECT_EQ(Kept()[2].path(), "/Bulk");
  EXPECT_THAT(Kept()[2].DebugString(), Not(HasSubstr("bob")));
}

TEST_F(Refused, WhatNoAttributeIsCalledIsNotKeptAsAName) {
  const std::string path = "/Users/" + Call("POST", "/Users", UserBody("bob")).id();
  ASSERT_EQ(
      Patch(path,
            {{"op", "replace"}, {"path", "emails.value eq \"bob@example.com\""}, {"value", "x"}})
          .status,
      400);
  EXPECT_THAT(Only().attributes(), ElementsAre("?"));
  EXPECT_THAT(Only().DebugString(), Not(HasSubstr("example.com")));
}

TEST_F(Refused, WhatIsNoIdOfOursIsNotKeptInAPath) {
  ASSERT_EQ(Call("PUT", "/Users/bob@example.com", UserBody("bob")).status, 404);
  EXPECT_EQ(Only().path(), "/Users/?");
  EXPECT_EQ(Only().resource_id(), "");
}

TEST_F(Refused, ALookUpThatFindsNothingIsNoRefusalAndABadFilterIs) {
  ASSERT_EQ(Get("/Users/0192f0c1-0000-7000-8000-000000000000").status, 404);
  EXPECT_EQ(Kept().size(), 0u);
  ASSERT_EQ(Get("/Users", {}, {{"filter", "userName eqq \"bob@example.com\""}}).status, 400);
  EXPECT_EQ(Only().reason(), "invalidFilter");
  EXPECT_THAT(Only().DebugString(), Not(HasSubstr("bob")));
}

TEST_F(Refused, WhoIsUnknownIsNotBelievedAndCannotDriveOutWhatOthersDid) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(Call("POST", "/Users", UserBody("bob"), {{"Authorization", "Bearer wrong"}}).status,
              401);
  }
  EXPECT_EQ(Kept().size(), 20u);
  EXPECT_EQ(Kept().front().sealed_names(), "");
  ASSERT_EQ(Call("POST", "/Users", "{").status, 400);
  EXPECT_EQ(Kept().size(), 21u);
  fake_clock_.Advance(absl::Seconds(3));
  for (int i = 0; i < 50; ++i) {
    Call("POST", "/Users", UserBody("bob"), {{"Authorization", "Bearer wrong"}});
  }
  EXPECT_EQ(Kept().size(), 24u);
}

TEST_F(Refused, AClientThatFailsWithoutEndIsKeptInPart) {
  for (int i = 0; i < 1500; ++i) ASSERT_EQ(Call("POST", "/Users", "{").status, 400);
  EXPECT_EQ(Kept().size(), 1000u);
  EXPECT_EQ(metrics_.GetCounter("purser_refused_requests_dropped_total", "")->value(), 500u);
}

TEST_F(Refused, AWriteThatTheLogCouldNotTakeIsKeptToo) {
  log_->append_status = absl::ResourceExhaustedError("the disk is full");
  ASSERT_EQ(Call("POST", "/Users", UserBody("bob")).status, 503);
  EXPECT_EQ(Only().http_status(), 503u);
}

}  // namespace
}  // namespace purser
