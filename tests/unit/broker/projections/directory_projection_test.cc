#include "broker/projections/directory_projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "purser/event/v1/directory.pb.h"
#include "tests/support/temp_dir.h"

namespace purser {
namespace {

using event::v1::Envelope;
using event::v1::GROUP;
using event::v1::USER;
using testing::ElementsAre;
using testing::IsEmpty;

const StreamId kStream = StreamId::Directory("d1");
const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

// Writes a directory's history, one record a call, each folded and committed.
class DirectoryProjectionTest : public testing::Test {
 protected:
  void SetUp() override { projection_ = Reopen(); }

  std::unique_ptr<DirectoryProjection> Reopen(const std::string& file = "d.db") {
    projection_.reset();
    auto opened = DirectoryProjection::Open(dir_ / file, kStream);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }

  template <typename Payload>
  void Write(event::v1::Kind kind, event::v1::ResourceType type, const std::string& id,
             const Payload& payload) {
    Envelope envelope;
    envelope.set_kind(kind);
    envelope.set_resource_type(type);
    envelope.set_resource_id(id);
    envelope.set_payload(payload.SerializeAsString());
    records_.push_back(
        ChainRecord(kStream, envelope, kStart + absl::Seconds(records_.size()), &head_));
    Fold(projection_.get(), records_.back());
  }

  void Fold(DirectoryProjection* projection, const Record& record) {
    ASSERT_TRUE(projection->Begin().ok());
    const absl::Status applied = projection->Apply(record, *DecodeRecord(record.bytes));
    ASSERT_TRUE(applied.ok()) << applied;
    ASSERT_TRUE(projection->Commit().ok());
  }

  void CreateUser(const std::string& id, const std::string& name, const std::string& more = "") {
    event::v1::ResourceCreated created;
    created.set_attributes("{\"userName\":\"" + name + "\"" + more + "}");
    Write(event::v1::RESOURCE_CREATED, USER, id, created);
  }

  void CreateGroup(const std::string& id, const std::vector<std::string>& users,
                   const std::vector<std::string>& groups = {}) {
    event::v1::ResourceCreated created;
    created.set_attributes("{\"displayName\":\"" + id + "\"}");
    for (const std::string& user : users) {
      auto* member = created.add_members();
      member->set_id(user);
      member->set_type(USER);
    }
    for (const std::string& group : groups) {
      auto* member = created.add_members();
      member->set_id(group);
      member->set_type(GROUP);
    }
    Write(event::v1::RESOURCE_CREATED, GROUP, id, created);
  }

  void Delete(event::v1::ResourceType type, const std::string& id) {
    Write(event::v1::RESOURCE_DELETED, type, id, event::v1::ResourceDeleted());
  }

  Resource Get(event::v1::ResourceType type, const std::string& id) {
    auto found = projection_->reader().Find(type, id);
    EXPECT_TRUE(found.ok() && found->has_value()) << id;
    return **found;
  }

