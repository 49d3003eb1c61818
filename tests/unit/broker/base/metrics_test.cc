#include "broker/base/metrics.h"

#include <limits>
#include <thread>

#include "gtest/gtest.h"

namespace purser {
namespace {

TEST(MetricsRegistry, CountersAndGaugesAreRenderedInOrderWithTheirHelpAndType) {
  MetricsRegistry registry;
  registry.GetGauge("purser_pending", "Lanes that wait.", {{"app", "recnice"}})->Set(2.5);
  registry.GetGauge("purser_pending", "Lanes that wait.", {{"app", "alexishr"}})->Set(1234567);
  registry.GetCounter("purser_calls_total", "Calls.")->Add(3);
  EXPECT_EQ(registry.Render(),
            "# HELP purser_calls_total Calls.\n"
            "# TYPE purser_calls_total counter\n"
            "purser_calls_total 3\n"
            "# HELP purser_pending Lanes that wait.\n"
            "# TYPE purser_pending gauge\n"
            "purser_pending{app=\"alexishr\"} 1234567\n"
            "purser_pending{app=\"recnice\"} 2.5\n");
}

TEST(MetricsRegistry, AHistogramsBucketsAreCumulativeAndABoundIsInItsBucket) {
  MetricsRegistry registry;
  const auto latency = registry.GetHistogram("t", "T.", {{"a", "b"}}, {0.1, 1});
  latency->Observe(0.1);
  latency->Observe(absl::Milliseconds(500));
  latency->Observe(7);
  EXPECT_EQ(registry.Render(),
            "# HELP t T.\n# TYPE t histogram\n"
            "t_bucket{a=\"b\",le=\"0.1\"} 1\n"
            "t_bucket{a=\"b\",le=\"1\"} 2\n"
            "t_bucket{a=\"b\",le=\"+Inf\"} 3\n"
            "t_sum{a=\"b\"} 7.6\n"
            "t_count{a=\"b\"} 3\n");
}

TEST(MetricsRegistry, LabelsAndHelpCannotBreakTheFormat) {
  MetricsRegistry registry;
  registry.GetCounter("c", "a\\b\nc", {{"l", "q\"b\\n\nx"}});
  EXPECT_EQ(registry.Render(),
            "# HELP c a\\\\b\\nc\n# TYPE c counter\nc{l=\"q\\\"b\\\\n\\nx\"} 0\n");
}

TEST(MetricsRegistry, ValuesThatAreNoNumbersHaveTheirNames) {
  MetricsRegistry registry;
  registry.GetGauge("a", "")->Set(std::numeric_limits<double>::infinity());
  registry.GetGauge("b", "")->Set(-std::numeric_limits<double>::infinity());
  registry.GetGauge("c", "")->Set(std::numeric_limits<double>::quiet_NaN());
  const std::string text = registry.Render();
  EXPECT_NE(text.find("a +Inf\n"), std::string::npos);
  EXPECT_NE(text.find("b -Inf\n"), std::string::npos);
  EXPECT_NE(text.find("c NaN\n"), std::string::npos);
}

TEST(MetricsRegistry, TheSameNameAndLabelsAreTheSameMetric) {
  MetricsRegistry registry;
  registry.GetCounter("c", "C.", {{"a", "1"}})->Add();
  registry.GetCounter("c", "C.", {{"a", "1"}})->Add();
  EXPECT_EQ(registry.GetCounter("c", "C.", {{"a", "1"}})->value(), 2u);
  EXPECT_EQ(registry.GetCounter("c", "C.", {{"a", "2"}})->value(), 0u);
}

TEST(MetricsRegistry, ARemovedMetricIsNotShownAndStillUsable) {
  MetricsRegistry registry;
  const auto gauge = registry.GetGauge("g", "G.", {{"a", "1"}});
  registry.Remove("g", {{"a", "1"}});
  registry.Remove("unknown", {});
  gauge->Set(1);
  EXPECT_EQ(registry.Render(), "");
}

TEST(MetricsRegistry, ACollectorRunsBeforeEachRendering) {
  MetricsRegistry registry;
  int runs = 0;
  registry.AddCollector([&] { registry.GetGauge("g", "G.")->Set(++runs); });
  registry.Render();
  EXPECT_NE(registry.Render().find("g 2\n"), std::string::npos);
}

TEST(MetricsRegistry, NoCountIsLostBetweenThreads) {
  MetricsRegistry registry;
  const auto count = [&] {
    for (int i = 0; i < 10'000; ++i) {
      registry.GetCounter("c", "C.")->Add();
      registry.GetHistogram("h", "H.")->Observe(1.0);
    }
  };
  std::thread other(count);
  count();
  other.join();
  EXPECT_EQ(registry.GetCounter("c", "C.")->value(), 20'000u);
  EXPECT_EQ(registry.GetHistogram("h", "H.")->sum(), 20'000.0);
}

}  // namespace
}  // namespace purser
