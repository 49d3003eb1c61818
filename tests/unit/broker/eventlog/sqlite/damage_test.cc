// What a hand, a bad disk or a wrong restore does to log.db, and that it is named.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "broker/base/log.h"
#include "broker/eventlog/sqlite/verify_folder.h"
#include "tests/unit/broker/eventlog/sqlite/log_folder.h"

namespace purser {
namespace {

class DamageTest : public LogFolderTest {
 protected:
  // The damage is named at `position` by the offline check, by a live reader and by Health(); the
  // records before it can be read, and nothing is written any more.
  void ExpectNamed(StreamPosition position, absl::string_view what) {
    const std::string place = absl::StrCat("stream directory/d1, position ", position);
    auto report = VerifyFolder(folder_);
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_TRUE(report->streams[0].bad.has_value());
    EXPECT_EQ(report->streams[0].bad->position, position);
    EXPECT_TRUE(absl::StrContains(report->streams[0].bad->what, place))
        << report->streams[0].bad->what;
    EXPECT_TRUE(absl::StrContains(report->streams[0].bad->what, what))
        << report->streams[0].bad->what;
    EXPECT_TRUE(absl::IsDataLoss(report->status()));

    Start();
    Open(stream_).IgnoreError();
    std::vector<StoredRecord> whole;
    absl::Status status;
    while (status.ok() && whole.size() < 100) {
      auto run = log_->Read(stream_, whole.size(), 4, 1 << 20);
      status = run.status();
      if (!run.ok()) break;
      ASSERT_FALSE(run->empty()) << "the damage was not found";
      whole.insert(whole.end(), run->begin(), run->end());
    }
    EXPECT_EQ(whole.size(), position - 1);
    for (const absl::Status& named : {status, log_->Health(stream_)}) {
      EXPECT_TRUE(absl::IsDataLoss(named)) << named;
      EXPECT_TRUE(absl::StrContains(named.message(), place)) << named;
      EXPECT_TRUE(absl::StrContains(named.message(), what)) << named;
    }
    EXPECT_TRUE(absl::IsDataLoss(Append(stream_, 1).status));
    auto live = VerifyStream(*log_, stream_);
    ASSERT_TRUE(live.ok()) << live.status();
    ASSERT_TRUE(live->bad.has_value());
    EXPECT_EQ(live->bad->position, position);
  }
};

TEST_F(DamageTest, AFlippedByteIsNamed) {
  WriteTen();
  Edit(
      "UPDATE records SET bytes = CAST(substr(bytes, 1, 90) || x'07' || substr(bytes, 92) AS BLOB)"
      " WHERE key = " +
      Key(5));
  ExpectNamed(5, "not the hash of its bytes");
}

TEST_F(DamageTest, AFlippedByteOfTheLastRecordIsNamed) {
  WriteTen();
  Edit(
      "UPDATE records SET bytes = CAST(substr(bytes, 1, 90) || x'07' || substr(bytes, 92) AS BLOB)"
      " WHERE key = " +
      Key(10));
  ExpectNamed(10, "not the hash of its bytes");
}

TEST_F(DamageTest, ADeletedRowIsNamed) {
  WriteTen();
  Edit("DELETE FROM records WHERE key = " + Key(5));
  ExpectNamed(5, "missing");
}

TEST_F(DamageTest, TwoSwappedRowsAreNamed) {
  WriteTen();
  Edit("UPDATE records SET key = 1 WHERE key = " + Key(5) + ";" +
       "UPDATE records SET key = " + Key(5) + " WHERE key = " + Key(6) + ";" +
       "UPDATE records SET key = " + Key(6) + " WHERE key = 1");
  ExpectNamed(5, "does not chain");
}

TEST_F(DamageTest, ACutEndIsNamed) {
  WriteTen();
  Edit("DELETE FROM records WHERE key > " + Key(7));
  ExpectNamed(8, "missing");
}

// How many random edits are tried.
uint64_t Edits() {
  const char* given = std::getenv("PURSER_TAMPERINGS");
  uint64_t edits = 0;
  return given != nullptr && absl::SimpleAtoi(given, &edits) ? edits : 200;
}

// One random edit of a stream of ten records: where the first bad one is.
class Tampering {
 public:
  Tampering(const std::string& file, uint64_t seed) : file_(file), random_(seed) {}

