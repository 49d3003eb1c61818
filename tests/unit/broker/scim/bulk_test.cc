// The order in which a bulk request can be done, and what each operation refers to (facts 36).
#include "broker/scim/bulk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "broker/scim/error.h"

namespace purser::scim {
namespace {

using nlohmann::json;
using testing::ElementsAre;

BulkRequest Parse(const std::vector<json>& operations) {
  const json body = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}},
                     {"Operations", operations}};
  int minted = 0;
  auto parsed =
      ParseBulk(*StandardSchemas(), body.dump(), [&] { return absl::StrCat("id", ++minted); });
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() ? *std::move(parsed) : BulkRequest();
}

json Group(const std::string& name, const std::vector<std::string>& members) {
  json list = json::array();
  for (const std::string& member : members) list.push_back({{"value", member}});
  return {{"method", "POST"},
          {"path", "/Groups"},
          {"bulkId", name},
          {"data", {{"schemas", {kGroupUrn}}, {"displayName", name}, {"members", list}}}};
}

using Steps = std::vector<std::vector<size_t>>;

TEST(ScimPromise36, WithoutForwardReferencesTheOrderIsTheRequests) {
  const BulkRequest bulk =
      Parse({Group("a", {}), Group("b", {"bulkId:a"}), Group("c", {"bulkId:a", "bulkId:b"})});
  EXPECT_EQ(bulk.steps, Steps({{0}, {1}, {2}}));
  EXPECT_THAT(bulk.operations[2].references, ElementsAre(0u, 1u));
  EXPECT_THAT(bulk.operations[2].input->members, ElementsAre("id1", "id2"));
}

TEST(ScimPromise36, WhatIsReferredToComesFirst) {
  const BulkRequest bulk = Parse({Group("a", {"bulkId:d", "bulkId:c"}), Group("b", {}),
                                  Group("c", {"bulkId:d"}), Group("d", {})});
  EXPECT_EQ(bulk.steps, Steps({{3}, {2}, {0}, {1}}));
}

TEST(ScimPromise36, ACircleIsOneStepInWhichEachRefersToThoseBeforeItAndIsCompletedLater) {
  const BulkRequest bulk =
      Parse({Group("x", {"bulkId:b"}), Group("a", {"bulkId:b", "u"}), Group("b", {"bulkId:a"})});
  EXPECT_EQ(bulk.steps, Steps({{1, 2}, {0}}));
  EXPECT_THAT(bulk.operations[1].input->members, ElementsAre("u"));
  ASSERT_TRUE(bulk.operations[1].completion.has_value());
  EXPECT_THAT(bulk.operations[1].completion->members[0].ids, ElementsAre("id3"));
  EXPECT_THAT(bulk.operations[2].input->members, ElementsAre("id2"));
  EXPECT_FALSE(bulk.operations[2].completion.has_value());
}

TEST(ScimPromise36, AReferenceToItselfIsNoCircle) {
  const BulkRequest bulk = Parse({Group("a", {"bulkId:a"})});
  EXPECT_THAT(bulk.operations[0].references, ElementsAre());
  EXPECT_THAT(bulk.operations[0].input->members, ElementsAre("id1"));
}

TEST(ScimPromise36, AnOperationThatIsRefusedIsInNoCircle) {
  const BulkRequest bulk =
      Parse({Group("a", {"bulkId:b", "bulkId:none"}), Group("b", {"bulkId:a"})});
  EXPECT_EQ(bulk.steps, Steps({{0}, {1}}));
  EXPECT_FALSE(bulk.operations[0].refusal.ok());
  EXPECT_TRUE(bulk.operations[1].refusal.ok());
}

TEST(ScimPromise36, AThousandGroupsThatAllHoldEachOtherAreTooLargeACircle) {
  std::vector<std::string> all;
  for (int i = 0; i < 1000; ++i) all.push_back(absl::StrCat("bulkId:g", i));
  std::vector<json> operations;
  for (int i = 0; i < 1000; ++i) operations.push_back(Group(absl::StrCat("g", i), all));
  const BulkRequest bulk = Parse(operations);
  ASSERT_EQ(bulk.steps.size(), 1u);
  EXPECT_EQ(bulk.steps[0].size(), 1000u);
  for (const BulkOperation& operation : bulk.operations) {
    ASSERT_EQ(ToErrorAnswer(operation.refusal).http_status, 409);
  }
}

}  // namespace
}  // namespace purser::scim
