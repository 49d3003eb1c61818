// Events too large for one record, on a log with several writers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/whole_event.h"
#include "broker/events/payload_run.h"
#include "tests/unit/broker/eventlog/stream_writer_nodes.h"

namespace purser {
namespace {

using testing::ElementsAre;

// Names of three records: two chunks and their end.
std::string Large(const std::string& name) {
  return absl::StrCat(name, std::string(2 * kMaxPieceBytes + 100, '.'));
}

class StreamWriterRun : public StreamWriterTest {
 protected:
  // Of `name`'s three records two come to stand, and the writer is told that the rest does not.
  OutcomePtr SubmitCutShort(const std::string& name, size_t n = 0) {
    node(n).log->answer = AppendResult{absl::UnavailableError("cut short"), 2};
    OutcomePtr outcome = Submit(Large(name), n);
    Settle();
    node(n).log->answer.reset();
    return outcome;
  }
};

TEST_F(StreamWriterRun, ALargeEventIsOneForEveryReader) {
  auto large = Submit(Large("ada"));
  auto small = Submit("bob");
  Pass(absl::Milliseconds(100));
  ASSERT_TRUE(large->ok() && small->ok());
  EXPECT_EQ((*large->result)->first, 1);
  EXPECT_EQ((*large->result)->last, 3);
  EXPECT_EQ((*small->result)->last, 4);
  for (const size_t n : {0u, 1u}) {
    EXPECT_THAT(node(n).fold.committed(), ElementsAre(Large("ada"), "bob")) << "node " << n;
    const auto event = ReadEvent(*node(n).log, kStream, 3);
    ASSERT_TRUE(event.ok()) << event.status();
    EXPECT_EQ(event->payload(), Large("ada"));
    EXPECT_EQ(event->kind(), event::v1::RESOURCE_CREATED);
    EXPECT_EQ(ReadEvent(*node(n).log, kStream, 2)->kind(), event::v1::CHUNK);
  }
}

TEST_F(StreamWriterRun, ARefusalSeesALargeEventOfItsOwnGroup) {
  auto first = Submit(Large("ada"));
  auto second = Submit(Large("ada"));
  Pass(absl::Milliseconds(100));
  EXPECT_TRUE(first->ok());
  EXPECT_EQ(second->code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StreamWriterRun, AnotherWriterWaitsASecondForAnOpenRunAndThenEndsIt) {
  auto cut = SubmitCutShort("ada");
  EXPECT_EQ(cut->code(), absl::StatusCode::kUnavailable);
  Settle();
  ASSERT_EQ(node(1).fold.head().position, 2);
  auto other = Submit("bob", 1);
  Pass(absl::Milliseconds(900));
  EXPECT_EQ(other->decisions, 0);
  EXPECT_FALSE(other->answered());
  Pass(absl::Milliseconds(200));
  EXPECT_TRUE(other->ok());
  for (const size_t n : {0u, 1u}) {
    EXPECT_THAT(node(n).fold.committed(), ElementsAre("bob")) << "node " << n;
  }
}

TEST_F(StreamWriterRun, AWriterThatWaitsForARunGoesOnAsSoonAsItHasEnded) {
  SubmitCutShort("ada");
  Settle();
  auto waiting = Submit("bob", 1);
  Settle();
  EXPECT_EQ(waiting->decisions, 0);
  // Another writer, which has waited longer, ends it.
  Head head = node(1).fold.head();
  event::v1::Envelope envelope;
  envelope.set_kind(event::v1::RESOURCE_CREATED);
  envelope.set_payload("eve");
  std::vector<Record> records = {ChainRecord(kStream, envelope, clock_.Now(), &head)};
  node(0).log->Append(kStream, *node(0).log->KnownHead(kStream), std::move(records),
                      [](const AppendResult& result) { EXPECT_TRUE(result.status.ok()); });
  Pass(absl::Milliseconds(100));
  EXPECT_TRUE(waiting->ok());
  EXPECT_THAT(node(1).fold.committed(), ElementsAre("bob", "eve"));
}

TEST_F(StreamWriterRun, ACutRunIsWrittenAgainWhole) {
  SubmitCutShort("ada");
  Pass(absl::Seconds(1));
  auto again = Submit(Large("ada"));
  Pass(absl::Seconds(1));
  EXPECT_TRUE(again->ok());
  EXPECT_THAT(node(1).fold.committed(), ElementsAre(Large("ada")));
}

// The run's chunks may be in the fold and its end not, when a node stops.
TEST_F(StreamWriterRun, AFoldThatStoppedWithinARunGoesOnToItsEnd) {
  auto large = Submit(Large("ada"));
  SettleNode(0);
  ASSERT_TRUE(large->ok());
  NamesFold fold;
  ASSERT_TRUE(fold.Begin().ok());
  const auto records = node(0).log->Read(kStream, 0, 2, SIZE_MAX);
  for (const StoredRecord& record : *records) {
    ASSERT_TRUE(fold.Apply({record.bytes}, *DecodeRecord(record.bytes)).ok());
  }
  ASSERT_TRUE(fold.Commit().ok());
  StreamWriter writer(
      node(0).log.get(), kStream, &fold, &clock_, [](const std::function<void()>& work) { work(); },
      [] {});
  while (writer.RunOnce()) {
  }
  EXPECT_TRUE(fold.Taken(Large("ada")));
}

TEST_F(StreamWriterRun, TwoWritersOfLargeEventsBothCome) {
  auto ada = Submit(Large("ada"), 0);
  auto bob = Submit(Large("bob"), 1);
  Pass(absl::Seconds(5));
  EXPECT_TRUE(ada->ok());
  EXPECT_TRUE(bob->ok());
  for (const size_t n : {0u, 1u}) {
    EXPECT_THAT(node(n).fold.committed(), ElementsAre(Large("ada"), Large("bob"))) << "node " << n;
  }
}

}  // namespace
}  // namespace purser
