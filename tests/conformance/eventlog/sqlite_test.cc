#include <filesystem>

#include "broker/eventlog/sqlite/sqlite_event_log.h"
#include "tests/conformance/eventlog/event_log_conformance.h"

namespace purser {
namespace {

class SqliteHarness : public EventLogHarness {
 public:
  SqliteHarness() {
    std::filesystem::remove_all(folder_);
    Reopen();
  }
  ~SqliteHarness() override {
    log_.reset();
    std::filesystem::remove_all(folder_);
  }
  EventLog& log() override { return *log_; }
  void Reopen() override {
    log_.reset();
    auto created = SqliteEventLog::Create({.folder = folder_});
    EXPECT_TRUE(created.ok()) << created.status();
    log_ = *std::move(created);
  }

 private:
  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/sqlite_conformance_", absl::ToUnixNanos(absl::Now()));
  std::unique_ptr<SqliteEventLog> log_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, EventLogConformance,
                         testing::Values([] { return std::make_unique<SqliteHarness>(); }));

}  // namespace
}  // namespace purser
