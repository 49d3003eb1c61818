#include <unistd.h>

#include <filesystem>

#include "broker/eventlog/memory/memory_event_log.h"
#include "tests/conformance/eventlog/event_log_conformance.h"

namespace purser {
namespace {

// Two nodes on one cluster in memory.
class MemoryHarness : public EventLogHarness {
 public:
  MemoryHarness() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    other_ = Start("other.db", 2);
    Reopen();
  }
  ~MemoryHarness() override {
    log_.reset();
    other_.reset();
    std::filesystem::remove_all(folder_);
  }
  EventLog& log() override { return *log_; }
  EventLog* other() override { return other_.get(); }
  void Reopen() override {
    log_.reset();
    log_ = Start("log.db", 1);
  }

 private:
  std::unique_ptr<EventLog> Start(const std::string& file, uint64_t seed) {
    auto node = OpenMemoryEventLog(&cluster_, absl::StrCat(folder_, "/", file), SystemClock(),
                                   RandomIdSource(), seed);
    EXPECT_TRUE(node.ok()) << node.status();
    return std::move(node->log);
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "/memory_conformance_", getpid(),
                                           "_", absl::ToUnixNanos(absl::Now()));
  MemoryCluster cluster_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<EventLog> other_;
};

const auto kFactory = testing::Values([] { return std::make_unique<MemoryHarness>(); });
INSTANTIATE_TEST_SUITE_P(Memory, EventLogConformance, kFactory);
INSTANTIATE_TEST_SUITE_P(Memory, SharedEventLogConformance, kFactory);

}  // namespace
}  // namespace purser
