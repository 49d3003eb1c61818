#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "broker/eventlog/kafka/kafka_event_log.h"
#include "tests/conformance/eventlog/event_log_conformance.h"

namespace purser {
namespace {

// Two nodes on a real broker, under a prefix of the test's own.
class KafkaHarness : public EventLogHarness {
 public:
  explicit KafkaHarness(const std::string& bootstrap)
      : address_{.bootstrap = bootstrap,
                 .prefix =
                     absl::StrCat("conformance-", getpid(), "-", absl::ToUnixNanos(absl::Now()))},
        folder_(absl::StrCat(testing::TempDir(), "/", address_.prefix)) {
    std::filesystem::create_directories(folder_);
    other_ = Start("other");
    Reopen();
  }
  ~KafkaHarness() override {
    log_.reset();
    other_.reset();
    std::filesystem::remove_all(folder_);
  }
  EventLog& log() override { return *log_; }
  EventLog* other() override { return other_.get(); }
  void Reopen() override {
    log_.reset();
    log_ = Start("log");
  }

 private:
  std::unique_ptr<EventLog> Start(const std::string& name) {
    auto log = OpenKafkaEventLog(address_, absl::StrCat(folder_, "/", name), SystemClock());
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }

  const KafkaAddress address_;
  const std::string folder_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<EventLog> other_;
};

std::vector<EventLogFactory> Factories() {
  const char* bootstrap = std::getenv("PURSER_TEST_KAFKA");
  if (bootstrap == nullptr) return {};
  return {[address = std::string(bootstrap)] { return std::make_unique<KafkaHarness>(address); }};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EventLogConformance);
INSTANTIATE_TEST_SUITE_P(Kafka, EventLogConformance, testing::ValuesIn(Factories()));
INSTANTIATE_TEST_SUITE_P(Kafka, SharedEventLogConformance, testing::ValuesIn(Factories()));

TEST(KafkaConformance, RunsOnTheBrokerNamedByPURSER_TEST_KAFKA) {
  if (Factories().empty()) GTEST_SKIP() << "PURSER_TEST_KAFKA names no broker";
}

}  // namespace
}  // namespace purser
