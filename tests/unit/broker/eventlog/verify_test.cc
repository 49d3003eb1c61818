#include "broker/eventlog/verify.h"

#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/match.h"

namespace purser {
namespace {

const StreamId kStream = StreamId::Directory("d1");

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    Head head = EmptyHead(kStream);
    for (StreamPosition position = 1; position <= 10; ++position) {
      event::v1::Envelope envelope;
      envelope.set_kind(event::v1::BARRIER);
      records_.push_back(
          {position, ChainRecord(kStream, envelope, absl::UnixEpoch(), &head).bytes});
    }
  }

  StreamReport Verify(StreamPosition end = 10) {
    auto report = VerifyStream(kStream, end, [&](StreamPosition after, size_t, size_t) {
      std::vector<StoredRecord> run;
      // Three at a time, so that runs join.
      for (const StoredRecord& record : records_) {
        if (record.position > after && run.size() < 3) run.push_back(record);
      }
      return absl::StatusOr<std::vector<StoredRecord>>(run);
    });
    EXPECT_TRUE(report.ok()) << report.status();
    return *report;
  }

  static void ExpectBad(const StreamReport& report, StreamPosition position,
                        absl::string_view what) {
    ASSERT_TRUE(report.bad.has_value());
    EXPECT_EQ(report.bad->position, position);
    EXPECT_EQ(report.head.position, position - 1);
    EXPECT_TRUE(absl::StrContains(report.bad->what,
                                  "stream directory/d1, position " + std::to_string(position)))
        << report.bad->what;
    EXPECT_TRUE(absl::StrContains(report.bad->what, what)) << report.bad->what;
    EXPECT_FALSE(report.bad->remedy.empty());
  }

  std::vector<StoredRecord> records_;
};

TEST_F(VerifyTest, AWholeStreamHasNoBadRecord) {
  const StreamReport report = Verify();
  EXPECT_FALSE(report.bad.has_value());
  EXPECT_EQ(report.head.position, 10u);
}

TEST_F(VerifyTest, AFlippedByteIsNamed) {
  records_[4].bytes[80] ^= 1;
  ExpectBad(Verify(), 5, "not the hash of its bytes");
}

TEST_F(VerifyTest, ADeletedRecordIsNamed) {
  records_.erase(records_.begin() + 4);
  ExpectBad(Verify(), 5, "the record is missing; the next one here is 6");
}

TEST_F(VerifyTest, TheFirstRecordsAbsenceIsNamed) {
  records_.erase(records_.begin());
  ExpectBad(Verify(), 1, "missing");
}

TEST_F(VerifyTest, ADeletedRecordWithTheRestMovedUpIsNamed) {
  records_.erase(records_.begin() + 4);
  for (size_t i = 4; i < records_.size(); ++i) --records_[i].position;
  ExpectBad(Verify(), 5, "does not chain");
}

TEST_F(VerifyTest, TwoSwappedRecordsAreNamed) {
  std::swap(records_[4].bytes, records_[5].bytes);
  ExpectBad(Verify(), 5, "does not chain");
}

TEST_F(VerifyTest, ACutEndIsNamed) {
  records_.resize(7);
  ExpectBad(Verify(), 8, "the stream goes on to position 10");
}

TEST_F(VerifyTest, AnEmptiedStreamIsNamed) {
  records_.clear();
  ExpectBad(Verify(), 1, "missing");
}

TEST_F(VerifyTest, BytesThatAreNoRecordAreNamed) {
  records_[4].bytes = "something else";
  ExpectBad(Verify(), 5, "no record of ours");
}

TEST_F(VerifyTest, TheRemedyForANewerRecordIsANewerProgram) {
  Head head = EmptyHead(kStream);
  event::v1::Envelope envelope;
  envelope.set_kind(event::v1::BARRIER);
  envelope.set_lowest_reader(kReaderRevision + 1);
  records_ = {{1, ChainRecord(kStream, envelope, absl::UnixEpoch(), &head).bytes}};
  const StreamReport report = Verify(1);
  ExpectBad(report, 1, "needs reader");
  EXPECT_TRUE(absl::StrContains(report.bad->remedy, "newer"));
}

TEST_F(VerifyTest, AnErrorOfReadingIsNoBadRecord) {
  auto report = VerifyStream(kStream, 1, [](StreamPosition, size_t, size_t) {
    return absl::StatusOr<std::vector<StoredRecord>>(absl::UnavailableError("gone"));
  });
  EXPECT_TRUE(absl::IsUnavailable(report.status()));
}

}  // namespace
}  // namespace purser
