// Counters, gauges and histograms, and their text for Prometheus.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/base/mutex.h"

namespace purser {

// {{"app", "recnice"}}. Never a person's name or address.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Each may be changed from any thread, at the price of an atomic addition.
class Counter {
 public:
  void Add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double difference) { value_.fetch_add(difference, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 0;
};

class Histogram {
 public:
  // `bounds` rise; what is above the last counts in +Inf.
  explicit Histogram(std::vector<double> bounds);

  void Observe(double value);
  void Observe(absl::Duration duration) { Observe(absl::ToDoubleSeconds(duration)); }

  const std::vector<double>& bounds() const { return bounds_; }
  // One more than there are bounds; not cumulative.
  std::vector<uint64_t> counts() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;
  std::atomic<double> sum_ = 0;
};

// Seconds, from 1 ms to 10 s: requests, calls, commits.
std::vector<double> LatencyBounds();

// All metrics of the process. Thread-safe. A metric is looked up once and then held: it stays
// usable after Remove() and after the registry's end.
class MetricsRegistry {
 public:
  // The metric of that name and labels, made where it is new. `name` is a Prometheus name
  // ("purser_http_requests_total"); a family's help is its first caller's. A name of another kind
  // of metric is a mistake in the program, and ends it.
  std::shared_ptr<Counter> GetCounter(absl::string_view name, absl::string_view help,
                                      const MetricLabels& labels = {});
  std::shared_ptr<Gauge> GetGauge(absl::string_view name, absl::string_view help,
                                  const MetricLabels& labels = {});
  std::shared_ptr<Histogram> GetHistogram(absl::string_view name, absl::string_view help,
                                          const MetricLabels& labels = {},
                                          std::vector<double> bounds = LatencyBounds());

  // Shows it no longer: an app that is gone, or that another node owns now.
  void Remove(absl::string_view name, const MetricLabels& labels);

  // `collect` runs at the start of each Render(), to set gauges that are cheaper to ask for than to
  // keep. It may use the registry.
  void AddCollector(std::function<void()> collect);

  // The text exposition format 0.0.4, families and their metrics in order of name and labels.
  std::string Render() const;

 private:
  enum class Kind { kCounter, kGauge, kHistogram };
  struct Metric {
    std::shared_ptr<Counter> counter;
    std::shared_ptr<Gauge> gauge;
    std::shared_ptr<Histogram> histogram;
  };
  struct Family {
    Kind kind;
    std::string help;
    std::map<std::string, Metric> metrics;  // by their rendered labels: app="recnice"
  };

  Metric& Find(absl::string_view name, absl::string_view help, Kind kind,
               const MetricLabels& labels) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void RenderFamily(const std::string& name, const Family& family, std::string* text);

  mutable Mutex mutex_;
  std::map<std::string, Family, std::less<>> families_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> collectors_ ABSL_GUARDED_BY(mutex_);
};

// The Content-Type of what Render() gives.
inline constexpr absl::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace purser
