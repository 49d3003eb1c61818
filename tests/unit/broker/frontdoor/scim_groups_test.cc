// Groups through the endpoints: members by value, and what a change costs (facts 10, 35).
#include <gmock/gmock.h>

#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

using testing::UnorderedElementsAre;

class ScimGroups : public ScimRig {
 protected:
  std::vector<std::string> CreateUsers(int count) {
    std::vector<std::string> ids;
    std::vector<std::shared_ptr<std::optional<Answer>>> answers;
    for (int i = 0; i < count; ++i) {
      answers.push_back(Send(Request("POST", "/Users", UserBody(absl::StrCat("u", i)))));
      if (i % 500 == 499) Drive();
    }
    Drive();
    for (const auto& answer : answers) ids.push_back((*answer)->id());
    return ids;
  }
  // A group of those members, who are added in requests that each may hold.
  std::string CreateLargeGroup(const std::vector<std::string>& members) {
    const std::string group = CreateGroup("large");
    for (size_t at = 0; at < members.size(); at += 10'000) {
      const std::vector<std::string> some(
          members.begin() + static_cast<ptrdiff_t>(at),
          members.begin() + static_cast<ptrdiff_t>(std::min(members.size(), at + 10'000)));
      EXPECT_LT(Add(group, some).status, 300);
    }
    return group;
  }
  Answer Add(const std::string& group, const std::vector<std::string>& ids) {
    return Patch("/Groups/" + group,
                 {{"op", "add"}, {"path", "members"}, {"value", MemberList(ids)}});
  }
  uint64_t Count(const std::string& group) {
    return *(*directory_->readers().Take())->MemberCount(group);
  }
  size_t LastRecordBytes() {
    return log_->Read(directory_->stream(), directory_->writer().folded() - 1, 1, 1)
        ->front()
        .bytes.size();
  }
  size_t LastTouched() {
    return (*directory_->readers().Take())->TouchedAt(directory_->writer().folded())->size();
  }
};

TEST_F(ScimGroups, AMemberIsAddedOnceAndSeesTheGroup) {
  const std::string ada = CreateUser("ada"), eve = CreateUser("eve");
  const std::string group = CreateGroup("all", {ada});
  const Answer added = Add(group, {ada, eve});
  ASSERT_EQ(added.status, 200) << added.body;
  std::vector<std::string> members;
  const json body = added.Json();
  for (const json& member : body["members"]) members.push_back(member["value"]);
  EXPECT_THAT(members, UnorderedElementsAre(ada, eve));
  EXPECT_EQ(Get("/Users/" + eve).Json()["groups"][0]["display"], "all");
  const Answer again = Add(group, {eve});
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.Header("ETag"), added.Header("ETag"));
  EXPECT_EQ(Get("/Groups/" + group).Json(), again.Json());
}

TEST_F(ScimGroups, AProvidersRemoveOfOneMemberRemovesThatOneAlone) {
  const std::string ada = CreateUser("ada"), eve = CreateUser("eve");
  const std::string group = CreateGroup("all", {ada, eve});
  const Answer removed = Patch(
      "/Groups/" + group,
      {{"op", "Remove"}, {"path", "members"}, {"value", {{{"$ref", nullptr}, {"value", ada}}}}});
  EXPECT_EQ(removed.Json()["members"].size(), 1u);
  EXPECT_EQ(removed.Json()["members"][0]["value"], eve);
}

TEST_F(ScimGroups, AMemberWhoDoesNotExistIs400) {
  const std::string group = CreateGroup("all");
  const Answer refused = Add(group, {"0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f"});
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.scim_type(), "invalidValue");
}

TEST_F(ScimGroups, GroupsAreFoundByTheirMembersWhateverTheFilterAroundThem) {
  const std::string ada = CreateUser("ada"), eve = CreateUser("eve");
  CreateGroup("both", {ada, eve});
  CreateGroup("none");
  const std::string only = CreateGroup("only ada", {ada});
  const auto total = [&](const std::string& filter) {
    return List("/Groups", {{"filter", filter}}).Json()["totalResults"].get<int>();
  };
  EXPECT_EQ(total("members eq \"" + ada + "\""), 2);
  EXPECT_EQ(total("members.value eq \"" + eve + "\""), 1);
  EXPECT_EQ(total("members[value eq \"" + eve + "\"]"), 1);
  EXPECT_EQ(total("not (members eq \"" + eve + "\")"), 2);
  EXPECT_EQ(total("members eq \"" + ada + "\" and displayName sw \"only\""), 1);
  EXPECT_EQ(total("members eq \"" + ada + "\" or displayName eq \"none\""), 3);
  EXPECT_EQ(total("members pr"), 2);
  EXPECT_EQ(List("/Users", {{"filter", "groups.value eq \"" + only + "\""}}).Json()["totalResults"],
            1);
}

TEST_F(ScimGroups, APatchOfAGroupOfOverAThousandMembersIs204WithItsETag) {
  const std::vector<std::string> users = CreateUsers(1002);
  const std::string group =
      CreateGroup("large", std::vector<std::string>(users.begin(), users.end() - 2));
  EXPECT_EQ(
      Patch("/Groups/" + group, {{"op", "replace"}, {"path", "displayName"}, {"value", "Large"}})
          .status,
      200);
  const Answer added = Add(group, {users[1000]});
  EXPECT_EQ(added.status, 204);
  EXPECT_EQ(added.body, "");
  EXPECT_EQ(added.Header("ETag"), Get("/Groups/" + group).Header("ETag"));
  const Answer asked =
      Patch("/Groups/" + group,
            {{"op", "add"}, {"path", "members"}, {"value", MemberList({users[1001]})}}, {},
            {{"excludedAttributes", "members"}});
  EXPECT_EQ(asked.status, 200);
  EXPECT_FALSE(asked.Json().contains("members"));
  EXPECT_EQ(Count(group), 1002u);
}

TEST_F(ScimGroups, OneMemberMoreCostsTheSameInASmallAndInALargeGroup) {
  const std::vector<std::string> users = CreateUsers(10'011);
  const std::string small =
      CreateGroup("small", std::vector<std::string>(users.begin(), users.begin() + 10));
  const std::string large =
      CreateLargeGroup(std::vector<std::string>(users.begin(), users.end() - 1));
  ASSERT_EQ(Count(large), 10'010u);
  ASSERT_EQ(Add(small, {users.back()}).status, 200);
  const size_t bytes = LastRecordBytes(), touched = LastTouched();
  ASSERT_EQ(Add(large, {users.back()}).status, 204);
  EXPECT_NEAR(static_cast<double>(LastRecordBytes()), static_cast<double>(bytes), 8);
  EXPECT_LT(bytes, 500u);
  EXPECT_EQ(LastTouched(), touched);
  EXPECT_EQ(touched, 2u);  // the group and the member
}

TEST_F(ScimGroups, ALargeGroupIsEmptiedInOneSmallRecord) {
  const std::vector<std::string> users = CreateUsers(12'500);
  const std::string group = CreateLargeGroup(users);
  ASSERT_EQ(Count(group), 12'500u);
  const json group_put = {{"schemas", {kGroupUrn}},
                          {"displayName", "large"},
                          {"members", MemberList({users[0], users[7]})}};
  const Answer put = Call("PUT", "/Groups/" + group, group_put.dump());
  ASSERT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(put.Json()["members"].size(), 2u);
  EXPECT_LT(LastRecordBytes(), 1000u);
  EXPECT_EQ(LastTouched(), 12'499u);  // the group and those who left
  EXPECT_EQ(Count(group), 2u);
  EXPECT_FALSE(Get("/Users/" + users[1]).Json().contains("groups"));
  EXPECT_TRUE(Get("/Users/" + users[7]).Json().contains("groups"));
}

}  // namespace
}  // namespace purser
