// What a run of the load generator came to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace purser::bench {

struct LoadResult {
  std::map<int, uint64_t> statuses;    // answers by their status
  uint64_t lost = 0;                   // requests whose connection ended without an answer
  std::vector<uint32_t> latencies_us;  // one each answer
  absl::Duration elapsed;              // from the first request to the last answer
  absl::Duration generator_cpu;        // of the generator's own threads

  void Add(const LoadResult& other);
};

// {"requests":..,"lost":0,"seconds":..,"per_second":..,"p50_ms":..,"p90_ms":..,"p99_ms":..,
//  "max_ms":..,"statuses":{"201":..},"generator_cpu_us_per_request":..}
std::string ToJson(const LoadResult& result);

}  // namespace purser::bench
