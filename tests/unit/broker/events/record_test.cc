#include "broker/events/record.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace purser {
namespace {

using event::v1::Envelope;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000) + absl::Microseconds(250);
const StreamId kStream = StreamId::Directory("0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f");

Envelope SampleEnvelope() {
  Envelope envelope;
  envelope.set_event_id("0192f0c1-7d4a-7b3e-8f00-000000000001");
  envelope.set_kind(event::v1::RESOURCE_CREATED);
  envelope.set_resource_type(event::v1::USER);
  envelope.set_resource_id("0192f0c1-7d4a-7b3e-8f00-0000000000aa");
  envelope.set_schema_revision(1);
  envelope.set_actor("token:t1");
  envelope.set_request_id("r1");
  envelope.set_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  envelope.set_payload("payload");
  return envelope;
}

// A record with these bytes behind `self`, hashed as any writer would.
std::string Hashed(std::string bytes) {
  const Sha256Hash self =
      Sha256({absl::string_view(bytes).substr(0, 37), absl::string_view(bytes).substr(69)});
  bytes.replace(37, 32, std::string(AsBytes(self)));
  return bytes;
}

// A record chained by hand on the empty head, so that it may say what ChainRecord() never would.
std::string Handmade(const Envelope& envelope, uint16_t lowest_reader = 1, char format = 0) {
  std::string bytes = "PRSR";
  bytes += format;
  bytes += std::string(AsBytes(EmptyHead(kStream).self));
  bytes += std::string(32, '\0');
  bytes += static_cast<char>(lowest_reader >> 8);
  bytes += static_cast<char>(lowest_reader & 0xff);
  bytes += envelope.SerializeAsString();
  return Hashed(bytes);
}

TEST(Record, AChainIsValidRecordByRecord) {
  Head writer = EmptyHead(kStream);
  Head reader = EmptyHead(kStream);
  for (StreamPosition position = 1; position <= 5; ++position) {
    const Head before = writer;
    const Record record = ChainRecord(kStream, SampleEnvelope(), kNow, &writer);
    EXPECT_EQ(record.prev(), before.self);
    EXPECT_EQ(record.self(), writer.self);
    auto standing = JudgeRecord(kStream, record.bytes, &reader);
    ASSERT_TRUE(standing.ok()) << standing.status();
    EXPECT_EQ(*standing, Standing::kValid);
    EXPECT_EQ(reader, writer);
    EXPECT_EQ(reader.position, position);
    EXPECT_EQ(reader.time, writer.time);
  }
}

