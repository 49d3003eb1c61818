#include "broker/admin/delivery_service.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

using testing::ElementsAre;

class Deliveries : public AdminFixture {
 protected:
  void SetUp() override {
    PutWiki();
    CreateUser("u-alice", R"({"userName":"alice"})");
    CreateUser("u-bob", R"({"userName":"bob"})");
  }

  // One record of exchanges with these request ids, for one resource.
  void KeepOf(const std::string& resource, const std::vector<std::string>& request_ids) {
    event::v1::Exchanges batch;
    for (const std::string& id : request_ids) {
      event::v1::Exchange* exchange = batch.add_exchanges();
      exchange->set_resource_type(event::v1::USER);
      exchange->set_resource_id(resource);
      exchange->set_request_id(id);
      exchange->set_verb("update");
      exchange->set_method("PATCH");
      exchange->set_url("https://wiki.example.com/scim/v2/Users/7");
      exchange->set_http_status(200);
      exchange->set_verdict("done");
      exchange->mutable_duration()->set_nanos(23'400'000);
    }
    Keep(batch);
  }

  admin::v1::ListDeliveriesResponse List(const std::string& user = "", uint32_t page_size = 0,
                                         const std::string& token = "") {
    admin::v1::ListDeliveriesRequest request;
    request.set_app("wiki");
    request.set_user(user);
    request.set_page_size(page_size);
    request.set_page_token(token);
    const auto response = ListDeliveries(context(), viewer(), request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(admin::v1::ListDeliveriesResponse());
  }

  static std::vector<std::string> Ids(const admin::v1::ListDeliveriesResponse& response) {
    std::vector<std::string> ids;
    for (const auto& exchange : response.exchanges()) ids.push_back(exchange.request_id());
    return ids;
  }
};

TEST_F(Deliveries, TheLatestComeFirst) {
  KeepOf("u-alice", {"r1", "r2"});
  KeepOf("u-bob", {"r3"});
  EXPECT_THAT(Ids(List()), ElementsAre("r3", "r2", "r1"));
  const admin::v1::Exchange shown = List().exchanges(0);
  EXPECT_EQ(shown.app(), "wiki");
  EXPECT_EQ(shown.type(), "user");
  EXPECT_EQ(shown.resource_id(), "u-bob");
  EXPECT_EQ(shown.duration_ms(), 23u);
  EXPECT_EQ(ExchangeText(shown),
            "PATCH https://wiki.example.com/scim/v2/Users/7 answered 200 after 23 ms");
}

TEST_F(Deliveries, OfOneUserByName) {
  KeepOf("u-alice", {"r1"});
  KeepOf("u-bob", {"r2"});
  KeepOf("u-alice", {"r3"});
  EXPECT_THAT(Ids(List("alice")), ElementsAre("r3", "r1"));
}

TEST_F(Deliveries, PagesFollowEachOtherWithoutGapOrRepetition) {
  std::vector<std::string> wanted;
  for (int record = 0; record < 150; ++record) {
    KeepOf("u-bob", {absl::StrCat(record, "a"), absl::StrCat(record, "b")});
  }
  for (int record = 149; record >= 0; --record) {
    wanted.push_back(absl::StrCat(record, "b"));
    wanted.push_back(absl::StrCat(record, "a"));
  }
  std::vector<std::string> seen;
  std::string token;
  do {
    const auto page = List("", 7, token);
    for (const std::string& id : Ids(page)) seen.push_back(id);
    token = page.next_page_token();
  } while (!token.empty() && seen.size() <= wanted.size());
  EXPECT_EQ(seen, wanted);
}

TEST_F(Deliveries, WhereNothingIsKeptTheListIsEmpty) { EXPECT_TRUE(Ids(List()).empty()); }

TEST_F(Deliveries, AnUnknownAppOrUserOrTokenIsToldApart) {
  KeepOf("u-bob", {"r1"});
  admin::v1::ListDeliveriesRequest request;
  request.set_app("nowhere");
  EXPECT_EQ(ListDeliveries(context(), viewer(), request).status().code(),
            absl::StatusCode::kNotFound);
  request.set_app("wiki");
  request.set_user("mallory");
  EXPECT_EQ(ListDeliveries(context(), viewer(), request).status().code(),
            absl::StatusCode::kNotFound);
  request.clear_user();
  request.set_page_token("elsewhere");
  EXPECT_EQ(ListDeliveries(context(), viewer(), request).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace purser
