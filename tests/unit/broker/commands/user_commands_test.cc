#include <gtest/gtest.h>

#include "broker/commands/resource_commands.h"
#include "purser/event/v1/directory.pb.h"
#include "tests/support/fake_directory_state.h"
#include "tests/support/scim_status.h"

namespace purser {
namespace {

using nlohmann::json;
using scim::Refusal;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class UserCommands : public testing::Test {
 protected:
  UserCommands() {
    Put("u1", "bjensen", 7);
    Put("u2", "Straße", 8);
  }

  void Put(const char* id, const char* user_name, uint64_t version) {
    Resource user;
    user.id = id;
    user.version = version;
    user.created = user.last_modified = kNow - absl::Hours(1);
    user.attributes = {{"userName", user_name}, {"title", "Guide"}};
    state_.Put(user);
  }

  static scim::ResourceInput Input(json attributes) {
    attributes["schemas"] = {"urn:ietf:params:scim:schemas:core:2.0:User"};
    return *scim::ParseResource(scim::UserSchema(), attributes.dump());
  }

  static scim::PatchRequest Patch(const json& operations) {
    const json body = {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}},
                       {"Operations", operations}};
    return *scim::ParsePatch(scim::UserSchema(), body.dump());
  }

  absl::StatusOr<Decision> Create(const json& attributes) {
    return DecideCreate(state_, Input(attributes), "new", kNow);
  }
  absl::StatusOr<Decision> Replace(const char* id, const json& attributes,
                                   const char* if_match = "") {
    return DecideReplace(state_, Input(attributes), id, {scim::EntityTags::Parse(if_match), {}},
                         kNow);
  }
  absl::StatusOr<Decision> PatchIt(const char* id, const json& operations,
                                   const char* if_match = "") {
    return DecidePatch(state_, Patch(operations), id, {scim::EntityTags::Parse(if_match), {}},
                       kNow);
  }
  absl::StatusOr<Decision> Delete(const char* id, const char* if_match = "") {
    return DecideDelete(state_, event::v1::USER, id, {scim::EntityTags::Parse(if_match), {}}, kNow);
  }

  static json Set(const char* path, const json& value) {
    return json::array({{{"op", "replace"}, {"path", path}, {"value", value}}});
  }

  FakeDirectoryState state_;
};

TEST_F(UserCommands, ACreateIsOneEventWithAllAttributes) {
  const auto decision = Create({{"userName", "anna"}, {"active", true}, {"password", "s3cret"}});
  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_TRUE(decision->changed);
  EXPECT_EQ(decision->kind, event::v1::RESOURCE_CREATED);
  event::v1::ResourceCreated created;
  ASSERT_TRUE(created.ParseFromString(decision->payload));
  EXPECT_EQ(json::parse(created.attributes()), json({{"userName", "anna"}, {"active", true}}));
  EXPECT_EQ(decision->after.id, "new");
  EXPECT_EQ(decision->after.created, kNow);
  EXPECT_EQ(decision->after.last_modified, kNow);
  EXPECT_EQ(decision->payload.find("s3cret"), std::string::npos);
}

TEST_F(UserCommands, Promise13AUserNameIsTakenOnceWhateverItsCase) {
  EXPECT_EQ(Refusal(Create({{"userName", "BJENSEN"}}).status()), "409 uniqueness");
  EXPECT_EQ(Refusal(Create({{"userName", "STRASSE"}}).status()), "409 uniqueness");
  EXPECT_EQ(Refusal(Replace("u1", {{"userName", "strasse"}}).status()), "409 uniqueness");
  EXPECT_EQ(Refusal(PatchIt("u1", Set("userName", "STRASSE")).status()), "409 uniqueness");
  EXPECT_TRUE(Replace("u1", {{"userName", "BJensen"}})->changed);
  EXPECT_TRUE(PatchIt("u1", Set("userName", "BJensen"))->changed);
}

TEST_F(UserCommands, Promise12PutNeverCreates) {
  EXPECT_EQ(Refusal(Replace("nobody", {{"userName", "x"}}).status()), "404 ");
}