  TempDir dir_;
  std::unique_ptr<DirectoryProjection> projection_;
  std::vector<Record> records_;
  Head head_ = EmptyHead(kStream);
};

TEST_F(DirectoryProjectionTest, AUserIsFoundByNameInAnyCase) {
  CreateUser("u1", "Ada.Byron@example.com");
  EXPECT_EQ(*projection_->reader().UserIdByUserName("ADA.byron@EXAMPLE.com"), "u1");
  EXPECT_EQ(*projection_->reader().UserIdByUserName("ada"), std::nullopt);
}

TEST_F(DirectoryProjectionTest, ALookUpByEmailAndExternalIdSeesWhatAChangeLeft) {
  CreateUser("u1", "ada", R"(,"externalId":"x1","emails":[{"value":"a@b.c"}])");
  event::v1::ResourceChanged changed;
  auto* change = changed.add_changes();
  change->set_attribute("emails");
  change->set_value(R"([{"value":"New@b.c"}])");
  Write(event::v1::RESOURCE_CHANGED, USER, "u1", changed);
  const DirectoryReader& reader = projection_->reader();
  EXPECT_THAT(*reader.FindIndexed(USER, IndexedAttribute::kEmail, "a@b.c"), IsEmpty());
  EXPECT_THAT(*reader.FindIndexed(USER, IndexedAttribute::kEmail, "new@B.c"), ElementsAre("u1"));
  EXPECT_THAT(*reader.FindIndexed(USER, IndexedAttribute::kExternalId, "x1"), ElementsAre("u1"));
  EXPECT_THAT(*reader.FindIndexed(USER, IndexedAttribute::kExternalId, "X1"), IsEmpty());
  EXPECT_EQ(Get(USER, "u1").version, 2u);
}

TEST_F(DirectoryProjectionTest, AChangeOfWhatIsIndexedIsFoundAndAnyOtherLeavesTheIndex) {
  const std::string urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
  CreateUser("u1", "ada", R"(,"displayName":"Ada","externalId":"x1")");
  const auto change = [&](const std::string& schema, const std::string& name,
                          const std::string& value) {
    event::v1::ResourceChanged changed;
    auto* one = changed.add_changes();
    one->set_schema(schema);
    one->set_attribute(name);
    one->set_value(value);
    Write(event::v1::RESOURCE_CHANGED, USER, "u1", changed);
  };
  const DirectoryReader& reader = projection_->reader();
  change("", "active", "false");
  EXPECT_EQ(*reader.UserIdByUserName("ada"), "u1");
  change("", "userName", R"("eve")");
  EXPECT_EQ(*reader.UserIdByUserName("ada"), std::nullopt);
  EXPECT_EQ(*reader.UserIdByUserName("eve"), "u1");
  change("", "displayName", R"("Eve")");
  EXPECT_THAT(*reader.FindIndexed(USER, IndexedAttribute::kDisplayName, "eve"), ElementsAre("u1"));
  change("", "externalId", "");
  EXPECT_THAT(*reader.FindIndexed(USER, IndexedAttribute::kExternalId, "x1"), IsEmpty());
  change(urn, "manager", R"({"value":"u2"})");
  EXPECT_THAT(*reader.ReportsOf("u2"), ElementsAre("u1"));
}

TEST_F(DirectoryProjectionTest, AReadAfterAChangeSeesItWhateverWasReadBefore) {
  CreateUser("u1", "ada");
  EXPECT_EQ(Get(USER, "u1").version, 1u);
  CreateGroup("g1", {"u1"});
  EXPECT_EQ(Get(USER, "u1").version, 2u) << "a group took it in";
  Head head = head_;
  event::v1::ResourceChanged changed;
  changed.add_changes()->set_attribute("title");
  changed.mutable_changes(0)->set_value(R"("Dr")");
  Envelope envelope;
  envelope.set_kind(event::v1::RESOURCE_CHANGED);
  envelope.set_resource_type(USER);
  envelope.set_resource_id("u1");
  envelope.set_payload(changed.SerializeAsString());
  const Record record = ChainRecord(kStream, envelope, kStart, &head);
  ASSERT_TRUE(projection_->Begin().ok());
  ASSERT_TRUE(projection_->Apply(record, *DecodeRecord(record.bytes)).ok());
  EXPECT_EQ(Get(USER, "u1").attributes["title"], "Dr");
  projection_->Rollback();
  EXPECT_FALSE(Get(USER, "u1").attributes.contains("title"));
  EXPECT_EQ(Get(USER, "u1").version, 2u);
}

TEST_F(DirectoryProjectionTest, AnExtensionLeftEmptyIsGone) {
  const std::string urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
  CreateUser("u1", "ada", ",\"" + urn + "\":{\"department\":\"Sales\"}");
  event::v1::ResourceChanged changed;
  auto* change = changed.add_changes();
  change->set_schema(urn);
  change->set_attribute("department");
  Write(event::v1::RESOURCE_CHANGED, USER, "u1", changed);
  EXPECT_FALSE(Get(USER, "u1").attributes.contains(urn));
}

TEST_F(DirectoryProjectionTest, ADeletedUserLeavesGroupsAndReportsAndFreesTheName) {
  const std::string urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
  CreateUser("boss", "boss");
  CreateUser("u1", "ada", ",\"" + urn + "\":{\"manager\":{\"value\":\"boss\"}}");
  CreateGroup("g1", {"boss", "u1"});
  Delete(USER, "boss");
  EXPECT_EQ(*projection_->reader().MemberCount("g1"), 1u);
  EXPECT_EQ(Get(GROUP, "g1").version, 4u);
  EXPECT_FALSE(Get(USER, "u1").attributes.contains(urn));
  EXPECT_EQ(Get(USER, "u1").version, 4u);
  std::vector<std::string> touched;
  const auto rows = projection_->reader().TouchedAt(4);
  for (const MemberRow& row : *rows) touched.push_back(row.id);
  EXPECT_THAT(touched, ElementsAre("boss", "g1", "u1"));
  CreateUser("u2", "Boss");
  EXPECT_EQ(*projection_->reader().UserIdByUserName("boss"), "u2");
  EXPECT_EQ((*projection_->reader().FindTombstoneByName("BOSS"))->id, "boss");
}

TEST_F(DirectoryProjectionTest, GroupsOfAUserAreDirectAndIndirectOnceEach) {
  CreateUser("u1", "ada");
  CreateGroup("inner", {"u1"});
  CreateGroup("outer", {"u1"}, {"inner"});
  std::vector<std::pair<std::string, bool>> groups;
  const auto rows = projection_->reader().GroupsOf("u1");
  for (const GroupRow& row : *rows) {
    groups.emplace_back(row.id, row.direct);
  }
  EXPECT_THAT(groups, ElementsAre(std::make_pair("inner", true), std::make_pair("outer", true)));
  EXPECT_TRUE(*projection_->reader().IsWithin("u1", "outer"));
}

TEST_F(DirectoryProjectionTest, WhatIsRolledBackLeavesNoTrace) {
  CreateUser("u1", "ada");
  const std::string before = *projection_->reader().Digest();
  Head head = head_;
  Envelope envelope;
  envelope.set_kind(event::v1::RESOURCE_DELETED);
  envelope.set_resource_type(USER);
  envelope.set_resource_id("u1");
  const Record record = ChainRecord(kStream, envelope, kStart, &head);
  ASSERT_TRUE(projection_->Begin().ok());
  ASSERT_TRUE(projection_->Apply(record, *DecodeRecord(record.bytes)).ok());
  EXPECT_EQ(projection_->head().position, 2u);
  projection_->Rollback();
  EXPECT_EQ(projection_->head().position, 1u);
  EXPECT_EQ(*projection_->reader().Digest(), before);
}

TEST_F(DirectoryProjectionTest, ARebuildHasTheSameDigestAndARestartGoesOnWhereItWas) {
  CreateUser("u1", "ada", R"(,"emails":[{"value":"a@b.c"}])");
  CreateUser("u2", "bob");
  CreateGroup("g1", {"u1", "u2"});
  Delete(USER, "u2");
  const std::string digest = *projection_->reader().Digest();
  projection_ = Reopen();
  EXPECT_EQ(projection_->head(), head_);
  EXPECT_EQ(*projection_->reader().Digest(), digest);
  auto rebuilt = DirectoryProjection::Open(dir_ / "rebuilt.db", kStream);
  ASSERT_TRUE(rebuilt.ok());
  for (const Record& record : records_) Fold(rebuilt->get(), record);
  EXPECT_EQ(*(*rebuilt)->reader().Digest(), digest);
}

TEST_F(DirectoryProjectionTest, ADeletedUserLeavesNoEmailBehind) {
  CreateUser("u1", "ada", R"(,"emails":[{"value":"a@b.c"},{"value":"d@e.f"}])");
  Delete(USER, "u1");
  auto file = Database::Open(dir_ / "d.db", {.read_only = true});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_FALSE((*file)->Prepare("SELECT key FROM emails").Next());
}

TEST_F(DirectoryProjectionTest, CountsFollowWhatIsCommittedAlone) {
  CreateUser("u1", "ada");
  CreateUser("u2", "bob");
  Delete(USER, "u1");
  EXPECT_EQ(*projection_->reader().Count(USER), 1u);
  ASSERT_TRUE(projection_->Begin().ok());
  ASSERT_TRUE(projection_->Apply(records_.front(), *DecodeRecord(records_.front().bytes)).ok());
  projection_->Rollback();
  CreateUser("u3", "eve");
  EXPECT_EQ(*projection_->reader().Count(USER), 2u);
}

TEST_F(DirectoryProjectionTest, AFileOfAnotherStreamIsBegunAnew) {
  CreateUser("u1", "ada");
  projection_.reset();
  auto other = DirectoryProjection::Open(dir_ / "d.db", StreamId::Directory("d2"));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ((*other)->head().position, 0u);
  EXPECT_EQ(*(*other)->reader().Count(USER), 0u);
}

}  // namespace
}  // namespace purser
