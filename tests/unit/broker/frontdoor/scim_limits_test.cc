// A directory that allows less than others.
#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

class ScimLimits : public ScimRig {};

TEST_F(ScimLimits, ADirectorysOwnLimitsHoldAndAreTold) {
  limits_ = {.results = 2, .bulk_operations = 1, .body_bytes = 500};
  const json config = Get("/ServiceProviderConfig").Json();
  EXPECT_EQ(config["filter"]["maxResults"], 2);
  EXPECT_EQ(config["pagination"]["maxPageSize"], 2);
  EXPECT_EQ(config["pagination"]["defaultPageSize"], 2);
  EXPECT_EQ(config["bulk"]["maxOperations"], 1);
  EXPECT_EQ(config["bulk"]["maxPayloadSize"], 500);
  for (const char* name : {"a", "b", "c"}) CreateUser(name);
  for (const Pairs& query : {Pairs{}, Pairs{{"count", "3"}}, Pairs{{"cursor", ""}}}) {
    const json page = List("/Users", query).Json();
    EXPECT_EQ(page["itemsPerPage"], 2);
    EXPECT_EQ(page["totalResults"], 3);
  }
  EXPECT_EQ(Call("POST", "/Users/.search", R"({"count": 1000})").Json()["itemsPerPage"], 2);
  const json remove = {{"method", "DELETE"}, {"path", "/Users/none"}};
  const json bulk = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}},
                     {"Operations", {remove, remove}}};
  EXPECT_EQ(Call("POST", "/Bulk", bulk.dump()).status, 413);
  EXPECT_EQ(Call("POST", "/Users", UserBody("d", {{"title", std::string(500, 'x')}})).status, 413);
}

}  // namespace
}  // namespace purser
