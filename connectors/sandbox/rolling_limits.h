// Limits such as "60 calls in any 60 seconds", some for dearer operations alone.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// A call over a limit.
struct Exceeded {
  absl::Duration wait;     // until one more would be taken
  bool tell_when = false;  // with Retry-After
};

// Thread-compatible.
class RollingLimits {
 public:
  // [{"calls": 60, "per_seconds": 60, "operation": "PatchUser", "retry_after": true}]; without
  // operation, all calls count. InvalidArgument changes nothing.
  absl::Status Set(const nlohmann::json& limits);
  const nlohmann::json& Get() const { return document_; }

  // Counts the call against every limit it falls under, or none where one is reached.
  std::optional<Exceeded> Take(absl::string_view operation, absl::Duration now);

 private:
  struct Limit {
    std::string operation;
    size_t calls = 0;
    absl::Duration window;
    bool tell_when = false;
    std::deque<absl::Duration> taken;
  };

  nlohmann::json document_ = nlohmann::json::array();
  std::vector<Limit> limits_;
};

}  // namespace purser::sandbox
