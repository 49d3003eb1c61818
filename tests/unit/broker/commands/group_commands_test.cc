#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "broker/commands/resource_commands.h"
#include "purser/event/v1/directory.pb.h"
#include "tests/support/fake_directory_state.h"
#include "tests/support/scim_status.h"

namespace purser {
namespace {

using nlohmann::json;
using scim::Refusal;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// Users u1 to u4, groups g1 (members u1 and u2) and g2.
class GroupCommands : public testing::Test {
 protected:
  GroupCommands() {
    for (const char* id : {"u1", "u2", "u3", "u4"}) {
      Resource user;
      user.id = id;
      user.attributes = {{"userName", id}};
      state_.Put(user);
    }
    for (const char* id : {"g1", "g2"}) {
      Resource group;
      group.type = event::v1::GROUP;
      group.id = id;
      group.version = 5;
      group.attributes = {{"displayName", id}};
      state_.Put(group);
    }
    state_.AddMember("g1", "u1");
    state_.AddMember("g1", "u2");
  }

  // Users whose ids begin with `prefix`.
  std::vector<std::string> PutUsers(int count, const std::string& prefix) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) {
      Resource user;
      user.id = absl::StrCat(prefix, 100'000'000'000 + i);
      user.attributes = {{"userName", user.id}};
      ids.push_back(user.id);
      state_.Put(user);
    }
    return ids;
  }

  static json Ids(const std::vector<std::string>& ids) {
    json members = json::array();
    for (const std::string& id : ids) members.push_back({{"value", id}});
    return members;
  }

  static json Op(const char* op, const json& value) {
    return {{"op", op}, {"path", "members"}, {"value", value}};
  }

  // Takes one operation, or a list of them.
  absl::StatusOr<Decision> Patch(json operations) {
    if (operations.is_object()) operations = json::array({operations});
    const json body = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}},
                       {"Operations", operations}};
    auto request = scim::ParsePatch(scim::GroupSchema(), body.dump());
    if (!request.ok()) return request.status();
    return DecidePatch(state_, *request, "g1", {}, kNow);
  }

  static scim::ResourceInput Input(const json& members, const char* name = "g1") {
    const json body = {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:Group"}},
                       {"displayName", name},
                       {"members", members}};
    return *scim::ParseResource(scim::GroupSchema(), body.dump());
  }

  // "+u3 -u1", or the refusal.
  template <typename Payload>
  static std::string DeltaOf(const absl::StatusOr<Decision>& decision) {
    if (!decision.ok()) return Refusal(decision.status());
    if (!decision->changed) return "unchanged";
    Payload payload;
    payload.ParseFromString(decision->payload);
    std::string delta;
    for (const auto& member : payload.members_added()) absl::StrAppend(&delta, "+", member.id());
    for (const auto& id : payload.members_removed()) absl::StrAppend(&delta, "-", id);
    if (payload.members_cleared()) absl::StrAppend(&delta, " and nobody else");
    return delta;
  }
  std::string PatchDelta(const json& operations) {
    return DeltaOf<event::v1::ResourceChanged>(Patch(operations));
  }
  std::string PutDelta(const json& members) {
    return DeltaOf<event::v1::ResourceReplaced>(
        DecideReplace(state_, Input(members), "g1", {}, kNow));
  }

  FakeDirectoryState state_;
};

TEST_F(GroupCommands, Promise35AnAddIsOneSmallEventAndWalksOverNobody) {
  EXPECT_EQ(PatchDelta({Op("add", Ids({"u3"}))}), "+u3");
  EXPECT_EQ(PatchDelta({Op("remove", Ids({"u1"}))}), "-u1");
  EXPECT_EQ(PatchDelta({{{"op", "remove"}, {"path", "members[value eq \"u2\"]"}}}), "-u2");
  EXPECT_EQ(state_.walks, 0);
}

TEST_F(GroupCommands, Promise35ReaddingAMemberSucceedsAndChangesNothing) {
  EXPECT_EQ(PatchDelta({Op("add", Ids({"u1", "u2"}))}), "unchanged");
  EXPECT_EQ(PatchDelta({Op("remove", Ids({"u4", "never-was"}))}), "unchanged");
}

TEST_F(GroupCommands, Promise35MembersMustExistAndAGroupDoesNotHoldItself) {
  EXPECT_EQ(PatchDelta({Op("add", Ids({"u9"}))}), "400 invalidValue");
  EXPECT_EQ(PatchDelta({Op("add", Ids({"g1"}))}), "400 invalidValue");
  EXPECT_EQ(PatchDelta({Op("replace", Ids({"u1", "u9"}))}), "400 invalidValue");
  EXPECT_EQ(PutDelta(Ids({"u9"})), "400 invalidValue");
  EXPECT_EQ(Refusal(DecideCreate(state_, Input(Ids({"u9"})), "g3", kNow).status()),
            "400 invalidValue");
  EXPECT_EQ(Refusal(DecideCreate(state_, Input(Ids({"g3"})), "g3", kNow).status()),
            "400 invalidValue");
}