TEST(Record, TheEnvelopeNamesItsStreamVersionAndTime) {
  Head head = EmptyHead(kStream);
  ChainRecord(kStream, SampleEnvelope(), kNow, &head);
  const Record record = ChainRecord(kStream, SampleEnvelope(), kNow, &head);
  auto envelope = DecodeRecord(record.bytes);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->stream(), kStream.ToString());
  EXPECT_EQ(envelope->resource_version(), 2u);
  EXPECT_EQ(envelope->time().seconds(), 1'800'000'000);
  EXPECT_EQ(envelope->time().nanos(), 250'000);
  EXPECT_EQ(envelope->payload(), "payload");
}

TEST(Record, LogTimeNeverGoesBack) {
  Head head = EmptyHead(kStream);
  ChainRecord(kStream, SampleEnvelope(), kNow, &head);
  ChainRecord(kStream, SampleEnvelope(), kNow - absl::Hours(1), &head);
  EXPECT_EQ(head.time, kNow);
  ChainRecord(kStream, SampleEnvelope(), kNow + absl::Seconds(1), &head);
  EXPECT_EQ(head.time, kNow + absl::Seconds(1));
}

TEST(Record, ALostRaceIsInertAndMovesNoHead) {
  Head winner = EmptyHead(kStream);
  Head loser = EmptyHead(kStream);
  Head reader = EmptyHead(kStream);
  Envelope other = SampleEnvelope();
  other.set_request_id("r2");
  const Record won = ChainRecord(kStream, SampleEnvelope(), kNow, &winner);
  const Record lost = ChainRecord(kStream, other, kNow, &loser);
  ASSERT_EQ(*JudgeRecord(kStream, won.bytes, &reader), Standing::kValid);
  EXPECT_EQ(*JudgeRecord(kStream, lost.bytes, &reader), Standing::kInert);
  EXPECT_EQ(*JudgeRecord(kStream, won.bytes, &reader), Standing::kInert);
  EXPECT_EQ(reader, winner);
}

TEST(Record, BytesWithoutOurMagicAreForeign) {
  Head head = EmptyHead(kStream);
  for (const char* bytes : {"", "PRS", "PRSX and more", "hello"}) {
    EXPECT_EQ(*JudgeRecord(kStream, bytes, &head), Standing::kForeign);
  }
}

TEST(Record, AnyFlippedBitBehindTheMagicIsDamage) {
  Head head = EmptyHead(kStream);
  const Record record = ChainRecord(kStream, SampleEnvelope(), kNow, &head);
  for (size_t at = 4; at < record.bytes.size(); ++at) {
    std::string flipped = record.bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    Head reader = EmptyHead(kStream);
    EXPECT_TRUE(absl::IsDataLoss(JudgeRecord(kStream, flipped, &reader).status())) << at;
    EXPECT_EQ(reader, EmptyHead(kStream));
  }
}

TEST(Record, ACutRecordIsDamage) {
  Head head = EmptyHead(kStream);
  const Record record = ChainRecord(kStream, SampleEnvelope(), kNow, &head);
  for (size_t size = 4; size < record.bytes.size(); ++size) {
    Head reader = EmptyHead(kStream);
    EXPECT_TRUE(absl::IsDataLoss(
        JudgeRecord(kStream, absl::string_view(record.bytes).substr(0, size), &reader).status()))
        << size;
  }
}

TEST(Record, ARecordOfAnotherStreamIsDamage) {
  const StreamId other = StreamId::Directory("other");
  Head head = EmptyHead(other);
  const Record record = ChainRecord(other, SampleEnvelope(), kNow, &head);
  Head reader = EmptyHead(kStream);
  EXPECT_TRUE(absl::IsDataLoss(JudgeRecord(kStream, record.bytes, &reader).status()));
}

TEST(Record, AnUnknownKindOfOurReaderIsDamageAndOfANewerOneStopsUs) {
  Envelope envelope = SampleEnvelope();
  envelope.set_stream(kStream.ToString());
  envelope.set_lowest_reader(1);
  Head head = EmptyHead(kStream);
  ASSERT_TRUE(JudgeRecord(kStream, Handmade(envelope), &head).ok());

  head = EmptyHead(kStream);
  envelope.set_kind(static_cast<event::v1::Kind>(9999));
  EXPECT_TRUE(absl::IsDataLoss(JudgeRecord(kStream, Handmade(envelope), &head).status()));

  envelope.set_lowest_reader(kReaderRevision + 1);
  const absl::Status newer =
      JudgeRecord(kStream, Handmade(envelope, kReaderRevision + 1), &head).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(newer));
  EXPECT_NE(newer.message().find("upgrade"), absl::string_view::npos);
  EXPECT_EQ(head, EmptyHead(kStream));
}

TEST(Record, ANewerFormatOfANewerReaderStopsUsAndOfOursIsDamage) {
  Envelope envelope = SampleEnvelope();
  Head head = EmptyHead(kStream);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      JudgeRecord(kStream, Handmade(envelope, kReaderRevision + 1, 1), &head).status()));
  EXPECT_TRUE(absl::IsDataLoss(JudgeRecord(kStream, Handmade(envelope, 1, 1), &head).status()));
}

TEST(Record, AnEnvelopeThatNamesAnotherLowestReaderIsDamage) {
  Envelope envelope = SampleEnvelope();
  envelope.set_stream(kStream.ToString());
  Head head = EmptyHead(kStream);
  EXPECT_TRUE(absl::IsDataLoss(JudgeRecord(kStream, Handmade(envelope), &head).status()));
}

// These bytes stand on logs: a change that makes this test fail makes a log unreadable.
TEST(Record, TheBytesAreAsTheyWereFirstWritten) {
  std::ifstream file(PURSER_SOURCE_DIR "/tests/golden/events/record_format0.hex");
  std::stringstream text;
  text << file.rdbuf();
  Head head = EmptyHead(kStream);
  std::string written;
  for (int i = 0; i < 2; ++i) {
    written +=
        absl::BytesToHexString(ChainRecord(kStream, SampleEnvelope(), kNow, &head).bytes) + "\n";
  }
  EXPECT_EQ(written, text.str());

  Head reader = EmptyHead(kStream);
  std::string line;
  while (std::getline(text, line)) {
    auto standing = JudgeRecord(kStream, absl::HexStringToBytes(line), &reader);
    ASSERT_TRUE(standing.ok()) << standing.status();
    EXPECT_EQ(*standing, Standing::kValid);
  }
  EXPECT_EQ(reader.position, 2u);
}

}  // namespace
}  // namespace purser
