// Requests of several decisions, on a log with several writers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/broker/eventlog/stream_writer_nodes.h"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

// Names that are taken in order, in turns; one that is taken already is passed over.
struct Sequence {
  explicit Sequence(std::vector<std::string> wanted) : names(std::move(wanted)) {}

  // That the first `records` of the last turn stand is settled.
  void Stand(size_t records) {
    for (size_t i = 0; i < records; ++i) taken.push_back(names[appended[i]]);
    if (records > 0) stands = appended[records - 1] + 1;
  }

  const std::vector<std::string> names;
  std::vector<std::string> taken;
  size_t stands = 0;                 // names before it are settled
  std::vector<size_t> appended;      // of the last turn
  std::vector<std::string> refused;  // in the last turn
  std::vector<size_t> parts;         // as told
  int turns = 0;
  std::optional<absl::StatusOr<WriteReceipt>> result;
};
using SequencePtr = std::shared_ptr<Sequence>;

class StreamWriterTurn : public StreamWriterTest {
 protected:
  absl::Status Take(Sequence* sequence, WriteTurn* turn, size_t n) {
    ++sequence->turns;
    sequence->appended.clear();
    sequence->refused.clear();
    for (size_t i = sequence->stands; i < sequence->names.size(); ++i) {
      const std::string& name = sequence->names[i];
      if (node(n).fold.Taken(name)) {
        sequence->refused.push_back(name);
        continue;
      }
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::RESOURCE_CREATED);
      envelope.set_event_id(ids_.NewId(turn->at()));
      envelope.set_payload(name);
      EXPECT_EQ(turn->last(), node(n).fold.head().position);
      if (const absl::Status taken = turn->Append({envelope}); !taken.ok()) return taken;
      sequence->appended.push_back(i);
    }
    return absl::OkStatus();
  }

  SequencePtr SubmitInTurn(std::vector<std::string> names, size_t n = 0) {
    auto sequence = std::make_shared<Sequence>(std::move(names));
    WriteRequest request;
    request.deadline = clock_.SinceBoot() + absl::Seconds(10);
    request.done_when_valid = true;
    request.decide_in_turn = [this, sequence, n](WriteTurn* turn) {
      return Take(sequence.get(), turn, n);
    };
    request.part_stands = [sequence](size_t records) {
      sequence->parts.push_back(records);
      sequence->Stand(records);
    };
    request.done = [sequence](const absl::StatusOr<WriteReceipt>& result) {
      EXPECT_FALSE(sequence->result.has_value()) << "answered twice";
      sequence->result = result;
    };
    node(n).writer->Submit(std::move(request));
    return sequence;
  }
};