TEST_F(UserCommands, Promise12PutClearsWhatItOmits) {
  const auto decision = Replace("u1", {{"userName", "bjensen"}, {"nickName", "B"}});
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(decision->kind, event::v1::RESOURCE_REPLACED);
  EXPECT_EQ(decision->after.attributes, json({{"userName", "bjensen"}, {"nickName", "B"}}));
  EXPECT_EQ(decision->after.created, kNow - absl::Hours(1));
  EXPECT_EQ(decision->after.last_modified, kNow);
}

TEST_F(UserCommands, Promise02NoNetChangeIsNoEvent) {
  for (const auto& decision :
       {PatchIt("u1", Set("title", "Guide")), PatchIt("u1", json::array()),
        PatchIt("u1", Set("password", "new")),
        Replace("u1", {{"title", "Guide"}, {"userName", "bjensen"}, {"password", "new"}})}) {
    ASSERT_TRUE(decision.ok()) << decision.status();
    EXPECT_FALSE(decision->changed);
    EXPECT_TRUE(decision->payload.empty());
    EXPECT_EQ(decision->after.version, 7u);
    EXPECT_EQ(decision->after.last_modified, kNow - absl::Hours(1));
  }
}

TEST_F(UserCommands, Promise02ThereAndBackAgainIsNoEvent) {
  json operations = Set("title", "Lead");
  operations.push_back(Set("title", "Guide")[0]);
  EXPECT_FALSE(PatchIt("u1", operations)->changed);
}

TEST_F(UserCommands, APatchIsOneEventWithWhatChanged) {
  const auto decision = PatchIt("u1", Set("active", false));
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(decision->kind, event::v1::RESOURCE_CHANGED);
  event::v1::ResourceChanged changed;
  ASSERT_TRUE(changed.ParseFromString(decision->payload));
  ASSERT_EQ(changed.changes_size(), 1);
  EXPECT_EQ(changed.changes(0).attribute(), "active");
  EXPECT_EQ(changed.changes(0).value(), "false");
  EXPECT_EQ(decision->after.attributes["active"], false);
}

TEST_F(UserCommands, Promise01AFailingOperationIsOneRefusal) {
  json operations = Set("title", "Lead");
  operations.push_back(
      {{"op", "replace"}, {"path", "emails[type eq \"work\"].value"}, {"value", "x"}});
  EXPECT_EQ(Refusal(PatchIt("u1", operations).status()), "400 noTarget");
}

TEST_F(UserCommands, Promise28IfMatchIsDecidedOnTheVersionThatStands) {
  EXPECT_EQ(Refusal(PatchIt("u1", Set("title", "x"), "W/\"6\"").status()), "412 ");
  EXPECT_EQ(Refusal(Replace("u1", {{"userName", "x"}}, "W/\"8\"").status()), "412 ");
  EXPECT_EQ(Refusal(Delete("u1", "W/\"8\"").status()), "412 ");
  EXPECT_TRUE(PatchIt("u1", Set("title", "x"), "W/\"7\"").ok());
  EXPECT_TRUE(Delete("u1", "*").ok());
}

TEST_F(UserCommands, Promise33ADeleteIsOneEventThenNotFound) {
  const auto decision = Delete("u1");
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(decision->kind, event::v1::RESOURCE_DELETED);
  state_.Remove("u1");
  EXPECT_EQ(Refusal(Delete("u1").status()), "404 ");
  EXPECT_EQ(Refusal(PatchIt("u1", Set("title", "x")).status()), "404 ");
  EXPECT_TRUE(Create({{"userName", "bjensen"}}).ok());
}

TEST_F(UserCommands, AUserIsNotFoundAsAGroup) {
  EXPECT_EQ(Refusal(DecideDelete(state_, event::v1::GROUP, "u1", {}, kNow).status()), "404 ");
}

TEST_F(UserCommands, AttributesBeyondTheLimitAre413) {
  EXPECT_EQ(Refusal(Create({{"userName", "x"}, {"title", std::string(300'000, 'a')}}).status()),
            "413 ");
  EXPECT_EQ(Refusal(PatchIt("u1", Set("title", std::string(300'000, 'a'))).status()), "413 ");
}

}  // namespace
}  // namespace purser