TEST_F(GroupCommands, Promise35AGroupMayBeAMemberAndIsKnownAsOne) {
  const auto decision = Patch({Op("add", Ids({"g2"}))});
  ASSERT_TRUE(decision.ok());
  event::v1::ResourceChanged changed;
  changed.ParseFromString(decision->payload);
  EXPECT_EQ(changed.members_added(0).type(), event::v1::GROUP);
}

TEST_F(GroupCommands, ACreateHoldsItsMembers) {
  const auto decision = DecideCreate(state_, Input(Ids({"u2", "g2", "u2"}), "New"), "g3", kNow);
  ASSERT_TRUE(decision.ok()) << decision.status();
  event::v1::ResourceCreated created;
  ASSERT_TRUE(created.ParseFromString(decision->payload));
  EXPECT_EQ(created.attributes(), R"({"displayName":"New"})");
  ASSERT_EQ(created.members_size(), 2);
  EXPECT_EQ(created.members(0).id(), "g2");
  EXPECT_EQ(created.members(0).type(), event::v1::GROUP);
  EXPECT_EQ(created.members(1).id(), "u2");
}

TEST_F(GroupCommands, AReplaceOfMembersIsADelta) {
  EXPECT_EQ(PatchDelta({Op("replace", Ids({"u2", "u3"}))}), "+u3-u1");
  EXPECT_EQ(PatchDelta({Op("replace", Ids({"u2", "u1"}))}), "unchanged");
  EXPECT_EQ(PatchDelta({Op("replace", json::array())}), "-u1-u2");
  EXPECT_EQ(PatchDelta({{{"op", "remove"}, {"path", "members"}}}), "-u1-u2");
  EXPECT_EQ(PutDelta(Ids({"u2", "u3"})), "+u3-u1");
  EXPECT_EQ(PutDelta(Ids({"u1", "u2"})), "unchanged");
  EXPECT_EQ(PutDelta(json::array()), "-u1-u2");
}

TEST_F(GroupCommands, OperationsApplyInOrder) {
  EXPECT_EQ(PatchDelta({Op("add", Ids({"u3"})), Op("remove", Ids({"u3"}))}), "unchanged");
  EXPECT_EQ(PatchDelta({Op("remove", Ids({"u1"})), Op("add", Ids({"u1"}))}), "unchanged");
  EXPECT_EQ(PatchDelta({Op("replace", json::array()), Op("add", Ids({"u1", "u3"}))}), "+u3-u2");
  EXPECT_EQ(PatchDelta({Op("replace", Ids({"u3", "u4"})), Op("remove", Ids({"u4"}))}), "+u3-u1-u2");
}

TEST_F(GroupCommands, MembersAreRemovedByAFilter) {
  state_.AddMember("g1", "g2", event::v1::GROUP);
  const auto remove = [](const char* path) { return json{{"op", "remove"}, {"path", path}}; };
  EXPECT_EQ(PatchDelta({remove(R"(members[type eq "Group"])")}), "-g2");
  EXPECT_EQ(PatchDelta({remove(R"(members[value eq "u1" or value eq "u2"])")}), "-u1-u2");
  EXPECT_EQ(PatchDelta({Op("add", Ids({"u3"})), remove(R"(members[value sw "u"])")}), "-u1-u2");
  EXPECT_EQ(PatchDelta({remove(R"(members[type eq "Device"])")}), "unchanged");
}

TEST_F(GroupCommands, AttributesAndMembersChangeInOneEvent) {
  const auto decision =
      Patch({Op("add", Ids({"u3"})), {{"op", "replace"}, {"value", {{"displayName", "New"}}}}});
  ASSERT_TRUE(decision.ok());
  event::v1::ResourceChanged changed;
  changed.ParseFromString(decision->payload);
  EXPECT_EQ(changed.changes_size(), 1);
  EXPECT_EQ(changed.members_added_size(), 1);
  EXPECT_EQ(decision->after.attributes, json({{"displayName", "New"}}));
}

TEST_F(GroupCommands, MoreMembersThanABodyCouldNameAre413) {
  for (const std::string& id : PutUsers(8'400, std::string(4'000, 'u'))) {
    state_.AddMember("g1", id);
  }
  EXPECT_EQ(PatchDelta({{{"op", "remove"}, {"path", "members[type eq \"User\"]"}}}), "413 ");
}

TEST_F(GroupCommands, ManyWhoGoAreNotNamedWhereFewerStay) {
  std::vector<std::string> ids = PutUsers(2'000, "0192f0c1-7d4a-7b3e-8f00-");
  for (const std::string& id : ids) state_.AddMember("g1", id);
  ids.push_back("u1");
  ids.push_back("u2");
  EXPECT_EQ(PutDelta(Ids(ids)), "unchanged");
  EXPECT_EQ(PatchDelta({{{"op", "remove"}, {"path", "members"}}}), " and nobody else");
  EXPECT_EQ(PatchDelta({Op("replace", Ids({}))}), " and nobody else");
  EXPECT_EQ(PutDelta(Ids({"u1", "u3"})), "+u3+u1 and nobody else");
  // As many go as stay.
  const std::vector<std::string> half(ids.begin(), ids.begin() + 1'001);
  EXPECT_EQ(PutDelta(Ids(half)).find("nobody else"), std::string::npos);
}

}  // namespace
}  // namespace purser