  StreamPosition Apply() {
    auto opened = Database::Open(file_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    const StreamPosition at = 1 + random_() % 10;
    switch (random_() % 4) {
      case 0:
        return Flip(at);
      case 1:
        return Run("DELETE FROM records WHERE key = " + Key(at), at);
      case 2:
        return Run("DELETE FROM records WHERE key >= " + Key(at), at);
      default:
        return Swap(at, 1 + (at + random_() % 9) % 10);
    }
  }
  const std::string& what() const { return what_; }

 private:
  static std::string Key(StreamPosition position) {
    return absl::StrCat("((1 << 40) + ", position, ")");
  }
  StreamPosition Run(const std::string& sql, StreamPosition first_bad) {
    absl::StrAppend(&what_, sql, "; ");
    const absl::Status done = database_->Execute(sql);
    EXPECT_TRUE(done.ok()) << done;
    return first_bad;
  }
  StreamPosition Swap(StreamPosition one, StreamPosition other) {
    Run("UPDATE records SET key = 1 WHERE key = " + Key(one), 0);
    Run("UPDATE records SET key = " + Key(one) + " WHERE key = " + Key(other), 0);
    return Run("UPDATE records SET key = " + Key(other) + " WHERE key = 1", std::min(one, other));
  }
  StreamPosition Flip(StreamPosition at) {
    Statement& row = database_->Prepare("SELECT bytes FROM records WHERE key = " + Key(at));
    EXPECT_TRUE(row.Next());
    std::string bytes(row.Blob(0));
    row.Finish();
    const size_t place = random_() % bytes.size();
    bytes[place] = static_cast<char>(bytes[place] ^ (1 << random_() % 8));
    what_ = absl::StrCat("byte ", place, " of record ", at, " of ", bytes.size(), " bytes");
    EXPECT_TRUE(database_->Prepare("UPDATE records SET bytes = ? WHERE key = " + Key(at))
                    .BindBlob(bytes)
                    .Run()
                    .ok());
    return at;
  }

  const std::string file_;
  std::mt19937_64 random_;
  std::unique_ptr<Database> database_;
  std::string what_;
};

TEST_F(DamageTest, ARandomEditIsFoundAndItsFirstRecordNamed) {
  SetLogLevel(LogLevel::kError);
  for (uint64_t seed = 1; seed <= Edits() && !HasFailure(); ++seed) {
    Stop();
    std::filesystem::remove_all(folder_);
    WriteTen();
    StreamPosition bad = 0;
    {
      Tampering tampering(folder_ + "/log.db", seed);
      bad = tampering.Apply();
      SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", tampering.what()));
      if (HasFailure()) return;
    }
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    ExpectNamed(bad, "");
  }
  SetLogLevel(LogLevel::kInfo);
}

TEST_F(DamageTest, AnEmptiedStreamIsNamed) {
  WriteTen();
  Edit("DELETE FROM records");
  ExpectNamed(1, "missing");
}

TEST_F(DamageTest, AnAddedRecordThatDoesNotChainIsNamed) {
  WriteTen();
  Edit("INSERT INTO records SELECT " + Key(11) + ", bytes FROM records WHERE key = " + Key(4));
  ExpectNamed(11, "does not chain");
}

TEST_F(DamageTest, ALogReplacedByAnotherOfTheSameStreamIsFoundOut) {
  WriteTen();
  Edit(
      "UPDATE meta SET value = CAST(substr(value, 1, 8) || randomblob(32) AS BLOB)"
      " WHERE key = 'mark/directory/d1'");
  auto report = VerifyFolder(folder_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(absl::StrContains(report->status().message(), "another record")) << report->status();
  Start();
  EXPECT_TRUE(absl::IsDataLoss(Open(stream_).status()));
  EXPECT_TRUE(absl::StrContains(log_->Health(stream_).message(), "position 10: it is another"))
      << log_->Health(stream_);
}

TEST_F(DamageTest, DamageOfOneStreamStopsNoOther) {
  WriteTen();
  Edit("DELETE FROM records WHERE key = " + Key(5));
  Start();
  Open(stream_).IgnoreError();
  EXPECT_TRUE(absl::IsDataLoss(log_->Read(stream_, 4, 1, 1).status()));
  const StreamId app = StreamId::App("a1");
  ASSERT_TRUE(Open(app).ok());
  EXPECT_TRUE(Append(app, 1).status.ok());
  EXPECT_TRUE(log_->Health(app).ok());
}

TEST_F(DamageTest, AWholeFolderIsReportedWhole) {
  WriteTen();
  auto report = VerifyFolder(folder_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->status().ok()) << report->status();
  EXPECT_EQ(report->streams.at(0).head.position, 10u);
}

TEST_F(DamageTest, AFolderWithoutALogIsNotFoundAndIsNotCreated) {
  EXPECT_TRUE(absl::IsNotFound(VerifyFolder(folder_).status()));
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(DamageTest, AFolderInUseIsNotVerifiedOffline) {
  Start();
  const absl::Status refused = VerifyFolder(folder_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
}

TEST_F(DamageTest, ADamagedPageStopsAllWriting) {
  Start();
  ASSERT_TRUE(Open(stream_).ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Append(stream_, 100, 500).status.ok());
  EXPECT_TRUE(log_->VerifyPages().ok());
  Stop();
  std::fstream file(folder_ + "/log.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 40);
  file << std::string(4096, '\xee');
  file.close();

  Start();
  ASSERT_TRUE(Open(stream_).ok());
  EXPECT_TRUE(absl::IsDataLoss(log_->VerifyPages()));
  EXPECT_TRUE(absl::IsDataLoss(log_->Health(stream_)));
  EXPECT_TRUE(absl::IsDataLoss(Append(stream_, 1).status));
  EXPECT_EQ(fatal_.size(), 1u);
  Stop();
  auto report = VerifyFolder(folder_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(absl::IsDataLoss(report->pages));
  EXPECT_TRUE(report->streams[0].bad.has_value());
}

TEST_F(DamageTest, AFileThatIsNoDatabaseIsNamed) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ + "/log.db") << std::string(10'000, 'n');
  const absl::Status status = SqliteEventLog::Create(options_).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), folder_ + "/log.db")) << status;
}

TEST_F(DamageTest, ADamagedFileOfExchangesIsPutAside) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ + "/exchanges.db") << std::string(10'000, 'n');
  Start();
  EXPECT_TRUE(Open(StreamId::Exchanges("a1")).ok());
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/exchanges.db.damaged"));
}

TEST_F(DamageTest, ANewerFormatIsRefusedNamingBoth) {
  WriteTen();
  Edit("PRAGMA user_version = 9");
  const absl::Status status = SqliteEventLog::Create(options_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "format 9")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "up to 1")) << status;
}

}  // namespace
}  // namespace purser
