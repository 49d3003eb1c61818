#include "broker/base/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "broker/base/log.h"

namespace purser {
namespace {

std::string RenderLabels(const MetricLabels& labels) {
  return absl::StrJoin(labels, ",", [](std::string* out, const auto& label) {
    absl::StrAppend(
        out, label.first, "=\"",
        absl::StrReplaceAll(label.second, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
  });
}

// The shortest decimals that read back as the same value.
std::string RenderValue(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  return std::string(digits, end);
}

template <typename Value>
void AppendSample(absl::string_view name, absl::string_view labels, const Value& value,
                  std::string* text) {
  absl::StrAppend(text, name);
  if (!labels.empty()) absl::StrAppend(text, "{", labels, "}");
  absl::StrAppend(text, " ", value, "\n");
}

void AppendHistogram(const std::string& name, const std::string& labels, const Histogram& histogram,
                     std::string* text) {
  const std::vector<uint64_t> counts = histogram.counts();
  const std::vector<double>& bounds = histogram.bounds();
  uint64_t total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound = i < bounds.size() ? RenderValue(bounds[i]) : "+Inf";
    AppendSample(absl::StrCat(name, "_bucket"),
                 absl::StrCat(labels, labels.empty() ? "" : ",", "le=\"", bound, "\""), total,
                 text);
  }
  AppendSample(absl::StrCat(name, "_sum"), labels, RenderValue(histogram.sum()), text);
  AppendSample(absl::StrCat(name, "_count"), labels, total, text);
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::Observe(double value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<size_t>(bound - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<uint64_t> Histogram::counts() const {
  std::vector<uint64_t> counts;
  for (const auto& count : counts_) counts.push_back(count.load(std::memory_order_relaxed));
  return counts;
}

std::vector<double> LatencyBounds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

MetricsRegistry::Metric& MetricsRegistry::Find(absl::string_view name, absl::string_view help,
                                               Kind kind, const MetricLabels& labels) {
  const auto [family, is_new] =
      families_.try_emplace(std::string(name), Family{kind, std::string(help), {}});
  if (family->second.kind != kind) {
    LogError("a metric is used as two kinds", {{"metric", name}});
    std::abort();
  }
  return family->second.metrics[RenderLabels(labels)];
}

std::shared_ptr<Counter> MetricsRegistry::GetCounter(absl::string_view name, absl::string_view help,
                                                     const MetricLabels& labels) {
  MutexLock lock(&mutex_);
  Metric& metric = Find(name, help, Kind::kCounter, labels);
  if (metric.counter == nullptr) metric.counter = std::make_shared<Counter>();
  return metric.counter;
}

std::shared_ptr<Gauge> MetricsRegistry::GetGauge(absl::string_view name, absl::string_view help,
                                                 const MetricLabels& labels) {
  MutexLock lock(&mutex_);
  Metric& metric = Find(name, help, Kind::kGauge, labels);
  if (metric.gauge == nullptr) metric.gauge = std::make_shared<Gauge>();
  return metric.gauge;
}

std::shared_ptr<Histogram> MetricsRegistry::GetHistogram(absl::string_view name,
                                                         absl::string_view help,
                                                         const MetricLabels& labels,
                                                         std::vector<double> bounds) {
  MutexLock lock(&mutex_);
  Metric& metric = Find(name, help, Kind::kHistogram, labels);
  if (metric.histogram == nullptr) {
    metric.histogram = std::make_shared<Histogram>(std::move(bounds));
  }
  return metric.histogram;
}

void MetricsRegistry::Remove(absl::string_view name, const MetricLabels& labels) {
  MutexLock lock(&mutex_);
  const auto family = families_.find(name);
  if (family == families_.end()) return;
  family->second.metrics.erase(RenderLabels(labels));
}

void MetricsRegistry::AddCollector(std::function<void()> collect) {
  MutexLock lock(&mutex_);
  collectors_.push_back(std::move(collect));
}

void MetricsRegistry::RenderFamily(const std::string& name, const Family& family,
                                   std::string* text) {
  static constexpr absl::string_view kTypes[] = {"counter", "gauge", "histogram"};
  if (family.metrics.empty()) return;
  absl::StrAppend(text, "# HELP ", name, " ",
                  absl::StrReplaceAll(family.help, {{"\\", "\\\\"}, {"\n", "\\n"}}), "\n# TYPE ",
                  name, " ", kTypes[static_cast<int>(family.kind)], "\n");
  for (const auto& [labels, metric] : family.metrics) {
    if (metric.counter != nullptr) AppendSample(name, labels, metric.counter->value(), text);
    if (metric.gauge != nullptr) {
      AppendSample(name, labels, RenderValue(metric.gauge->value()), text);
    }
    if (metric.histogram != nullptr) AppendHistogram(name, labels, *metric.histogram, text);
  }
}

std::string MetricsRegistry::Render() const {
  std::vector<std::function<void()>> collectors;
  {
    MutexLock lock(&mutex_);
    collectors = collectors_;
  }
  for (const auto& collect : collectors) collect();
  std::string text;
  MutexLock lock(&mutex_);
  for (const auto& [name, family] : families_) RenderFamily(name, family, &text);
  return text;
}

}  // namespace purser