TEST_F(StreamWriterTurn, DecisionsOfATurnSeeEachOtherAndAreOneAppendWithWhatElseWaits) {
  auto before = Submit("eve");
  auto sequence = SubmitInTurn({"ada", "bob", "ada", "eve"});
  auto after = Submit("bob");
  Settle();
  EXPECT_EQ(node().log->appends, 1);
  ASSERT_TRUE(sequence->result.has_value() && sequence->result->ok());
  EXPECT_EQ((*sequence->result)->first, 2u);
  EXPECT_EQ((*sequence->result)->last, 3u);
  EXPECT_THAT(sequence->refused, ElementsAre("ada", "eve"));
  EXPECT_TRUE(before->ok());
  EXPECT_EQ(after->code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StreamWriterTurn, ATurnThatLostTheRaceIsDecidedAgainWhole) {
  MustTake("other", 1);
  auto winner = Submit("bob", 1);
  SettleNode(1);
  ASSERT_TRUE(winner->ok());
  auto sequence = SubmitInTurn({"ada", "bob", "eve"});
  Pass(absl::Milliseconds(200));
  ASSERT_TRUE(sequence->result.has_value() && sequence->result->ok());
  EXPECT_EQ(sequence->turns, 2);
  EXPECT_THAT(sequence->parts, ElementsAre());
  EXPECT_THAT(sequence->refused, ElementsAre("bob"));
  EXPECT_THAT(node().fold.committed(), UnorderedElementsAre("ada", "bob", "eve", "other"));
}

TEST_F(StreamWriterTurn, ATurnOfWhichAPartStandsGoesOnBehindThatPart) {
  node().log->answer = AppendResult{absl::AbortedError("another came first"), 2};
  auto first = Submit("eve");
  auto sequence = SubmitInTurn({"ada", "ada", "bob", "zoe"});
  for (int i = 0; i < 3 && sequence->parts.empty(); ++i) RunNode(0);
  node().log->answer.reset();
  Settle();
  EXPECT_TRUE(first->ok());
  EXPECT_THAT(sequence->parts, ElementsAre(1u));
  ASSERT_TRUE(sequence->result.has_value() && sequence->result->ok());
  EXPECT_THAT(sequence->appended, ElementsAre(2u, 3u));
  EXPECT_EQ((*sequence->result)->first, 3u);
  EXPECT_EQ(cluster_.Records(kStream).size(), 4u);
}

TEST_F(StreamWriterTurn, WhatStandsOfATurnInDoubtIsToldBeforeTheError) {
  node().log->answer = AppendResult{absl::UnavailableError("in doubt"), 1};
  auto sequence = SubmitInTurn({"ada", "bob"});
  Settle();
  EXPECT_THAT(sequence->parts, ElementsAre(1u));
  ASSERT_TRUE(sequence->result.has_value());
  EXPECT_EQ(sequence->result->status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(sequence->turns, 1);
}

TEST_F(StreamWriterTurn, ATurnThatAppendsNothingIsAReadOfTheLogsEnd) {
  MustTake("ada");
  auto gone = Submit("-ada", 1);
  SettleNode(1);
  ASSERT_TRUE(gone->ok() && node().fold.Taken("ada"));  // It has not heard.
  auto sequence = SubmitInTurn({"ada"});
  Pass(absl::Milliseconds(100));
  ASSERT_TRUE(sequence->result.has_value() && sequence->result->ok());
  EXPECT_EQ(sequence->turns, 2);
  EXPECT_THAT(sequence->appended, ElementsAre(0u));
}

TEST_F(StreamWriterTurn, ATurnThatCannotBeFoldedHarmsNobodyElse) {
  node().fold.poison = "eve";
  auto ada = Submit("ada");
  auto sequence = SubmitInTurn({"bob", "eve", "zoe"});
  auto later = Submit("bob");
  Settle();
  ASSERT_TRUE(sequence->result.has_value());
  EXPECT_EQ(sequence->result->status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(ada->ok() && later->ok());
  EXPECT_THAT(node().fold.committed(), UnorderedElementsAre("ada", "bob"));
}

// Two nodes whose sequences want the same names, on a log that fails in every way.
class ContendedStreamWriterTurn : public StreamWriterTurn,
                                  public testing::WithParamInterface<int> {};

TEST_P(ContendedStreamWriterTurn, ASequenceHasEveryNameThatItWasNotRefused) {
  const int seed = GetParam();
  std::mt19937 random(static_cast<unsigned>(seed));
  for (size_t n : {0u, 1u}) {
    node(n).memory.transport->SetFaults({.report_lost = 0.05,
                                         .error_written = 0.05,
                                         .error_later = 0.05,
                                         .no_offset = 0.05,
                                         .split = 0.5,
                                         .longest_delivery = absl::Milliseconds(20),
                                         .longest_report = absl::Milliseconds(20),
                                         .longest_fetch = absl::Milliseconds(20)});
  }
  std::vector<SequencePtr> sequences;
  for (int i = 0; i < 40; ++i) {
    std::vector<std::string> names;
    for (int k = 0; k < 6; ++k) names.push_back(absl::StrCat("n", random() % 120));
    sequences.push_back(SubmitInTurn(names, random() % 2));
    if (random() % 2 == 0) {
      clock_.Advance(absl::Milliseconds(random() % 30));
      Settle();
    }
  }
  for (size_t n : {0u, 1u}) node(n).memory.transport->SetFaults({});
  Pass(absl::Seconds(60));
  std::map<std::string, int> taken;
  for (const SequencePtr& sequence : sequences) {
    ASSERT_TRUE(sequence->result.has_value()) << "seed " << seed;
    if (sequence->result->ok()) sequence->Stand(sequence->appended.size());
    for (const std::string& name : sequence->taken) ++taken[name];
    if (!sequence->result->ok()) continue;
    for (const std::string& name : sequence->names) {
      EXPECT_TRUE(node().fold.Taken(name)) << name << ", seed " << seed;
    }
  }
  for (const auto& [name, times] : taken) {
    EXPECT_EQ(times, 1) << name << ", seed " << seed;
    EXPECT_TRUE(node().fold.Taken(name)) << name << ", seed " << seed;
  }
  EXPECT_EQ(node(0).fold.committed(), node(1).fold.committed()) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(Seeds, ContendedStreamWriterTurn, testing::Range(1, 21));

}  // namespace
}  // namespace purser
