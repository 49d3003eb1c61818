#include "broker/admin/request_service.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "broker/events/sealing.h"
#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

using testing::ElementsAre;

class Requests : public AdminFixture {
 protected:
  void SetUp() override {
    PutWiki();
    CreateUser("u-alice", R"({"userName":"alice"})");
  }

  void KeepOne(const std::string& request_id, const std::string& resource_id,
               const std::string& names, const std::string& reason = "uniqueness") {
    event::v1::RefusedRequest refused;
    refused.set_request_id(request_id);
    refused.set_token_id("t-1");
    refused.set_client("Directory-Sync/2.1");
    refused.set_method("POST");
    refused.set_path("/Users");
    refused.set_resource_type(event::v1::USER);
    refused.set_resource_id(resource_id);
    refused.set_http_status(409);
    refused.set_reason(reason);
    const SealedPayload sealed = Seal("x", names);
    refused.set_key_id(sealed.key_id);
    refused.set_sealed_names(sealed.bytes);
    Keep(refused);
  }

  std::vector<std::string> Ids(const admin::v1::ListRequestsRequest& request) {
    const auto page = ListRequests(context(), viewer(), request);
    EXPECT_TRUE(page.ok()) << page.status();
    std::vector<std::string> ids;
    if (page.ok()) {
      for (const auto& one : page->requests()) ids.push_back(one.request_id());
      next_ = page->next_page_token();
    }
    return ids;
  }
  std::vector<std::string> IdsOf(const std::string& user) {
    admin::v1::ListRequestsRequest request;
    request.set_user(user);
    return Ids(request);
  }

  std::string next_;
};

TEST_F(Requests, WhoWasNeverThereIsFoundByNameExternalIdAndInAnyCase) {
  KeepOne("r1", "", R"({"userName":"bob@example.com","externalId":"e7"})");
  KeepOne("r2", "", R"({"userName":"eve@example.com"})");
  KeepOne("r3", "", R"({"displayName":"Tour"})");
  EXPECT_THAT(IdsOf(""), ElementsAre("r3", "r2", "r1"));
  EXPECT_THAT(IdsOf("BOB@example.com"), ElementsAre("r1"));
  EXPECT_THAT(IdsOf("e7"), ElementsAre("r1"));
  EXPECT_THAT(IdsOf("tour"), ElementsAre("r3"));
  EXPECT_THAT(IdsOf("mallory"), ElementsAre());
}

TEST_F(Requests, OfOneWhoIsThereThoseByIdAreFoundByName) {
  KeepOne("r1", "u-alice", "{}");
  EXPECT_THAT(IdsOf("alice"), ElementsAre("r1"));
  EXPECT_THAT(IdsOf("u-alice"), ElementsAre("r1"));
}

TEST_F(Requests, OfOneClientAndForOneReason) {
  KeepOne("r1", "", "{}", "uniqueness");
  KeepOne("r2", "", "{}", "invalidValue");
  admin::v1::ListRequestsRequest request;
  for (const char* client : {"t-1", "directory-sync"}) {
    request.set_client(client);
    EXPECT_THAT(Ids(request), ElementsAre("r2", "r1"));
  }
  request.set_client("t-2");
  EXPECT_THAT(Ids(request), ElementsAre());
  request.clear_client();
  request.set_reason("Uniqueness");
  EXPECT_THAT(Ids(request), ElementsAre("r1"));
  request.set_reason("409");
  EXPECT_THAT(Ids(request), ElementsAre("r2", "r1"));
}

TEST_F(Requests, PagesFollowEachOtherWithoutGapOrRepetition) {
  std::vector<std::string> wanted, seen;
  for (int i = 0; i < 150; ++i) KeepOne(absl::StrCat(i), "", "{}");
  for (int i = 149; i >= 0; --i) wanted.push_back(absl::StrCat(i));
  admin::v1::ListRequestsRequest request;
  request.set_page_size(7);
  do {
    for (const std::string& id : Ids(request)) seen.push_back(id);
    request.set_page_token(next_);
  } while (!next_.empty() && seen.size() <= wanted.size());
  EXPECT_EQ(seen, wanted);
}

TEST_F(Requests, WhereNothingIsKeptTheListIsEmptyAndAnUnknownDirectoryIsNamed) {
  EXPECT_THAT(IdsOf(""), ElementsAre());
  admin::v1::ListRequestsRequest request;
  request.set_directory("nowhere");
  EXPECT_EQ(ListRequests(context(), viewer(), request).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace purser
