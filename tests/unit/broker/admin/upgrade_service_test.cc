#include "broker/admin/upgrade_service.h"

#include "broker/events/sealing.h"
#include "gmock/gmock.h"
#include "purser/event/v1/control.pb.h"
#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

using admin::v1::UpgradeStatus;
using testing::HasSubstr;

class UpgradeAsked : public AdminFixture {
 protected:
  // A log of the program before this one: nothing on it says what its readers know.
  void SetUp() override {
    PutWiki();
    nodes_ = {{"n1", "0.2.0", kReaderRevision, {"broker", "connectors"}}};
    context().nodes = [this]() -> absl::StatusOr<std::vector<NodeInfo>> { return nodes_; };
  }

  UpgradeStatus Asked() {
    const auto status = GetUpgradeStatus(context(), viewer(), {});
    EXPECT_TRUE(status.ok()) << status.status();
    return status.value_or(UpgradeStatus());
  }

  absl::StatusOr<UpgradeStatus> Finalize() {
    admin::v1::FinalizeUpgradeRequest request;
    request.set_request_id("request-9");
    request.set_reason("all on 0.2");
    return FinalizeUpgrade(context(), admin(), request);
  }

  StreamPosition ControlHead() { return HeadOf(StreamId::Control()); }

  absl::StatusOr<std::vector<NodeInfo>> nodes_;
};

TEST_F(UpgradeAsked, UntilItIsFinalizedRecordsNeedTheFirstReaderAtMost) {
  const UpgradeStatus status = Asked();
  EXPECT_EQ(status.finalized(), kFirstReader);
  EXPECT_EQ(status.reader(), kReaderRevision);
  ASSERT_EQ(status.nodes_size(), 1);
  EXPECT_EQ(status.nodes(0).id(), "n1");
  EXPECT_EQ(status.nodes(0).version(), "0.2.0");
}

TEST_F(UpgradeAsked, ItsEndIsARecordThatOlderProgramsStopAt) {
  const auto status = Finalize();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->finalized(), kReaderRevision);
  EXPECT_EQ(Asked().finalized(), kReaderRevision);
  const auto record = LastRecord(StreamId::Control());
  EXPECT_EQ(record.kind(), event::v1::UPGRADE_FINALIZED);
  EXPECT_EQ(record.lowest_reader(), kReaderRevision);
  EXPECT_EQ(record.actor(), "token-admin");
  EXPECT_EQ(record.reason(), "all on 0.2");
}

TEST_F(UpgradeAsked, OnceIsEnough) {
  ASSERT_TRUE(Finalize().ok());
  const StreamPosition head = ControlHead();
  const auto again = Finalize();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->finalized(), kReaderRevision);
  EXPECT_EQ(ControlHead(), head);
}

TEST_F(UpgradeAsked, ANodeThatCouldNotReadOnIsNamedAndNothingIsWritten) {
  nodes_->push_back({"n2", "0.1.0", kReaderRevision - 1, {}});
  nodes_->push_back({"n3", "0.2.0", kReaderRevision, {}});
  const StreamPosition head = ControlHead();
  const absl::Status status = Finalize().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("n2"));
  EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr("n3")));
  EXPECT_EQ(ControlHead(), head);
}

TEST_F(UpgradeAsked, ANodeThatHearsNobodyFinalizesNothing) {
  nodes_ = absl::FailedPreconditionError("hears no other");
  const StreamPosition head = ControlHead();
  EXPECT_TRUE(absl::IsFailedPrecondition(Finalize().status()));
  EXPECT_EQ(ControlHead(), head);
}

}  // namespace
}  // namespace purser
