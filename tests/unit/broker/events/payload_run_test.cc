#include "broker/events/payload_run.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace purser {
namespace {

using event::v1::Envelope;

std::string Noise(size_t size) {
  std::string text(size, 0);
  uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

Envelope EventWith(std::string payload, const std::string& id = "e1") {
  Envelope event;
  event.set_event_id(id);
  event.set_kind(event::v1::RESOURCE_CREATED);
  event.set_payload(std::move(payload));
  return event;
}

struct CutEvent {
  std::vector<Envelope> chunks;
  Envelope last;
  std::string whole;
};

CutEvent Cut(const std::string& payload, const std::string& id = "e1") {
  CutEvent cut;
  cut.last = EventWith(payload, id);
  cut.chunks = CutPayload(&cut.last, &cut.whole);
  return cut;
}

TEST(PayloadRun, APayloadThatFitsStaysAsItIs) {
  const std::string payload = Noise(kMaxPieceBytes);
  const CutEvent cut = Cut(payload);
  EXPECT_TRUE(cut.chunks.empty());
  EXPECT_FALSE(EndsRun(cut.last));
  EXPECT_FALSE(cut.last.has_run());
  EXPECT_EQ(cut.last.payload(), payload);
}

TEST(PayloadRun, ALargerOneIsCutIntoChunksAndItsOwnRecord) {
  for (const size_t size : {kMaxPieceBytes + 1, 2 * kMaxPieceBytes, 5 * kMaxPieceBytes + 77}) {
    const std::string payload = Noise(size);
    CutEvent cut = Cut(payload);
    EXPECT_EQ(cut.chunks.size() + 1, (size + kMaxPieceBytes - 1) / kMaxPieceBytes);
    EXPECT_EQ(cut.whole, payload);
    EXPECT_EQ(cut.last.kind(), event::v1::RESOURCE_CREATED);
    EXPECT_TRUE(EndsRun(cut.last));
    for (const Envelope& chunk : cut.chunks) {
      EXPECT_EQ(chunk.kind(), event::v1::CHUNK);
      EXPECT_FALSE(EndsRun(chunk));
      EXPECT_EQ(chunk.payload().size(), kMaxPieceBytes);
    }
    ASSERT_TRUE(JoinPayload(cut.chunks, &cut.last).ok());
    EXPECT_EQ(cut.last.payload(), payload);
  }
}

TEST(PayloadRun, ChunksOfAnotherRunMissingOnesAndMixedOnesAreDamage) {
  const CutEvent one = Cut(Noise(4 * kMaxPieceBytes));
  const CutEvent other = Cut(Noise(4 * kMaxPieceBytes), "e2");
  std::vector<Envelope> missing = one.chunks;
  missing.erase(missing.begin() + 1);
  std::vector<Envelope> swapped = one.chunks;
  std::swap(swapped[0], swapped[1]);
  std::vector<Envelope> foreign = one.chunks;
  foreign[1] = other.chunks[1];
  for (const auto& chunks : {missing, swapped, foreign, other.chunks, std::vector<Envelope>()}) {
    Envelope last = one.last;
    EXPECT_TRUE(absl::IsDataLoss(JoinPayload(chunks, &last)));
  }
}

}  // namespace
}  // namespace purser
