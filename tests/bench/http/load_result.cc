#include "tests/bench/http/load_result.h"

#include <algorithm>
#include <cmath>

#include "nlohmann/json.hpp"

namespace purser::bench {
namespace {

// The value below which `share` of the sorted `latencies_us` lie, in milliseconds.
double Percentile(const std::vector<uint32_t>& latencies_us, double share) {
  if (latencies_us.empty()) return 0;
  const auto last = static_cast<double>(latencies_us.size() - 1);
  return latencies_us[static_cast<size_t>(std::ceil(share * last))] / 1000.0;
}

}  // namespace

void LoadResult::Add(const LoadResult& other) {
  for (const auto& [status, count] : other.statuses) statuses[status] += count;
  lost += other.lost;
  latencies_us.insert(latencies_us.end(), other.latencies_us.begin(), other.latencies_us.end());
  elapsed = std::max(elapsed, other.elapsed);
  generator_cpu += other.generator_cpu;
}

std::string ToJson(const LoadResult& result) {
  std::vector<uint32_t> sorted = result.latencies_us;
  std::sort(sorted.begin(), sorted.end());
  const auto requests = static_cast<double>(sorted.size());
  const double seconds = absl::ToDoubleSeconds(result.elapsed);
  nlohmann::ordered_json json;
  json["requests"] = sorted.size();
  json["lost"] = result.lost;
  json["seconds"] = seconds;
  json["per_second"] = seconds > 0 ? std::round(requests / seconds) : 0;
  json["p50_ms"] = Percentile(sorted, 0.50);
  json["p90_ms"] = Percentile(sorted, 0.90);
  json["p99_ms"] = Percentile(sorted, 0.99);
  json["max_ms"] = Percentile(sorted, 1);
  json["statuses"] = nlohmann::ordered_json::object();
  for (const auto& [status, count] : result.statuses) {
    json["statuses"][std::to_string(status)] = count;
  }
  json["generator_cpu_us_per_request"] =
      absl::ToDoubleMicroseconds(result.generator_cpu) / std::max(requests, 1.0);
  return json.dump();
}

}  // namespace purser::bench
