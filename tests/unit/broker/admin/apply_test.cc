#include "broker/admin/apply.h"

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

using admin::v1::ApplyResponse;
using testing::ElementsAre;
using testing::HasSubstr;

class Applying : public AdminFixture {};

std::vector<std::string> Actions(const ApplyResponse& response) {
  std::vector<std::string> actions;
  for (const auto& item : response.items()) actions.push_back(item.action());
  return actions;
}

TEST_F(Applying, ANewFilePutsItsDirectoryAndItsAppAsTwoRecords) {
  const auto response = ApplyText(WikiYaml());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(Actions(*response), ElementsAre("created", "created"));
  EXPECT_EQ(HeadOf(StreamId::Control()), 2u);
  EXPECT_EQ(response->items(1).id(), app_id());
  EXPECT_EQ(response->items(1).position(), 2u);
  const auto record = LastRecord(StreamId::Control());
  EXPECT_EQ(record.actor(), "token-admin");
  EXPECT_EQ(record.reason(), "because");
  EXPECT_EQ(record.request_id(), "request-1");
}

TEST_F(Applying, TheSameFileAgainWritesNothing) {
  PutWiki();
  const auto response = ApplyText(WikiYaml());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(Actions(*response), ElementsAre("unchanged", "unchanged"));
  EXPECT_EQ(HeadOf(StreamId::Control()), 2u);
}

TEST_F(Applying, WhatGetPrintsIsUnchangedWhenItIsApplied) {
  PutWiki();
  admin::v1::GetConfigRequest request;
  request.set_kind("app");
  request.set_name("wiki");
  const auto got = GetConfig(context(), viewer(), request);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_THAT(got->yaml(), HasSubstr("${env:WIKI_TOKEN}"));
  const auto response = ApplyText(got->yaml());
  ASSERT_TRUE(response.ok()) << response.status() << "\n" << got->yaml();
  EXPECT_THAT(Actions(*response), ElementsAre("unchanged"));
}

TEST_F(Applying, TheStateInTheFileCountsAtCreationAlone) {
  PutWiki();
  const std::string stopped =
      absl::StrReplaceAll(WikiYaml(), {{"state: running", "state: stopped"}});
  const auto response = ApplyText(stopped);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(Actions(*response), ElementsAre("unchanged", "unchanged"));
}

TEST_F(Applying, AnUnknownKeyIsRefusedByFileAndLineAndNothingIsPut) {
  const std::string wrong = absl::StrReplaceAll(WikiYaml(), {{"  mode:", "  mod:"}});
  const auto response = ApplyText(wrong);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("wiki.yaml:20:"));
  EXPECT_EQ(HeadOf(StreamId::Control()), 0u);
}

TEST_F(Applying, ASecretInTheClearIsRefusedAndNotRepeated) {
  const std::string wrong = absl::StrReplaceAll(WikiYaml(), {{"${env:WIKI_TOKEN}", "hunter2"}});
  const auto response = ApplyText(wrong);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(response.status().message()), Not(HasSubstr("hunter2")));
}

TEST_F(Applying, ADryRunShowsWhatWouldChangeAndWritesNothing) {
  PutWiki();
  const std::string changed =
      absl::StrReplaceAll(WikiYaml(), {{"source: title", "source: displayName"}});
  const auto response = ApplyText(changed, true);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(Actions(*response), ElementsAre("unchanged", "changed"));
  ASSERT_EQ(response->items(1).changes_size(), 1) << response->DebugString();
  const auto& change = response->items(1).changes(0);
  EXPECT_EQ(change.path(), "users.rows[title].source");
  EXPECT_EQ(change.before(), "\"title\"");
  EXPECT_EQ(change.after(), "\"displayName\"");
  EXPECT_EQ(HeadOf(StreamId::Control()), 2u);
}

TEST_F(Applying, AnAppCannotMoveToAnotherDirectory) {
  PutWiki();
  const std::string moved = absl::StrReplaceAll(
      WikiYaml(),
      {{"- name: main", "- name: other"}, {"- name: wiki", "- name: wiki\n  directory: other"}});
  const auto response = ApplyText(moved);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(HeadOf(StreamId::Control()), 2u);
}

TEST_F(Applying, AnAppOfADirectoryThatIsNowhereIsRefused) {
  const std::string orphan =
      absl::StrReplaceAll(WikiYaml(), {{"- name: wiki", "- name: wiki\n  directory: nowhere"}});
  const absl::Status refused = ApplyText(orphan).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr(".yaml:"));
  EXPECT_EQ(HeadOf(StreamId::Control()), 0u);
}

}  // namespace
}  // namespace purser
